"""Energy of hosts and workers from recorded CPU time and a power curve. Pure functions.

Power curves are concave: one busy core alone draws more than its share of a full machine. So a
host that can be seen is modelled **as a whole** from its pooled load, and then shared out by
``attribute`` like a measured one. Only where the host cannot be seen (AWS Lambda) energy is taken
as linear in CPU time.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from flexecutor_energy.energy.power import PowerCurve
from flexecutor_energy.energy.traces import HostTrace, WorkerTrace
from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.quantities import Interval

BusySample: TypeAlias = tuple[float, float | None]
"""Monotonic time and cumulative busy CPU seconds of a host; None where it was not read."""

_SHORTEST_S = 1e-6
"""Samples closer together than this are one, whatever resolution is asked for."""


def model_host_trace(
    samples: Iterable[BusySample],
    curve: PowerCurve,
    *,
    cores: float,
    workers: Sequence[WorkerTrace] = (),
    resolution_s: float = 0.1,
    memory_used_mb: float | None = None,
) -> HostTrace:
    """Model the energy of a host that can be seen, ready for ``attribute``.

    The samples of all workers and of the engine are pooled. Those closer together than
    ``resolution_s`` are thinned out, because CPU time moves in ticks of 10 ms and a curve that
    bends would turn their noise into energy. Between the samples that stay, the trace is cut where
    workers start and end, and the busy time is placed where the workers say they used theirs; what
    they do not account for is spread evenly.

    Parameters
    ----------
    samples : times and busy CPU seconds of the host, in any order, from one monotonic clock
    curve : power of all that the host sees of its processors
    cores : CPUs that the host sees
    workers : the workers of the host, for the cuts and for the placing of busy time
    resolution_s : shortest time between two samples that are used
    memory_used_mb : passed on to the trace

    Returns
    -------
    HostTrace
        With one domain, named by the boundary of the curve (``package`` or ``wall``). Pass
        ``curve.idle_w`` as ``idle_power_w`` of ``attribute`` with it. Empty where fewer than
        two samples hold a busy time: nothing is modelled from nothing.

    Raises
    ------
    ConfigurationError
        The number of cores is not positive.
    """
    if not cores > 0:
        raise ConfigurationError(f"a host has cores, not {cores}")
    thinned = _thinned(samples, resolution_s)
    if len(thinned) < 2:
        return HostTrace([], {curve.boundary: []}, [], cores)
    times, busy, energy = [thinned[0][0]], [thinned[0][1]], [0.0]
    for start, end, used_s in _pieces(thinned, workers):
        watts = curve.watts(used_s / (cores * (end - start))).mean
        times.append(end)
        busy.append(busy[-1] + used_s)
        energy.append(energy[-1] + watts * (end - start) * 1e6)
    counter = [round(microjoules) for microjoules in energy]
    return HostTrace(times, {curve.boundary: counter}, busy, cores, memory_used_mb)


def modelled_energy(trace: HostTrace, curve: PowerCurve) -> Interval | None:
    """Return the joules of a modelled trace with their 80 % band, None for an empty trace.

    The error of a curve is that of one machine, the same at all times, so the ends of the band
    add up as the mean does.

    Parameters
    ----------
    trace : what ``model_host_trace`` gave for this curve
    curve : the curve that it was given
    """
    powers = []
    steps = zip(pairwise(trace.times_s), pairwise(trace.busy_s), strict=True)
    for (start, end), (before, after) in steps:
        if before is not None and after is not None and end > start:
            load = (after - before) / (trace.cores * (end - start))
            powers.append(curve.watts(load).scaled(end - start))
    if not powers:
        return None
    return Interval(
        mean=sum(power.mean for power in powers),
        low=sum(power.low for power in powers),
        high=sum(power.high for power in powers),
        level=powers[0].level,
    )


@dataclass(frozen=True, slots=True)
class LinearEnergy:
    """Energy of a worker on a host that cannot be seen, joules, with 80 % bands.

    Attributes
    ----------
    dynamic_j : for its CPU time
    idle_j : for the vCPU that it held
    """

    dynamic_j: Interval
    idle_j: Interval


def linear_energy(curve: PowerCurve, *, cpu_s: float, wall_s: float, vcpus: float) -> LinearEnergy:
    """Model one worker by itself: joules per vCPU second, idle share apart.

    Only for hosts that cannot be seen; label it ``linear``. It misses that a lone busy core
    draws more than its share.

    Parameters
    ----------
    curve : any curve that tells how many ``threads`` it stands for
    cpu_s : CPU seconds of the worker's process tree
    wall_s : seconds for which it held its vCPU
    vcpus : vCPU that it held, also fractions (on AWS Lambda memory / 1769 MB)

    Raises
    ------
    ConfigurationError
        A quantity is negative, or the curve does not tell its threads.
    """
    if min(cpu_s, wall_s, vcpus) < 0:
        raise ConfigurationError(
            f"cpu_s, wall_s and vcpus must not be negative: {cpu_s}, {wall_s}, {vcpus}"
        )
    thread = curve.for_threads(1)
    idle, busy = thread.watts(0.0), thread.watts(1.0)
    rises = (busy.low - idle.low, busy.mean - idle.mean, busy.high - idle.high)
    dynamic = Interval(rises[1], min(rises), max(rises), busy.level)
    return LinearEnergy(dynamic.scaled(cpu_s), idle.scaled(wall_s * vcpus))


def _thinned(samples: Iterable[BusySample], resolution_s: float) -> list[tuple[float, float]]:
    """Return samples in order, at least ``resolution_s`` apart, busy time never falling.

    The first and the last always stay: they bound what is known.
    """
    ordered = sorted((time, busy) for time, busy in samples if busy is not None)
    if not ordered:
        return []
    kept = [ordered[0]]
    for time, busy in ordered:
        if time - kept[-1][0] >= max(resolution_s, _SHORTEST_S):
            kept.append((time, max(busy, kept[-1][1])))
    last = (ordered[-1][0], max(busy for _, busy in ordered))
    if last[0] > kept[-1][0]:
        kept[1 if len(kept) == 1 else -1 :] = [last]
    return kept


def _pieces(
    samples: Sequence[tuple[float, float]], workers: Sequence[WorkerTrace]
) -> Iterator[tuple[float, float, float]]:
    """Yield start, end and busy time of the pieces between samples, starts and ends of workers."""
    ends = sorted({end for worker in workers for end in (worker.times_s[0], worker.times_s[-1])})
    for (start, before), (end, after) in pairwise(samples):
        cuts = list(pairwise([start, *(cut for cut in ends if start < cut < end), end]))
        there = [w for w in workers if w.times_s[0] < end and start < w.times_s[-1]]
        used = [sum(_used(worker, *cut) for worker in there) for cut in cuts]
        rest = max(0.0, after - before - sum(used))
        for (left, right), own in zip(cuts, used, strict=True):
            yield left, right, own + rest * (right - left) / (end - start)


def _used(worker: WorkerTrace, start: float, end: float) -> float:
    return max(0.0, _level(worker, end) - _level(worker, start))


def _level(worker: WorkerTrace, time: float) -> float:
    times, levels = worker.times_s, worker.cpu_s
    if time >= times[-1]:
        return levels[-1]
    right = bisect_left(times, time)
    if right == 0:
        return levels[0]
    share = (time - times[right - 1]) / (times[right] - times[right - 1])
    return levels[right - 1] + share * (levels[right] - levels[right - 1])
