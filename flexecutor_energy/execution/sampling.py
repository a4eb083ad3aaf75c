"""Samples the driver's host while a run goes on, where the workers run on it too."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from flexecutor_energy.energy.choice import MeterChoice
from flexecutor_energy.energy.sampler import HostSampler
from flexecutor_energy.execution.trace import RunTrace


@dataclass(slots=True)
class HostSamplers:
    """The samplers of this host, made when they are first needed and kept from run to run."""

    _open: dict[MeterChoice, tuple[HostSampler, tuple[tuple[str, str], ...]]] = field(
        default_factory=dict
    )

    @contextlib.contextmanager
    def during(self, choice: MeterChoice | None, trace: RunTrace) -> Iterator[None]:
        """Sample in the background, and give the trace what was seen, however the run ends.

        Parameters
        ----------
        choice : which counters; None samples nothing, and costs nothing
        trace : of the run
        """
        if choice is None:
            yield
            return
        sampler, trace.meters_refused = self._sampler(choice)
        sampler.start()
        try:
            yield
        finally:
            trace.host_samples.extend(sampler.stop())
            trace.sampler_cpu_s = sampler.cpu_s

    def close(self) -> None:
        """End what the counters keep running."""
        for sampler, _ in self._open.values():
            sampler.close()
        self._open.clear()

    def _sampler(self, choice: MeterChoice) -> tuple[HostSampler, tuple[tuple[str, str], ...]]:
        if choice not in self._open:
            counters = choice.open()
            sampler = HostSampler(counters.collectors, root=choice.system_root)
            self._open[choice] = sampler, counters.refused
        return self._open[choice]
