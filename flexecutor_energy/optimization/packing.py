"""Use up a deadline with stages in a row: a knapsack from each of whose groups one item is taken.

At one price of a second, every stage has a candidate of least price, and all others an excess over
it. Only what is left of the deadline, at that price, is lost to the relaxation. So a few dozen
stages with candidates of little excess are combined anew, until their durations fill it (a core
of the knapsack; Pisinger 1995). The number of combinations is so large that next to nothing is
lost in the end.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flexecutor_energy.optimization.problem import FloatArray, IntArray, Problem
from flexecutor_energy.optimization.rounding import Stairs

PASSES = ((64, 1_000), (256, 2_000), (1_000, 2_000))
"""Stages that are combined anew, and combinations that are kept after each of them."""

STEPS = 8
"""Steps that a stage may take, those of least excess."""

HALVINGS = 100
"""Halvings of the interval in which the price of a second lies."""

BLUR = 1e-12
"""The share of the deadline that is left for rounding in sums."""


def in_a_row(problem: Problem) -> bool:
    """Tell whether each stage follows one other stage, except the first."""
    begin = sum(not parents for parents in problem.parents)
    return begin == 1 and all(len(stages) < 2 for stages in (*problem.parents, *problem.children))


def packed(
    stairs: Sequence[Stairs], prices: Sequence[FloatArray], horizon_s: float
) -> list[int] | None:
    """Return the steps of a row of stages within a horizon; None where not even the fastest fit.

    Parameters
    ----------
    stairs : the candidates of each stage, from the fastest to the cheapest
    prices : for each stage what its candidates cost
    horizon_s : seconds that all stages may take together
    """
    times = _table([own.times for own in stairs])
    costs = _table([price[own.candidates] for own, price in zip(stairs, prices, strict=True)])
    horizon = horizon_s * (1 - BLUR)
    if times[:, 0].sum() > horizon:
        return None
    second = _price_of_a_second(times, costs, horizon)
    excess = costs + second * np.where(np.isfinite(costs), times, 0.0)
    excess -= excess.min(axis=1, keepdims=True)
    base: IntArray = np.argmin(excess, axis=1)
    rows = np.arange(len(base))
    room = horizon - float(times[rows, base].sum())
    longer = times - times[rows, base][:, None]
    nearest = np.argsort(excess, axis=1)[:, :STEPS]
    closest = np.argsort(np.take_along_axis(excess, nearest, axis=1)[:, 1])
    best, loss = base, second * room
    for stages, points in PASSES:
        # what loses more by itself than all that is lost so far is of no use
        core = [(i, own[excess[i, own] <= loss]) for i in closest[:stages] for own in [nearest[i]]]
        core = [(int(i), own) for i, own in core if len(own) > 1]
        steps = base.copy()
        for stage, step in _filling(core, longer, excess, second, room, loss, points):
            steps[stage] = step
        lost = float(excess[rows, steps].sum() + second * (room - longer[rows, steps].sum()))
        if lost < loss:
            best, loss = steps, lost
    return [int(step) for step in best]


def _table(rows: Sequence[Sequence[float] | FloatArray]) -> FloatArray:
    table = np.full((len(rows), max(2, *map(len, rows))), np.inf)
    for own, row in zip(table, rows, strict=True):
        own[: len(row)] = row
    return table


def _price_of_a_second(times: FloatArray, costs: FloatArray, horizon: float) -> float:
    """Return the least price at which the stages choose to take no longer than the horizon."""
    finite = np.where(np.isfinite(costs), times, 0.0)
    rows = np.arange(len(times))

    def fits(second: float) -> bool:
        chosen = np.argmin(costs + second * finite, axis=1)
        return bool(times[rows, chosen].sum() <= horizon)

    if fits(0.0):
        return 0.0
    low, high = 0.0, 1.0
    while not fits(high):
        low, high = high, 2 * high
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def _filling(
    core: Sequence[tuple[int, IntArray]],
    longer: FloatArray,
    excess: FloatArray,
    second: float,
    room: float,
    loss: float,
    points: int,
) -> list[tuple[int, int]]:
    """Return the steps of the core that lose least of the room, as pairs (stage, step).

    Parameters
    ----------
    core : stages, and the steps that each may take
    longer : seconds that steps take more than those of least excess
    excess : what steps add to the least price
    second : the price of a second
    room : seconds that are left
    loss : combinations that lose more are left out
    points : combinations to keep after each stage
    """
    took, lost = np.zeros(1), np.zeros(1)
    trail: list[tuple[IntArray, IntArray]] = []
    for stage, steps in core:
        all_took = (took[:, None] + longer[stage, steps]).ravel()
        all_lost = (lost[:, None] + excess[stage, steps]).ravel()
        kept = _worth_keeping(all_took, all_lost, second, loss, points)
        before, taken = np.divmod(kept, len(steps))
        trail.append((before, steps[taken]))
        took, lost = all_took[kept], all_lost[kept]
    at = int(np.argmin(np.where(took <= room, lost - second * took, np.inf)))
    found = []
    for (stage, _), (before, chosen) in zip(reversed(core), reversed(trail), strict=True):
        found.append((stage, int(chosen[at])))
        at = int(before[at])
    return found


def _worth_keeping(
    took: FloatArray, lost: FloatArray, second: float, loss: float, points: int
) -> NDArray[np.intp]:
    """Return the combinations that may be of use, each faster or cheaper than all others."""
    able = np.flatnonzero(lost <= loss)
    order = able[np.lexsort((lost[able], took[able]))]
    price = lost[order] - second * took[order]
    least = np.minimum.accumulate(price)
    order = order[np.concatenate(([True], least[1:] < least[:-1]))]
    if len(order) > points:  # of those that take about as long only the best
        took = took[order] - took[order[0]]
        bins = (took * (points / took[-1])).astype(np.intp)
        by_loss = order[np.lexsort((lost[order], bins))]
        order = by_loss[np.concatenate(([True], np.diff(bins) > 0))]
    return order
