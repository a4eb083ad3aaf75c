"""Exact arithmetic that the checker needs: whole numbers, rounding, corners of half-planes."""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import combinations

HalfPlane = tuple[Fraction, Fraction, Fraction]
"""``(a, b, bound)``: all points with ``a · x + b · y >= bound``, where a and b are at least 0."""


def least_corner(planes: Sequence[HalfPlane]) -> tuple[Fraction, Fraction]:
    """Return the point (x, y) ≥ 0 of least ``x · y`` in the intersection of half-planes.

    The product is quasi-concave for non-negative x and y, and the intersection is closed
    upwards, so that it is least at a corner.
    """
    nothing, one = Fraction(0), Fraction(1)
    sides = [*planes, (one, nothing, nothing), (nothing, one, nothing)]
    corners = []
    for (a, b, p), (c, d, q) in combinations(sides, 2):
        determinant = a * d - b * c
        if determinant != 0:
            x, y = (p * d - b * q) / determinant, (a * q - p * c) / determinant
            if all(left * x + right * y >= bound for left, right, bound in sides):
                corners.append((x, y))
    return min(corners, key=lambda corner: (corner[0] * corner[1], corner))


def least_product(planes: Sequence[HalfPlane]) -> Fraction:
    """Return the least ``x · y`` of the points (x, y) ≥ 0 that half-planes leave."""
    x, y = least_corner(planes)
    return x * y


def rounded_down(value: Fraction) -> float:
    """Return the largest float that is not above the value."""
    near = float(value)
    return near if Fraction(near) <= value else math.nextafter(near, -math.inf)


def places(numbers: Iterable[float]) -> int:
    """Return the least s for which ``2**s`` times each of the numbers is whole."""
    return max((x.as_integer_ratio()[1].bit_length() - 1 for x in numbers), default=0)


def whole(number: float, shift: int) -> int:
    """Return ``2**shift`` times a number that is whole then."""
    top, bottom = number.as_integer_ratio()
    return top << (shift - bottom.bit_length() + 1)
