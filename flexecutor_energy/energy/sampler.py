"""Reads what a host counts, again and again: CPU time, memory in use, energy.

One sampler stands for one host, however many workers run on it. What it costs is a figure of its
own: its CPU time is kept beside its samples.
"""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from flexecutor_energy.energy.collector import Clocks, EnergyCollector, close_collector
from flexecutor_energy.energy.procstat import host_busy_s, memory_used_mb
from flexecutor_energy.energy.reading import EnergyReading

PERIOD_S = 0.1
"""Below the shortest phases that matter, far below half the time in which a counter wraps."""

MOST_SAMPLES = 20_000
"""Above this (half an hour at 10 Hz) every second sample is dropped and the period doubled."""

_SETTLE_S = 1.0
_SETTLE_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class HostSample:
    """What a host had counted at one instant of its monotonic clock.

    Attributes
    ----------
    monotonic_s : the instant
    busy_s : CPU seconds of all its processes since it started; None where it does not tell
    memory_used_mb : memory in use, MB; None where it was not asked or does not tell
    readings : energy counters, one for each method that is read
    """

    monotonic_s: float
    busy_s: float | None
    memory_used_mb: float | None = None
    readings: tuple[EnergyReading, ...] = ()


class HostSampler:
    """Samples one host, when asked or at a steady pace in a thread of its own.

    Parameters
    ----------
    collectors : energy counters to read; they are closed with the sampler
    period_s : seconds between two samples of the thread
    root : root of the file system that holds the host's ``/proc``
    clocks : where time comes from
    """

    def __init__(
        self,
        collectors: Iterable[EnergyCollector] = (),
        *,
        period_s: float = PERIOD_S,
        root: Path = Path("/"),
        clocks: Clocks | None = None,
    ) -> None:
        self._collectors = tuple(collectors)
        self._period_s = period_s
        self._root = root
        self._clocks = clocks or Clocks()
        self._samples: list[HostSample] = []
        self._reading = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.cpu_s = 0.0

    @property
    def samples(self) -> tuple[HostSample, ...]:
        """All samples since the last ``start``, in order."""
        with self._reading:
            return tuple(self._samples)

    def sample(self) -> HostSample:
        """Read everything now and keep it."""
        with self._reading:
            before = time.thread_time()
            readings = tuple(collector.read() for collector in self._collectors)
            sample = HostSample(
                self._clocks.monotonic(),
                host_busy_s(self._root),
                memory_used_mb(self._root) if readings else None,
                readings,
            )
            self._keep(sample)
            self.cpu_s += time.thread_time() - before
        return sample

    def start(self) -> None:
        """Forget old samples, take the first one, and go on in the background."""
        with self._reading:
            self._samples.clear()
            self.cpu_s = 0.0
        self.sample()
        self._stop.clear()
        self._thread = threading.Thread(
            target=self._pace, name="flexecutor-energy sampler", daemon=True
        )
        self._thread.start()

    def stop(self) -> tuple[HostSample, ...]:
        """End the background thread, take a last sample, and return all of them."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.settle()
        return self.samples

    def settle(self) -> None:
        """Sample until every counter has told what it counted up to now.

        A meter that prints every tenth of a second is behind by up to that much. One that has
        stopped is not waited for longer than a second.
        """
        now = self._clocks.monotonic()
        deadline = time.monotonic() + _SETTLE_S
        while any(
            reading.t_monotonic_s < now and _is_known(reading)
            for reading in self.sample().readings
        ):
            if time.monotonic() > deadline:
                return
            time.sleep(_SETTLE_POLL_S)

    def close(self) -> None:
        """Stop, and close the collectors."""
        if self._thread is not None:
            self.stop()
        for collector in self._collectors:
            close_collector(collector)

    def _pace(self) -> None:
        while not self._stop.wait(self._period_s):
            self.sample()

    def _keep(self, sample: HostSample) -> None:
        self._samples.append(sample)
        if len(self._samples) > MOST_SAMPLES:
            del self._samples[1:-1:2]
            self._period_s *= 2


def _is_known(reading: EnergyReading) -> bool:
    return any(value is not None for value in reading.domains.values())
