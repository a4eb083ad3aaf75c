"""The energy between two readings of wrapping counters, or the reason why nobody knows it.

A counter starts again at 0 after its range. A difference is only believed if it can mean one
thing: a rise, or a fall that one wrap explains, with a power that hardware can draw, in a gap too
short for another whole wrap. Everything else (resets, zones that come and go, refused or cut
reads, a host that slept meanwhile) is unknown.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from flexecutor_energy.energy.domains import counted, kind, label
from flexecutor_energy.energy.reading import Domain, EnergyDelta, EnergyReading
from flexecutor_energy.errors import ConfigurationError

HIGHEST_POWER_W: Mapping[str, float] = {"dram": 250.0, "psys": 4000.0, "wall": 4000.0}
"""More than any domain of a kind draws; the largest packages of 2025 are made for 500 W."""

_HIGHEST_OF_OTHERS_W = 1000.0
_SLEEP_S = 10.0
"""The wall clock goes on while a host sleeps, the monotonic one does not. Where somebody set the
wall clock on by more than this instead, one interval is unknown without need."""

_SHORT_GAP_S = 0.1
"""Below this a counter that moves once in a millisecond tells little about power."""

_MIRROR_UJ = 1_000_000
_MIRROR_SHARE = 0.001
"""Two dies that show one counter differ by an update of it (1 ms at less than 1 kW)."""


def energy_between(earlier: EnergyReading, later: EnergyReading) -> EnergyDelta:
    """Return the energy that was drawn between two readings of one meter.

    Parameters
    ----------
    earlier, later : readings of one host by one method

    Returns
    -------
    EnergyDelta
        Joules of each domain and in total. A domain that cannot be told is None, and so is the
        total if that domain is part of it; ``reason`` says which and why.

    Raises
    ------
    ConfigurationError
        The readings come from different methods, or from counters that began apart.
    """
    if earlier.method != later.method:
        raise ConfigurationError(
            f"energy between a reading of {earlier.method!r} and one of {later.method!r}"
        )
    if earlier.origin != later.origin:
        raise ConfigurationError(
            f"energy between counters that began apart: {earlier.origin!r} and {later.origin!r}"
        )
    duration_s = later.t_monotonic_s - earlier.t_monotonic_s
    domains = sorted({*earlier.domains, *later.domains})
    deltas: dict[str, float | None] = {}
    reasons: list[str] = []
    for domain in domains:
        microjoules, reason = _delta(domain, earlier, later, duration_s)
        deltas[label(domain)] = None if microjoules is None else microjoules / 1e6
        if reason:
            reasons.append(f"{label(domain)}: {reason}")
    if not domains:
        reasons.append("no energy domain was read")
    return EnergyDelta(
        total_j=_total(deltas, _mirrors(domains, (earlier, later))),
        domains_j=deltas,
        reason="; ".join(reasons) or None,
        duration_s=duration_s,
    )


def unwrapped(readings: Sequence[EnergyReading]) -> dict[str, list[int | None]]:
    """Return counters that rise from 0 and never wrap, as ``HostTrace`` takes them.

    Parameters
    ----------
    readings : readings of one host by one method, in order

    Returns
    -------
    dict
        For each domain label one value a reading; None where the energy since the reading
        before is unknown, which makes the interval after it unknown too. Dies that only mirror
        another die are left out.
    """
    domains = sorted({domain for reading in readings for domain in reading.domains})
    pairs = list(pairwise(readings))
    mirrors = _mirrors(domains, readings)
    counters: dict[str, list[int | None]] = {}
    for domain in domains:
        if label(domain) not in mirrors:
            level = 0
            counter: list[int | None] = [0 if _read(readings[0], domain) else None]
            for earlier, later in pairs:
                duration_s = later.t_monotonic_s - earlier.t_monotonic_s
                energy, _ = _delta(domain, earlier, later, duration_s)
                level += energy or 0
                counter.append(None if energy is None else level)
            counters[label(domain)] = counter
    return counters


def _read(reading: EnergyReading, domain: Domain) -> bool:
    return reading.domains.get(domain) is not None


def _delta(
    domain: Domain, earlier: EnergyReading, later: EnergyReading, duration_s: float
) -> tuple[int | None, str | None]:
    """Return the microjoules of a domain, or None and the reason."""
    for when, reading in (("first", earlier), ("second", later)):
        if domain not in reading.domains:
            return None, f"it was not there at the {when} reading"
        if reading.domains[domain] is None:
            why = reading.problems.get(domain, "not read")
            return None, f"unknown at the {when} reading ({why})"
    if duration_s < 0:
        return None, f"the clock went back by {-duration_s:g} s"
    slept_s = later.t_wall_s - earlier.t_wall_s - duration_s
    if slept_s > _SLEEP_S:
        return None, f"the wall clock went on by {slept_s:g} s more, so the host may have slept"
    rise = (later.domains[domain] or 0) - (earlier.domains[domain] or 0)
    if domain not in later.ranges_uj and domain not in earlier.ranges_uj:
        return (rise, None) if rise >= 0 else (None, "the counter fell, so it was reset")
    span = later.ranges_uj.get(domain) or earlier.ranges_uj.get(domain)
    highest = HIGHEST_POWER_W.get(kind(domain[1]), _HIGHEST_OF_OTHERS_W) * 1e6
    return _unwrapped(rise, span, duration_s, highest)


def _unwrapped(
    rise: int, span: int | None, duration_s: float, highest_uw: float
) -> tuple[int | None, str | None]:
    if span is None and rise < 0:
        return None, "it fell, and its range is not known"
    energy = rise + (span or 0) if rise < 0 else rise
    if span is not None and not 0 <= energy <= span:
        return None, "the counter left its own range"
    # Wrapped or not, it goes on at the old power; a reset or a cut number looks like a huge one.
    most = highest_uw * max(duration_s, 1.0)
    if duration_s < _SHORT_GAP_S:
        most = max(most, (span or math.inf) / 8)
    if energy > most and rise < 0:
        return None, "it fell too far for a wrap, so it was reset"
    if energy > most:
        return None, f"it rose by more than can be drawn in {duration_s:g} s"
    if span is not None and energy + span <= highest_uw * duration_s:
        return None, f"it may have wrapped more than once in {duration_s:g} s"
    return energy, None


def _mirrors(domains: Iterable[Domain], readings: Sequence[EnergyReading]) -> frozenset[str]:
    """Return the labels of dies that only show the counter of another die of their package."""
    originals: list[Domain] = []
    mirrors: set[str] = set()
    for domain in domains:
        if kind(domain[1]) == "package":
            twins = [other for other in originals if other[0] == domain[0]]
            if any(_same(domain, other, readings) for other in twins):
                mirrors.add(label(domain))
            else:
                originals.append(domain)
    return frozenset(mirrors)


def _same(one: Domain, other: Domain, readings: Iterable[EnergyReading]) -> bool:
    """Return whether two counters were read together at least twice and never told them apart."""
    seen = 0
    for reading in readings:
        first, second = reading.domains.get(one), reading.domains.get(other)
        if first is not None and second is not None:
            apart, span = abs(first - second), reading.ranges_uj.get(one)
            if span is not None and apart > span // 2:  # one has just wrapped
                apart, first = abs(span - apart), span
            if apart > min(_MIRROR_UJ, _MIRROR_SHARE * max(first, second)):
                return False
            seen += 1
    return seen > 1


def _total(deltas: Mapping[str, float | None], mirrors: frozenset[str]) -> float | None:
    parts = [
        deltas[name] for names in counted(deltas).values() for name in names if name not in mirrors
    ]
    known = [part for part in parts if part is not None]
    return sum(known) if known and len(known) == len(parts) else None
