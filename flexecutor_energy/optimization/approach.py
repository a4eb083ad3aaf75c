"""Bring a plan and a lower bound together: relax, round, improve neighbourhoods, branch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from flexecutor_energy.optimization.deadline import Deadline
from flexecutor_energy.optimization.hull import hulls
from flexecutor_energy.optimization.model import LinearProgram, Relaxation
from flexecutor_energy.optimization.neighbourhood import PRECISION, improvements
from flexecutor_energy.optimization.objective import Weights, bounded
from flexecutor_energy.optimization.pieces import raised
from flexecutor_energy.optimization.pricing import excess
from flexecutor_energy.optimization.problem import (
    TOLERANCE,
    FloatArray,
    IntArray,
    Metric,
    Problem,
)
from flexecutor_energy.optimization.schedule import Evaluation, evaluate, violations
from flexecutor_energy.optimization.settling import settled

Method = Literal["auto", "enumeration", "relaxation", "milp"]

ROUNDING = 1e-6
"""Relative room for the solver's tolerances when choices are excluded by their excess."""

REPAIRS = 4

PROMISING = 60
"""Candidates of a stage that neighbourhoods look at, those of least excess."""

SHARE, MOST = 0.6, 0.95
"""The share of the time for the bound, the rest being for plans; and for a first plan at most."""

PIECES, PIECEWISE = 40, 0.4
"""Stages from which on the bound is raised piece by piece, and the share of the time for that
where branch-and-bound follows."""

SECONDS_EACH = 1 / 400
"""Seconds for each candidate that are worth a try of branch-and-bound on the whole."""

LARGE = 4_000
"""Candidates from which on it looks at its clock less often."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to search: relative gap to stop at, when to stop, and by what method."""

    gap: float
    deadline: Deadline
    method: Method = "auto"


@dataclass(frozen=True, slots=True)
class Approached:
    """A plan (none if it took too long), the lower bound claimed, and what proves most of it."""

    plan: Evaluation | None
    claimed: float
    relaxed: Relaxation


def approach(
    problem: Problem,
    kept: Sequence[IntArray],
    weights: Weights,
    settings: Settings,
    floor: Problem | None = None,
) -> Approached | None:
    """Minimise a weighted objective as far as the gap asked for or the time goes.

    Neighbourhoods come first, as they are quick. Then the bound is raised, piece by piece and,
    where the whole is small enough for the time, by branch-and-bound, which only has to look for
    better plans than the one known. None where no plan keeps the bounds.

    Parameters
    ----------
    problem : the problem
    kept : the candidates to choose from
    weights : the objective
    settings : when to stop
    floor : a problem with lower values, which bounds are proved for instead
    """
    lower = floor or problem
    corners = hulls(lower, kept, weights)
    relaxed = LinearProgram(lower, corners).relax(weights, settings.deadline.left())
    if relaxed is None:
        return None
    bound, left = relaxed.bound, settings.deadline.left()
    plan: Evaluation | None = None
    if settings.method != "milp":
        share = Deadline(left * (1 - SHARE))
        goal = bound / (1 - min(settings.gap, 0.5))
        patience = Deadline(left * MOST)  # without a plan all others are in vain
        plan = settled(problem, lower, kept, corners, weights, relaxed, goal, patience)
        few = _promising(kept, excess(lower, kept, relaxed.multipliers))
        if plan is not None and problem.capacity is None and weights.value(plan) > goal:
            extra = excess(lower, few, relaxed.multipliers)
            for better in improvements(
                problem, few, weights, plan, share, extra, max(PRECISION, settings.gap / 20)
            ):
                plan = better
                if weights.value(plan) <= goal:
                    break
    value = None if plan is None else weights.value(plan)
    if value is not None and not near(value, bound, settings.gap):
        left = settings.deadline.left()
        whole = floor is None and _seconds(kept) < left
        if len(kept) >= PIECES and settings.method != "milp":
            share = Deadline(left * (PIECEWISE if whole else 1.0))
            bound = raised(lower, kept, relaxed, value - bound, share)
        if not whole:
            return Approached(plan, bound, relaxed)
    if value is not None and near(value, bound, settings.gap):
        return Approached(plan, bound, relaxed)
    answer = branch(problem, kept, weights, bound, settings, value)
    if answer is None:
        return None
    found, claimed = answer
    claimed = claimed if floor is None else 0.0
    return Approached(found or plan, max(bound, claimed), relaxed)


def _seconds(kept: Sequence[IntArray]) -> float:
    return sum(len(own) for own in kept) * SECONDS_EACH


def near(value: float, bound: float, gap: float) -> bool:
    """Tell whether a plan is within the gap of the bound."""
    return value - bound <= max(gap, TOLERANCE / 10) * value


def _promising(kept: Sequence[IntArray], extra: Sequence[FloatArray]) -> list[IntArray]:
    return [
        own if len(own) <= PROMISING else own[np.sort(np.argsort(above)[:PROMISING])]
        for own, above in zip(kept, extra, strict=True)
    ]


def branch(
    problem: Problem,
    kept: Sequence[IntArray],
    weights: Weights,
    typical: float,
    settings: Settings,
    known: float | None = None,
) -> tuple[Evaluation | None, float] | None:
    """Run branch-and-bound; return a plan that keeps the bounds exactly, and the claimed bound.

    The solver keeps bounds up to its own tolerance, and knows a capacity by area only: where its
    plan breaks a bound, it is asked again under bounds that are tighter by as much. Without a
    plan the time was up.

    Parameters
    ----------
    problem, kept, weights, settings : what is asked
    typical : the order of magnitude of the objective
    known : objective below which plans are looked for
    """
    held, claimed, size = problem, 0.0, sum(len(own) for own in kept)
    for attempt in range(REPAIRS):
        answer = LinearProgram(held, kept).minimise(
            weights,
            gap=settings.gap,
            time_limit_s=settings.deadline.left() * (0.85 if size > LARGE else 1.0),
            typical=typical,
            known=known,
        )
        if attempt == 0:
            if answer is None:
                return None
            claimed = answer.claimed
        if answer is None or answer.choice is None:
            break
        evaluation = evaluate(problem, answer.choice)
        if not violations(problem, evaluation):
            return evaluation, claimed
        held = _tightened(held, problem, evaluation)
    return None, claimed


def _tightened(held: Problem, asked: Problem, evaluation: Evaluation) -> Problem:
    """Return `held` with each bound that the evaluation exceeds lowered by as much."""
    tighter: dict[Metric, float | None] = {}
    for metric in bounded(asked):
        value, bound, current = (
            evaluation.value(metric),
            asked.bound(metric),
            held.bound(metric),
        )
        if value > asked.limit(metric) and bound is not None and current is not None:
            tighter[metric] = current * (bound / value) * (1 - ROUNDING)
    return held.with_bounds(tighter)
