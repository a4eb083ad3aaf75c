"""What attribution takes and gives: counters of a host, CPU time of its workers, shares of energy.

A *worker* is one invocation of a stage function; many run on one host at once. All times of one
host are on one monotonic clock.
"""

import math
import operator
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from flexecutor_energy.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class HostTrace:
    """Counters of one host over time, all sequences of one length.

    Attributes
    ----------
    times_s : monotonic clock, seconds, never falling
    energy_uj : per domain, cumulative unwrapped microjoules; None where it was not read
    busy_s : cumulative CPU seconds of all processes of the host; None where not read
    cores : hardware threads that the host has
    memory_used_mb : memory in use, MB: one number, one per time, or None if not known
    """

    times_s: Sequence[float]
    energy_uj: Mapping[str, Sequence[int | None]]
    busy_s: Sequence[float | None]
    cores: float
    memory_used_mb: Sequence[float | None] | float | None = None

    def __post_init__(self) -> None:
        _check_times(self.times_s, "the host")
        _check_length(self.busy_s, self.times_s, "busy_s")
        _check_numbers(self.busy_s, "busy_s")
        for domain, counter in self.energy_uj.items():
            _check_length(counter, self.times_s, f"energy_uj[{domain!r}]")
            _check_whole(counter, f"energy_uj[{domain!r}]")
        if not 0 < self.cores < math.inf:
            raise ConfigurationError(f"a host has cores, not {self.cores}")
        if isinstance(self.memory_used_mb, Sequence):
            _check_length(self.memory_used_mb, self.times_s, "memory_used_mb")
            _check_numbers(self.memory_used_mb, "memory_used_mb")
        elif self.memory_used_mb is not None:
            _check_numbers([self.memory_used_mb], "memory_used_mb")


@dataclass(frozen=True, slots=True)
class WorkerTrace:
    """CPU time of one worker over its life.

    Attributes
    ----------
    worker_id : identity, different from that of every other worker of the host
    times_s : monotonic clock of the host, seconds, never falling; first is start, last is end
    cpu_s : cumulative CPU seconds of the worker's process tree at these times
    cores : cores that are reserved for the worker; 0 for one that reserves none
    rss_mb : resident memory, MB, for sharing the energy of DRAM
    """

    worker_id: Hashable
    times_s: Sequence[float]
    cpu_s: Sequence[float]
    cores: float
    rss_mb: float = 0.0

    def __post_init__(self) -> None:
        name = f"worker {self.worker_id!r}"
        _check_times(self.times_s, name)
        if not len(self.times_s):
            raise ConfigurationError(f"{name} has no samples, so no start and no end")
        _check_length(self.cpu_s, self.times_s, f"cpu_s of {name}")
        _check_numbers(self.cpu_s, f"cpu_s of {name}")
        _check_numbers([self.cores], f"cores of {name}")
        _check_numbers([self.rss_mb], f"rss_mb of {name}")


@dataclass(frozen=True, slots=True)
class WorkerEnergy:
    """The energy of one worker; None where a counter was missing during its life.

    Attributes
    ----------
    dynamic_uj : microjoules that its own work drew
    idle_uj : its share of what the host draws without work, by the policy asked for
    """

    dynamic_uj: int | None
    idle_uj: int | None

    @property
    def energy_uj(self) -> int | None:
        """Dynamic and idle energy together, None if either is unknown."""
        if self.dynamic_uj is None or self.idle_uj is None:
            return None
        return self.dynamic_uj + self.idle_uj


@dataclass(frozen=True, slots=True)
class Attribution:
    """Where the energy of a host went. Nothing vanishes and nothing counts twice.

    The known workers, ``system_uj``, ``host_idle_uj`` and ``unassigned_uj`` add up to
    ``total_uj`` exactly.

    Attributes
    ----------
    workers : energy of each worker
    system_uj : dynamic energy of everything else on the host
    host_idle_uj : idle energy that no worker answers for
    unassigned_uj : known shares of workers whose whole energy is not known
    total_uj : energy of the host over the intervals that are known; it says nothing about the
        others, and nothing at all where ``known_s`` and it are both 0
    unknown_s : seconds for which a counter was missing
    known_s : seconds for which all counters were there
    host_cpu_s : CPU seconds of the host over the known intervals
    foreign_cpu_s : those of them that belong to no worker
    """

    workers: Mapping[Hashable, WorkerEnergy]
    system_uj: int
    host_idle_uj: int
    unassigned_uj: int
    total_uj: int
    unknown_s: float
    known_s: float = 0.0
    host_cpu_s: float = 0.0
    foreign_cpu_s: float = 0.0

    @property
    def foreign_share(self) -> float | None:
        """Share of the host's CPU time that belongs to no worker, None if it used none."""
        return self.foreign_cpu_s / self.host_cpu_s if self.host_cpu_s > 0 else None


def _check_times(times_s: Sequence[float], owner: str) -> None:
    if not all(math.isfinite(time) for time in times_s):
        raise ConfigurationError(f"times of {owner} must be finite")
    for earlier, later in pairwise(times_s):
        if later < earlier:
            raise ConfigurationError(
                f"times of {owner} fall from {earlier} to {later}; use the monotonic clock, sorted"
            )


def _check_length(values: Sequence[object], times_s: Sequence[float], name: str) -> None:
    if len(values) != len(times_s):
        raise ConfigurationError(f"{name} has {len(values)} values for {len(times_s)} times")


def _check_numbers(values: Sequence[float | None], name: str) -> None:
    for value in values:
        if value is not None and not 0 <= value < math.inf:
            raise ConfigurationError(f"{name} must not be negative or infinite, not {value}")


def _check_whole(values: Sequence[int | None], name: str) -> None:
    for value in values:
        if value is not None:
            try:
                operator.index(value)
            except TypeError as error:
                raise ConfigurationError(
                    f"{name} must be whole microjoules or None, not {value!r}"
                ) from error
