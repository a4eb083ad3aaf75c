"""Traces cut at every host sample and every start and end of a worker, in exact integers."""

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from flexecutor_energy.energy.domains import counted
from flexecutor_energy.energy.fixedpoint import FINE, UNIT, between, cumulative_at, fixed
from flexecutor_energy.energy.traces import HostTrace, WorkerTrace


@dataclass(frozen=True, slots=True)
class HostInterval:
    """What happened on a host between two neighbouring cuts.

    Attributes
    ----------
    index : number of the cut at its start, -1 for time outside the trace
    start, end : times
    dynamic : energy above idle of each kind of domain; None if a counter was missing
    idle : idle energy of all kinds
    busy : CPU time of the host
    memory : memory in use, None if not known
    """

    index: int
    start: int
    end: int
    dynamic: Mapping[str, int] | None
    idle: int = 0
    busy: int = 0
    memory: int | None = None

    @property
    def known(self) -> bool:
        """Whether all counters were there."""
        return self.dynamic is not None


@dataclass(frozen=True, slots=True)
class WorkerUse:
    """What one worker used, seen at the cuts of its host.

    Attributes
    ----------
    start, end : life of the worker
    cores, rss : cores reserved and resident memory
    first : number of a cut before which it has used nothing
    cpu : cumulative CPU time at that cut and at those after it, up to one from which it uses
        nothing more
    """

    worker_id: Hashable
    start: int
    end: int
    cores: int
    rss: int
    first: int
    cpu: tuple[int, ...]

    def used_in(self, interval: HostInterval) -> int:
        """Return the CPU time that it used between two cuts of the host."""
        at = interval.index - self.first
        return self.cpu[at + 1] - self.cpu[at] if 0 <= at < len(self.cpu) - 1 else 0

    @property
    def last(self) -> int:
        """Number of the last cut at which ``cpu`` is known."""
        return self.first + len(self.cpu) - 1

    def lives_through(self, interval: HostInterval) -> bool:
        """Return whether the worker is there for the whole of an interval between two cuts."""
        return self.start <= interval.start < interval.end <= self.end

    def misses(self, gap: HostInterval) -> bool:
        """Return whether counters were missing in ``gap`` while the worker lived."""
        if self.start == self.end:
            inside = gap.start < self.start < gap.end
            return inside or (gap.index < 0 and gap.start <= self.start <= gap.end)
        return self.start < gap.end and gap.start < self.end


def cuts(host: HostTrace, workers: Iterable[WorkerTrace]) -> list[int]:
    """Return the times at which the trace of a host is cut, in order.

    These are its samples (a time that was sampled twice stays twice), and each start and end of
    a worker between its first and its last sample, unless it lived for no time at all.
    """
    samples = [fixed(time) for time in host.times_s]
    if not samples:
        return []
    lives = [(worker.times_s[0], worker.times_s[-1]) for worker in workers]
    ends = {fixed(time) for start, end in lives if start < end for time in (start, end)}
    inside = {end for end in ends if samples[0] < end < samples[-1]}
    return sorted([*samples, *(inside - set(samples))])


def host_intervals(
    host: HostTrace, idle_w: Mapping[str, float], grid: Sequence[int]
) -> list[HostInterval]:
    """Cut a host trace and take idle energy off each interval.

    Between two samples energy and CPU time are taken to rise evenly.

    Parameters
    ----------
    host : the trace
    idle_w : idle power of each kind of domain that counts, watts
    grid : the cuts, as ``cuts`` gives them
    """
    kinds = counted(host.energy_uj)
    samples = [fixed(time) for time in host.times_s]
    found: list[HostInterval] = []
    for index, (start, end) in enumerate(pairwise(samples)):
        whole = _between_samples(host, kinds, idle_w, index, start, end)
        first = len(found)
        last = first + 1
        while grid[last] != end:
            last += 1
        found.extend(_cut(whole, grid[first : last + 1], first))
    return found


def uncovered(host: HostTrace, uses: Iterable[WorkerUse]) -> list[HostInterval]:
    """Return the time that workers lived before or after the trace of their host, as unknown."""
    if not len(host.times_s):
        lives = [(use.start, use.end) for use in uses]
    else:
        first, last = fixed(host.times_s[0]), fixed(host.times_s[-1])
        before = [(use.start, min(use.end, first)) for use in uses if use.start < first]
        lives = before + [(max(use.start, last), use.end) for use in uses if use.end > last]
    return [HostInterval(-1, start, end, None) for start, end in _union(lives)]


def worker_use(trace: WorkerTrace, grid: Sequence[int]) -> WorkerUse:
    """Return what a worker had used at each cut; its CPU time never falls."""
    knots = [fixed(time) for time in trace.times_s]
    levels = list(accumulate((fixed(cpu) for cpu in trace.cpu_s), max))
    first = max(bisect_left(grid, knots[0]) - 1, 0)
    last = min(bisect_right(grid, knots[-1]) + 1, len(grid))
    return WorkerUse(
        worker_id=trace.worker_id,
        start=knots[0],
        end=knots[-1],
        cores=fixed(trace.cores),
        rss=fixed(trace.rss_mb),
        first=first,
        cpu=tuple(cumulative_at(time, knots, levels) for time in grid[first:last]),
    )


def _between_samples(
    host: HostTrace,
    kinds: Mapping[str, tuple[str, ...]],
    idle_w: Mapping[str, float],
    index: int,
    start: int,
    end: int,
) -> HostInterval:
    energy = {name: _energy(host, domains, index) for name, domains in kinds.items()}
    busy_before, busy_after = host.busy_s[index], host.busy_s[index + 1]
    if not energy or None in energy.values() or busy_before is None or busy_after is None:
        return HostInterval(index, start, end, None)
    dynamic, idle = {}, 0
    for name, measured in energy.items():
        drawn = (measured or 0) * FINE
        without_work = fixed(idle_w[name] * 1e6) * (end - start) * FINE // (UNIT * UNIT)
        share = min(drawn, without_work)
        dynamic[name] = drawn - share
        idle += share
    busy = max(0, fixed(busy_after) - fixed(busy_before))
    return HostInterval(index, start, end, dynamic, idle, busy, _memory(host, index))


def _cut(whole: HostInterval, grid: Sequence[int], first: int) -> list[HostInterval]:
    """Split what lies between two samples at the cuts from one sample to the next."""
    if len(grid) == 2:
        return [replace(whole, index=first)]

    def part(total: int, start: int, end: int) -> int:
        before = between(start, whole.start, whole.end, total)
        return between(end, whole.start, whole.end, total) - before

    return [
        HostInterval(
            index=index,
            start=start,
            end=end,
            dynamic=None
            if whole.dynamic is None
            else {name: part(energy, start, end) for name, energy in whole.dynamic.items()},
            idle=part(whole.idle, start, end),
            busy=part(whole.busy, start, end),
            memory=whole.memory,
        )
        for index, (start, end) in enumerate(pairwise(grid), start=first)
    ]


def _energy(host: HostTrace, domains: Sequence[str], index: int) -> int | None:
    """Return the microjoules of some domains in an interval, None if one is not known."""
    total = 0
    for domain in domains:
        before, after = host.energy_uj[domain][index], host.energy_uj[domain][index + 1]
        if before is None or after is None or after < before:
            return None
        total += int(after) - int(before)  # those of numpy would overflow
    return total


def _memory(host: HostTrace, index: int) -> int | None:
    memory = host.memory_used_mb
    if memory is None or isinstance(memory, int | float):
        return None if memory is None else fixed(memory)
    before, after = memory[index], memory[index + 1]
    return None if before is None or after is None else (fixed(before) + fixed(after)) // 2


def _union(lives: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(lives):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
