"""Hardware facts: which processor this is, what it can draw, how much of it a host sees.

Names are loaded when they are first used: workers import ``detect`` alone.
"""

from typing import TYPE_CHECKING

from flexecutor_energy.exports import exporting

if TYPE_CHECKING:
    from flexecutor_energy.hardware.catalogue import Catalogue, shipped_catalogue
    from flexecutor_energy.hardware.detect import HostFacts, detect_host
    from flexecutor_energy.hardware.lookup import current_catalogue, find_cpu, stored_catalogue
    from flexecutor_energy.hardware.names import normalise
    from flexecutor_energy.hardware.power import host_power_curve, power_curve
    from flexecutor_energy.hardware.records import CpuRecord, InstanceRecord

__all__ = [
    "Catalogue",
    "CpuRecord",
    "HostFacts",
    "InstanceRecord",
    "current_catalogue",
    "detect_host",
    "find_cpu",
    "host_power_curve",
    "normalise",
    "power_curve",
    "shipped_catalogue",
    "stored_catalogue",
]


__getattr__ = exporting(
    __name__,
    {
        ".catalogue": ("Catalogue", "shipped_catalogue"),
        ".detect": ("HostFacts", "detect_host"),
        ".lookup": ("current_catalogue", "find_cpu", "stored_catalogue"),
        ".names": ("normalise",),
        ".power": ("host_power_curve", "power_curve"),
        ".records": ("CpuRecord", "InstanceRecord"),
    },
)
