"""The candidates on the lower convex hull of each stage: all that a linear program looks at.

Where the objective and the bounds depend on two values of a candidate, the relaxation mixes
neighbours on the hull of the pairs, so that leaving out the others changes nothing but its size.
Labels are kept apart, as in `prune`.
"""

from collections.abc import Sequence

import numpy as np

from flexecutor_energy.optimization.objective import Weights, bounded
from flexecutor_energy.optimization.problem import FloatArray, IntArray, Problem
from flexecutor_energy.optimization.prune import groups


def hulls(problem: Problem, kept: Sequence[IntArray], weights: Weights) -> list[IntArray]:
    """Return the kept candidates on the hulls; all of them where more than two values count.

    Parameters
    ----------
    problem : the problem
    kept : candidate indices of each stage
    weights : the objective
    """
    columns = _columns(problem, weights)
    if columns is None:
        return list(kept)
    times, values = columns
    return [
        np.array(sorted(i for group in own for i in _lower(times[stage], values[stage], group)))
        for stage, own in enumerate(groups(problem, kept))
    ]


def _columns(
    problem: Problem, weights: Weights
) -> tuple[Sequence[FloatArray], Sequence[FloatArray]] | None:
    """Return times and the one other value that counts; None where there are more."""
    energy = problem.energies if weights.energy or "energy" in bounded(problem) else None
    cost = problem.costs if weights.cost or "cost" in bounded(problem) else None
    if problem.capacity is not None or (energy is not None and cost is not None):
        return None
    return problem.times, energy or cost or [np.zeros(len(row)) for row in problem.times]


def _lower(x: FloatArray, y: FloatArray, members: IntArray) -> list[int]:
    """Return the corners of the hull from the least x to the least y (Andrew 1979)."""
    corners: list[int] = []
    for i in members[np.lexsort((y[members], x[members]))].tolist():
        if corners and y[i] >= y[corners[-1]]:
            continue
        while len(corners) > 1 and _above(x, y, corners[-2], corners[-1], i):
            corners.pop()
        corners.append(i)
    return corners


def _above(x: FloatArray, y: FloatArray, left: int, middle: int, right: int) -> bool:
    rise = (y[middle] - y[left]) * (x[right] - x[left])
    return bool(rise >= (y[right] - y[left]) * (x[middle] - x[left]))
