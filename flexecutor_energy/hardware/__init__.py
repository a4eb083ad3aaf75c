"""Hardware facts: which processor this is, what it can draw, how much of it a host sees.

Names are loaded when they are first used: workers import ``detect`` alone.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {
    "Catalogue": "catalogue",
    "CpuRecord": "catalogue",
    "HostFacts": "detect",
    "detect_host": "detect",
    "find_cpu": "catalogue",
    "host_power_curve": "power",
    "normalise": "names",
    "power_curve": "power",
    "shipped_catalogue": "catalogue",
}

if TYPE_CHECKING:
    from flexecutor_energy.hardware.catalogue import (
        Catalogue,
        CpuRecord,
        find_cpu,
        shipped_catalogue,
    )
    from flexecutor_energy.hardware.detect import HostFacts, detect_host
    from flexecutor_energy.hardware.names import normalise
    from flexecutor_energy.hardware.power import host_power_curve, power_curve

__all__ = [
    "Catalogue",
    "CpuRecord",
    "HostFacts",
    "detect_host",
    "find_cpu",
    "host_power_curve",
    "normalise",
    "power_curve",
    "shipped_catalogue",
]


def __getattr__(name: str) -> Any:
    """Load an exported name from its module (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'flexecutor_energy.hardware' has no attribute {name!r}")
    return getattr(import_module(f"flexecutor_energy.hardware.{_HOMES[name]}"), name)
