"""Hardware facts: which processor this is, what it can draw, how much of it a host sees."""

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
