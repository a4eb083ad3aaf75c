"""Measuring what a machine draws, first without load and then under full load."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from flexecutor_energy.energy.calibration import FOREIGN_LIMIT, MeasuredPower
from flexecutor_energy.energy.collector import Clocks, EnergyCollector
from flexecutor_energy.energy.counters import energy_between
from flexecutor_energy.energy.domains import boundary, label
from flexecutor_energy.energy.reading import EnergyDelta
from flexecutor_energy.energy.sampler import HostSample, HostSampler
from flexecutor_energy.errors import CalibrationError

FULL_LOAD = 0.90
"""Share of the CPUs that must be busy for their power to be called that of full load."""

WINDOW_S = 1.0
_STEP_S = 1.1  # perf tells a tenth of a second late
_SETTLE_S = 2.0
_KNOWN_SHARE = 0.8

Seen = Callable[[str, float, float | None], None]
"""Told of each window: the phase (``idle`` or ``loaded``), seconds so far, watts if known."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A machine in one state.

    Attributes
    ----------
    power : what it drew
    busy_share : share of its CPUs that was busy; None where nobody tells
    foreign_share : the part of it that was not this process
    """

    power: MeasuredPower
    busy_share: float | None
    foreign_share: float | None


@dataclass(frozen=True, slots=True)
class Measured:
    """Both states of a machine; ``loaded`` is None where it was only watched idle."""

    boundary: str
    idle: Phase
    loaded: Phase | None


class Calibrator:
    """Measures one machine with one energy counter.

    Parameters
    ----------
    collector : the counter; the caller closes it
    cpus : CPUs of the machine
    seconds : how long each state is watched, after two seconds in which it settles
    root : root of the file system that holds the machine's ``/proc``
    clocks, sleep : where time comes from, and how it passes
    own_cpu_s : CPU seconds of this process so far
    seen : told of each window
    """

    def __init__(
        self,
        collector: EnergyCollector,
        cpus: int,
        seconds: float,
        *,
        root: Path = Path("/"),
        clocks: Clocks | None = None,
        sleep: Callable[[float], None] = time.sleep,
        own_cpu_s: Callable[[], float] = time.process_time,
        seen: Seen | None = None,
    ) -> None:
        self._collector = collector
        self._sampler = HostSampler([collector], root=root, clocks=clocks)
        self._cpus = cpus
        self._seconds = seconds
        self._sleep = sleep
        self._own_cpu_s = own_cpu_s
        self._seen = seen

    def measure(
        self,
        load: Callable[[], AbstractContextManager[object]] | None,
        *,
        accept_foreign: bool = False,
    ) -> Measured:
        """Return the power of the machine without load, and under a load.

        Parameters
        ----------
        load : gives a context in which every CPU is busy; None only watches the idle machine
        accept_foreign : whether idle power counts although others used the CPUs

        Raises
        ------
        CalibrationError
            Too many windows are unknown, others used the CPUs while the machine should have been
            idle, the load could not fill the CPUs, or power did not rise with it.
        """
        idle = self._phase("idle")
        if (idle.foreign_share or 0.0) > FOREIGN_LIMIT and not accept_foreign:
            raise CalibrationError(
                f"other programs used {idle.foreign_share:.0%} of the CPUs while the machine "
                f"should have been idle (limit {FOREIGN_LIMIT:.0%})",
                "stop them and measure again; --force keeps the figures all the same",
            )
        loaded = None
        if load is not None:
            with load():
                loaded = self._phase("loaded")
            self._check_load(idle, loaded)
        domains = self._collector.read().domains
        return Measured(boundary(map(label, domains)), idle, loaded)

    def _phase(self, name: str) -> Phase:
        self._sleep(_SETTLE_S)
        own_s = self._own_cpu_s()
        first = last = self._sampler.sample()
        windows = []
        for last, window in self._windows(first):
            windows.append(window)
            self._tell(name, last.monotonic_s - first.monotonic_s, window)
        own_s = self._own_cpu_s() - own_s
        power = MeasuredPower.of_windows(windows)
        if power is None or (power.windows or 0) < _KNOWN_SHARE * len(windows):
            unknown = len(windows) - ((power.windows or 0) if power is not None else 0)
            reasons = {window.reason for window in windows if window.reason}
            raise CalibrationError(
                f"the energy of {unknown} of {len(windows)} windows is unknown "
                f"({'; '.join(sorted(reasons)) or 'the counter did not move on'})"
            )
        if power.mean_w <= 0:
            raise CalibrationError(f"the counter stood still for {power.seconds:.0f} s")
        return Phase(power, *self._shares(first, last, own_s))

    def _windows(self, first: HostSample) -> Iterator[tuple[HostSample, EnergyDelta]]:
        """Yield what lies between samples that are a window apart, until time is up."""
        earlier = later = first
        while later.monotonic_s - first.monotonic_s < self._seconds:
            self._sleep(_STEP_S)
            later = self._sampler.sample()
            window = energy_between(earlier.readings[0], later.readings[0])
            if window.duration_s >= WINDOW_S:
                yield later, window
                earlier = later

    def _shares(
        self, first: HostSample, last: HostSample, own_s: float
    ) -> tuple[float | None, float | None]:
        """Return the share of the CPUs that was busy, and the part that was not ours."""
        if first.busy_s is None or last.busy_s is None:
            return None, None
        offered_s = self._cpus * (last.monotonic_s - first.monotonic_s)
        busy_s = last.busy_s - first.busy_s
        return busy_s / offered_s, max(0.0, busy_s - own_s) / offered_s

    def _check_load(self, idle: Phase, loaded: Phase) -> None:
        if loaded.busy_share is not None and loaded.busy_share < FULL_LOAD:
            raise CalibrationError(
                f"the load kept only {loaded.busy_share:.0%} of the CPUs busy, as a CPU quota or "
                "an affinity mask would have it",
                "run where all CPUs may be used, or measure idle power only (--idle-only)",
            )
        if idle.power.mean_w > loaded.power.mean_w:
            raise CalibrationError(
                f"{loaded.power.mean_w:.3g} W under load against {idle.power.mean_w:.3g} W idle: "
                "the counter does not follow the load of this machine"
            )

    def _tell(self, name: str, elapsed_s: float, window: EnergyDelta) -> None:
        if self._seen is not None:
            watts = None if window.total_j is None else window.total_j / window.duration_s
            self._seen(name, elapsed_s, watts)
