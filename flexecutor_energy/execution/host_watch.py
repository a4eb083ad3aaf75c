"""Counters of a host that its workers read, where the driver is elsewhere and cannot."""

from flexecutor_energy.energy.choice import MeterChoice
from flexecutor_energy.energy.sampler import HostSample, HostSampler

_EVERY_S = 0.25


class HostWatch:
    """Reads one host for all invocations that a supervisor runs on it.

    Without a thread, since a supervisor forks; it is told to look.

    Parameters
    ----------
    choice : which counters; what cannot be read here is kept in ``refused``
    """

    def __init__(self, choice: MeterChoice) -> None:
        counters = choice.open()
        self.refused = counters.refused
        self._sampler = HostSampler(counters.collectors, root=choice.system_root)
        self._last_s = self._sampler.sample().monotonic_s

    def look(self, now_s: float) -> None:
        """Sample, unless that was done a moment ago."""
        if now_s - self._last_s >= _EVERY_S:
            self._last_s = self._sampler.sample().monotonic_s

    def now(self) -> float:
        """Sample, and return the instant."""
        self._last_s = self._sampler.sample().monotonic_s
        return self._last_s

    def until_now(self, since_s: float) -> tuple[HostSample, ...]:
        """Return the samples from just before an instant to now."""
        self._sampler.settle()
        found = self._sampler.samples
        before = [at for at, sample in enumerate(found) if sample.monotonic_s <= since_s]
        return found[before[-1] if before else 0 :]

    def close(self) -> None:
        """End what the counters keep running."""
        self._sampler.close()
