"""The samples of everybody who looked at a host, made into one trace of its counters.

Each worker of a host may sample it, and so may the driver. Counters that began with the host are
one series, whoever read them. Counters that began with a process (``origin``) are a series each;
where several cover the same time, one of them is used, and never two.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from flexecutor_energy.energy.counters import unwrapped
from flexecutor_energy.energy.reading import EnergyReading
from flexecutor_energy.energy.sampler import HostSample
from flexecutor_energy.energy.traces import HostTrace

RESOLUTION_S = 0.02
"""Readings closer than this are thinned out: a process that is preempted between reading a
counter and its clock could otherwise see the counter fall."""

Counters = dict[str, list[int | None]]


@dataclass(frozen=True, slots=True)
class _Series:
    """Counters of one origin: times, and for each domain its unwrapped values."""

    times_s: Sequence[float]
    energy_uj: Counters

    @property
    def end_s(self) -> float:
        return self.times_s[-1]


def methods_of(samples: Iterable[HostSample]) -> list[str]:
    """Return the methods that were read, in the order of their first reading."""
    return list(dict.fromkeys(r.method for sample in samples for r in sample.readings))


def counter_trace(samples: Sequence[HostSample], method: str, cores: float) -> HostTrace | None:
    """Return what a host's counters of one method said, as attribution takes it.

    Parameters
    ----------
    samples : of one host, by whoever took them, in any order
    method : whose readings to take
    cores : hardware threads of the host

    Returns
    -------
    HostTrace or None
        None where the method was not read twice: from one reading nothing follows.
    """
    by_origin: dict[str, list[EnergyReading]] = {}
    for sample in samples:
        for reading in sample.readings:
            if reading.method == method:
                by_origin.setdefault(reading.origin, []).append(reading)
    series = [_series(readings) for readings in by_origin.values()]
    series = [one for one in series if len(one.times_s) > 1]
    if not series:
        return None
    joined = _joined(sorted(series, key=lambda one: (one.times_s[0], -one.end_s)))
    return HostTrace(
        joined.times_s,
        joined.energy_uj,
        _at(joined.times_s, [(s.monotonic_s, s.busy_s) for s in samples], rising=True),
        cores,
        _at(joined.times_s, [(s.monotonic_s, s.memory_used_mb) for s in samples]),
    )


def _series(readings: Iterable[EnergyReading]) -> _Series:
    ordered = sorted(readings, key=lambda reading: reading.t_monotonic_s)
    kept = [ordered[0]]
    for reading in ordered:
        if reading.t_monotonic_s - kept[-1].t_monotonic_s >= RESOLUTION_S:
            kept.append(reading)
    last = ordered[-1]
    if last.t_monotonic_s > kept[-1].t_monotonic_s:
        kept[1 if len(kept) == 1 else -1 :] = [last]
    return _Series([reading.t_monotonic_s for reading in kept], unwrapped(kept))


def _joined(series: Sequence[_Series]) -> _Series:
    """Return series put end to end: each goes on where the one before it has ended.

    Time that none of them covers is unknown, which a time without values in its middle says.
    """
    domains = list(dict.fromkeys(domain for one in series for domain in one.energy_uj))
    times: list[float] = []
    counters: Counters = {domain: [] for domain in domains}
    for one in series:
        rest = bisect_right(one.times_s, times[-1]) if times else 0
        if rest == len(one.times_s):
            continue  # an earlier one covers it
        if times and rest == 0:
            times.append((times[-1] + one.times_s[0]) / 2)
            for counter in counters.values():
                counter.append(None)
        for domain, counter in counters.items():
            values = one.energy_uj.get(domain, [None] * len(one.times_s))
            joint = _level(one.times_s, values, rest, times[-1]) if rest else 0
            done = next((value for value in reversed(counter) if value is not None), 0)
            counter.extend(
                None if value is None or joint is None else done + max(value - joint, 0)
                for value in values[rest:]
            )
        times.extend(one.times_s[rest:])
    return _Series(times, counters)


def _level(
    times_s: Sequence[float], values: Sequence[int | None], right: int, time: float
) -> int | None:
    """Return a counter at a time before its sample ``right`` and not before the one before."""
    before, after = values[right - 1], values[right]
    if before is None or after is None:
        return None
    share = (time - times_s[right - 1]) / (times_s[right] - times_s[right - 1])
    return before + round((after - before) * share)


def _at(
    times_s: Sequence[float],
    samples: Iterable[tuple[float, float | None]],
    *,
    rising: bool = False,
) -> list[float | None]:
    """Return a sampled value at other times, on straight lines between the samples.

    Before the first and after the last sample it is the nearest one; without samples, None. A
    value that can only rise never falls where two processes saw it in another order.
    """
    known = sorted((time, value) for time, value in samples if value is not None)
    if not known:
        return [None] * len(times_s)
    if rising:
        known = _never_falling(known)
    stamps = [time for time, _ in known]
    return [_on_line(time, stamps, known) for time in times_s]


def _never_falling(known: list[tuple[float, float]]) -> list[tuple[float, float]]:
    raised = known[:1]
    for (_, before), (time, value) in pairwise(known):
        del before
        raised.append((time, max(value, raised[-1][1])))
    return raised


def _on_line(time: float, stamps: Sequence[float], known: Sequence[tuple[float, float]]) -> float:
    right = bisect_left(stamps, time)
    if right == 0:
        return known[0][1]
    if right == len(known):
        return known[-1][1]
    (start, before), (end, after) = known[right - 1], known[right]
    return after if end == start else before + (after - before) * (time - start) / (end - start)
