"""When a worker used its CPU time: within a phase some seconds are busy and others wait."""

import time

from flexecutor_energy.execution import procfs

_EVERY_S = 0.2
_MOST = 2_000


class CpuWatch:
    """Looks at the CPU time of one process tree now and then, from outside.

    Phases tell how much; this tells when, so that a worker which waits while another one works
    is not given half of what both drew. The kernel counts in ticks of 10 ms.

    Parameters
    ----------
    pid : root of the tree
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._every_s = _EVERY_S
        self._next_s = 0.0
        self._samples: list[tuple[float, float]] = []

    @property
    def samples(self) -> tuple[tuple[float, float], ...]:
        """Monotonic times, and CPU seconds of the tree since it began."""
        return tuple(self._samples)

    def look(self, now_s: float) -> None:
        """Sample, unless that was done a moment ago."""
        if now_s < self._next_s:
            return
        found = [procfs.process_cpu(pid) for pid in (self._pid, *procfs.descendants(self._pid))]
        cpu_s = sum(cpu.own_s + cpu.reaped_s for cpu in found if cpu is not None)
        self._samples.append((time.monotonic(), cpu_s))
        if len(self._samples) > _MOST:  # an hour and more: half of them tell as much
            del self._samples[::2]
            self._every_s *= 2
        self._next_s = now_s + self._every_s
