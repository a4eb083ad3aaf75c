"""Go through many choices at once, stage by stage, as arrays."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flexecutor_energy.errors import GapError
from flexecutor_energy.optimization.certificate import objective_value
from flexecutor_energy.optimization.objective import Objective, bounded
from flexecutor_energy.optimization.problem import FloatArray, IntArray, Link, Metric, Problem
from flexecutor_energy.optimization.schedule import (
    Evaluation,
    Totals,
    evaluate,
    evaluate_many,
    violations,
)

ROWS = 1_000_000
"""Choices beyond which enumerating is given up: about a second and 100 MB on four stages."""

CHUNK = 1 << 17

SCHEDULES = 2_000
"""Choices that are list-scheduled at most, the most promising first."""

TIES = 1e-12
"""Totals that differ by less, relatively, count as equal: the order of summing moves them more."""


def enumerate_choices(
    problem: Problem,
    kept: Sequence[IntArray],
    *,
    limit: int = ROWS,
    excess: Sequence[FloatArray] | None = None,
    room: float = math.inf,
) -> IntArray | None:
    """Return all choices that agree with the links, in ascending order; None if too many.

    Parameters
    ----------
    problem : the problem
    kept : the candidates of each stage to consider
    limit : choices to hold at most at any moment
    excess : what each kept candidate adds at least to the proved bound, see `Relaxation`
    room : leave out choices whose summed excess is above this

    Returns
    -------
    array (choices, stages) or None
    """
    if not problem.links and excess is None and math.prod(map(len, kept)) > limit:
        return None
    rows = np.empty((1, 0), dtype=np.int32)
    spent = np.zeros(1)
    for stage, options in enumerate(kept):
        if len(rows) * len(options) > 4 * limit:
            return None
        total = spent[:, None] + (np.zeros(len(options)) if excess is None else excess[stage])
        fits = total <= room
        for link in problem.couplings:
            if max(link.parent, link.child) == stage:
                fits &= _agreeing(link, stage, rows, options)
        before, added = np.nonzero(fits)
        if len(before) > limit:
            return None
        rows = np.column_stack([rows[before], options[added].astype(np.int32)])
        spent = total[fits]
    return rows


@dataclass(frozen=True, slots=True)
class Chosen:
    """The best of the choices looked at, and a lower bound on all of them."""

    evaluation: Evaluation
    claimed: float


def choose(
    problem: Problem, objective: Objective, order: Sequence[Metric], rows: IntArray
) -> Chosen | None:
    """Return the best of many choices; None where none keeps the bounds.

    Parameters
    ----------
    problem, objective : what is asked
    order : metrics in which ties are broken; after those the first row wins
    rows : array (choices, stages), in ascending order

    Raises
    ------
    GapError
        Under a capacity: some choice may have a schedule that keeps the bounds, but list
        scheduling found none.
    """
    totals = _totals(problem, rows)
    keeps = np.ones(len(rows), dtype=bool)
    for metric in bounded(problem):
        keeps &= totals.of(metric) <= problem.limit(metric)
    among = np.flatnonzero(keeps)
    if not len(among):
        return None
    columns = [totals.of(metric) for metric in order]
    if objective == "edp":
        columns.insert(0, totals.energy * totals.time)
    if problem.capacity is not None:
        return _schedule(problem, objective, rows, columns, among)
    for column in columns:
        among = among[column[among] <= column[among].min() * (1 + TIES)]
    evaluation = evaluate(problem, rows[among[0]])
    return Chosen(evaluation, objective_value(evaluation, objective))


def _schedule(
    problem: Problem,
    objective: Objective,
    rows: IntArray,
    columns: Sequence[FloatArray],
    among: IntArray,
) -> Chosen:
    """Schedule choices in the order of their lower bounds until no other can be better."""
    lower = columns[0]
    among = among[np.lexsort([column[among] for column in reversed(columns)])]
    best: Evaluation | None = None
    value = floor = math.inf
    for position in among[:SCHEDULES]:
        if lower[position] >= value:
            break
        trial = evaluate(problem, rows[position])
        reached = objective_value(trial, objective)
        kept = not violations(problem, trial)
        if kept and reached < value:
            best, value = trial, reached
        if not kept or reached > lower[position] * (1 + TIES):
            floor = min(floor, float(lower[position]))  # a better schedule may exist
    else:
        if len(among) > SCHEDULES:
            floor = min(floor, float(lower[among[SCHEDULES]]))
    if best is None:
        raise GapError(
            f"list scheduling on capacity={problem.capacity:g} cores found no plan that keeps the "
            "bounds, and could not show that there is none; loosen a bound or add cores"
        )
    return Chosen(best, min(value, floor))


def _totals(problem: Problem, rows: IntArray) -> Totals:
    """Evaluate choices in pieces that fit into the processor's cache."""
    parts = [
        evaluate_many(problem, rows[begin : begin + CHUNK])
        for begin in range(0, max(len(rows), 1), CHUNK)
    ]
    return Totals(
        time=np.concatenate([part.time for part in parts]),
        energy=np.concatenate([part.energy for part in parts]),
        cost=np.concatenate([part.cost for part in parts]),
    )


def _agreeing(link: Link, stage: int, rows: IntArray, options: IntArray) -> NDArray[np.bool_]:
    """Return the matrix (rows, options) of whether the link's labels are equal."""
    known: dict[object, int] = {}
    for label in (*link.parent_labels, *link.child_labels):
        known.setdefault(label, len(known))
    numbers = {
        link.parent: np.array([known[label] for label in link.parent_labels]),
        link.child: np.array([known[label] for label in link.child_labels]),
    }
    other = min(link.parent, link.child)
    agreeing: NDArray[np.bool_] = (
        numbers[other][rows[:, other]][:, None] == numbers[stage][options][None, :]
    )
    return agreeing
