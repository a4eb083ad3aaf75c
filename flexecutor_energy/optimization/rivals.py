"""All plans that could be best in some world, evaluated in all worlds at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flexecutor_energy.optimization.enumeration import enumerate_choices
from flexecutor_energy.optimization.objective import Objective, bounded
from flexecutor_energy.optimization.problem import FloatArray, IntArray, Metric, Problem
from flexecutor_energy.optimization.schedule import evaluate, evaluate_many, violations

ROWS = 50_000
"""Choices that are evaluated in every world at most: about a second for 400 worlds."""

SCHEDULES = 2_000
"""Choices that are list-scheduled at most, where stages share cores."""


@dataclass(frozen=True, slots=True, eq=False)
class Rivals:
    """Choices that keep the bounds.

    Attributes
    ----------
    rows : array (choices, stages)
    makespan_s : array (choices,)
    """

    rows: IntArray
    makespan_s: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class WorldValues:
    """What choices come to in each of several worlds.

    Attributes
    ----------
    energies : for each stage an array (worlds, candidates), joules
    idle_power_w : array (worlds,), of the hosts together, for scope ``host``
    objective : ``energy`` or ``edp``
    """

    energies: Sequence[FloatArray]
    idle_power_w: FloatArray
    objective: Objective

    def of(self, world: int, rows: IntArray, makespan_s: FloatArray) -> FloatArray:
        """Return the objective of choices in one world: array (choices,)."""
        total: FloatArray = self.idle_power_w[world] * makespan_s
        for stage, joules in enumerate(self.energies):
            total = total + joules[world][rows[:, stage]]
        return total * makespan_s if self.objective == "edp" else total


def rivals(problem: Problem, energies: Sequence[FloatArray]) -> Rivals | None:
    """Return every choice that keeps the bounds and may be best in some world; None if too many.

    A candidate is left out if another one of its stage, with the same labels, is no worse in
    time, in what else is bounded, and in the joules of every world.

    Parameters
    ----------
    problem : in the world it was planned in; its bounds hold in all worlds
    energies : for each stage an array (worlds, candidates)
    """
    kept = [_undominated(problem, stage, energies[stage]) for stage in problem.stages]
    if problem.capacity is not None:
        rows = enumerate_choices(problem, kept, limit=SCHEDULES)
        return None if rows is None else _scheduled(problem, rows)
    rows = enumerate_choices(problem, kept, limit=ROWS)
    if rows is None:
        return None
    totals = evaluate_many(problem, rows)
    keeps = np.ones(len(rows), dtype=bool)
    for metric in bounded(problem):
        keeps &= totals.of(metric) <= problem.limit(metric)
    return Rivals(rows[keeps], totals.time[keeps])


def _scheduled(problem: Problem, rows: IntArray) -> Rivals:
    plans = [evaluate(problem, row) for row in rows]
    keeps = np.array([not violations(problem, plan) for plan in plans], dtype=bool)
    makespans = np.array([plan.makespan_s for plan in plans])
    return Rivals(rows[keeps], makespans[keeps])


def _undominated(problem: Problem, stage: int, energies: FloatArray) -> IntArray:
    """Return the candidates of a stage that no other one beats in everything."""
    columns = [problem.times[stage], *energies]
    others: tuple[Metric, ...] = ("energy", "cost")
    for metric in others:
        values = problem.values(metric)
        if values is not None and problem.bound(metric) is not None:
            columns.append(values[stage])
    if problem.capacity is not None and problem.cores is not None:
        columns.append(problem.cores[stage])
    table = np.array(columns).T
    labels = [
        link.parent_labels if link.parent == stage else link.child_labels
        for link in problem.couplings
        if stage in (link.parent, link.child)
    ]
    groups: dict[tuple[object, ...], list[int]] = {}
    for candidate in range(len(table)):
        groups.setdefault(tuple(own[candidate] for own in labels), []).append(candidate)
    kept = [c for members in groups.values() for c in _front(table, members)]
    return np.array(sorted(kept), dtype=np.int64)


def _front(table: FloatArray, members: list[int]) -> list[int]:
    front: list[int] = []
    for candidate in members:
        worse: NDArray[np.bool_] = np.array(
            [np.all(table[other] <= table[candidate]) for other in front], dtype=bool
        )
        if worse.any():
            continue
        front = [other for other in front if not np.all(table[candidate] <= table[other])]
        front.append(candidate)
    return front
