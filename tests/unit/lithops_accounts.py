"""Accounts of calls and samples of hosts whose energy can be told beforehand."""

from collections.abc import Sequence

from flexecutor_energy.energy.calibration import Calibration
from flexecutor_energy.energy.power import PowerCurve
from flexecutor_energy.energy.reading import EnergyReading
from flexecutor_energy.energy.sampler import HostSample
from flexecutor_energy.hardware.detect import HostFacts
from flexecutor_energy.lithops_meter.account import Account, Instant
from flexecutor_energy.lithops_meter.calls import DriverHost

FACTS = HostFacts("cpu", 2, 2, 1, False, None, None, 1000.0)
LINE = PowerCurve(
    "cpu", "tdp", "package", True, "a line", (0.0, 1.0), (2.0, 10.0), (1.0, 9.0), (3.0, 12.0), 2
)
"""2 W without load, 10 W with both threads busy."""


def power_of(facts: HostFacts, machine_key: str) -> tuple[PowerCurve, Calibration | None]:
    return LINE, None


def account(
    start_s: float,
    end_s: float,
    cpu_s: float,
    *,
    host: str = "a",
    busy: tuple[float | None, float | None] = (None, None),
    boot_s: float = 1000.0,
) -> Account:
    return Account(
        host,
        Instant(start_s, boot_s + start_s, 1.0, busy[0]),
        Instant(end_s, boot_s + end_s, 1.0 + cpu_s, busy[1]),
        facts=FACTS,
    )


def samples(
    end_s: int, watts: float | None = None, busy: float = 1.0, gap: tuple[float, float] = (0, 0)
) -> list[HostSample]:
    """Return ten samples a second of a host with ``busy`` CPUs at work."""
    found = []
    for tick in range(10 * end_s + 1):
        time = tick / 10
        readings: tuple[EnergyReading, ...] = ()
        if watts is not None:
            value = None if gap[0] < time < gap[1] else round(watts * time * 1e6)
            readings = (EnergyReading(time, time, {(0, "package"): value}, "rapl"),)
        found.append(HostSample(time, 100.0 + busy * time, 500.0, readings))
    return found


def driver(
    seen: Sequence[HostSample], own_cpu_s: float = 0.0, below_cpu_s: float = 0.0
) -> DriverHost:
    return DriverHost("a", FACTS, "", seen, 1000.0, own_cpu_s, below_cpu_s)
