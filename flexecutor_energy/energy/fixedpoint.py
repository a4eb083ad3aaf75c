"""Exact arithmetic with integers: fine fixed-point numbers, and one rounding at the end.

Fractions would be exact too, but their denominators grow with every interval that is summed.
"""

from bisect import bisect_left
from collections.abc import Hashable, Mapping, Sequence

UNIT = 1 << 80
"""Parts of a second, a core or a megabyte. Floats above 1e-8 are multiples of one of them."""

FINE = 1 << 64
"""Parts of a microjoule: a share that is rounded down to one of them loses 5e-20 µJ."""


def fixed(value: float) -> int:
    """Return a number in parts of ``UNIT``, rounded down."""
    numerator, denominator = float(value).as_integer_ratio()
    return numerator * UNIT // denominator


def between(value: int, start: int, end: int, total: int) -> int:
    """Return the part of ``total`` that lies before ``value`` on a line from start to end.

    Rounded down, so that differences of it add up to ``total`` exactly. Nothing lies before
    ``start``, everything before ``end``.
    """
    if value >= end:
        return total
    if value <= start:
        return 0
    return total * (value - start) // (end - start)


def cumulative_at(value: int, knots: Sequence[int], levels: Sequence[int]) -> int:
    """Return a cumulative count at a time, on straight lines between its samples.

    Before the first sample it has its first level, from the last sample on its last.
    """
    if value >= knots[-1]:
        return levels[-1]
    right = bisect_left(knots, value)
    if right == 0:
        return levels[0]
    step = between(value, knots[right - 1], knots[right], levels[right] - levels[right - 1])
    return levels[right - 1] + step


def rounded(parts: Mapping[Hashable, int], total: int) -> dict[Hashable, int]:
    """Round parts to whole units so that they add up to ``total``: largest remainder first.

    Parameters
    ----------
    parts : amounts in parts of ``FINE``, not negative; the name of a part decides ties, so that
        the order of the parts does not matter
    total : the sum asked for: that of the parts, rounded down or up. A part that is 0 stays 0.
    """
    floors = {name: part // FINE for name, part in parts.items()}
    missing = total - sum(floors.values())
    by_remainder = sorted(parts, key=lambda name: (-(parts[name] % FINE), repr(name)))
    return floors | {name: floors[name] + 1 for name in by_remainder[:missing]}
