"""The portfolio for a linear objective: prune, relax, enumerate or branch, break ties.

Small problems are enumerated whole, which proves the optimum. Larger ones go to branch-and-bound;
then all choices that the relaxation leaves below the plan found are enumerated where they are
few enough, which again proves the optimum, whatever the solver claims.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from flexecutor_energy.errors import ConfigurationError, GapError
from flexecutor_energy.optimization import model
from flexecutor_energy.optimization.certificate import Multipliers
from flexecutor_energy.optimization.deadline import Deadline
from flexecutor_energy.optimization.enumeration import ROWS, choose, enumerate_choices
from flexecutor_energy.optimization.hull import hulls
from flexecutor_energy.optimization.model import LinearProgram
from flexecutor_energy.optimization.neighbourhood import improvements
from flexecutor_energy.optimization.objective import Weights, bounded
from flexecutor_energy.optimization.pricing import excess
from flexecutor_energy.optimization.problem import (
    NEXT_TO_NOTHING,
    TOLERANCE,
    IntArray,
    Metric,
    Problem,
)
from flexecutor_energy.optimization.prune import prune
from flexecutor_energy.optimization.rounding import first_plans
from flexecutor_energy.optimization.schedule import Evaluation, evaluate, violations

Method = Literal["auto", "enumeration", "milp"]

RESIDUAL_ROWS = 200_000
"""Choices left below an incumbent that are enumerated to prove it; about a tenth of a second."""

RESIDUAL_CELLS = 1_000_000
"""Numbers that those choices consist of at most."""

ROUNDING = 1e-6
"""Relative room for the solver's tolerances when choices are excluded by their excess."""

TIED = 4_000
"""Candidates beyond which ties are left as they are: to break them takes another search."""

REPAIRS = 4

_SHARE, _MOST = 0.5, 0.9
"""Shares of the time that neighbourhoods may take: before branch-and-bound, and without it."""

_SECONDS_EACH = 1 / 1000
"""Seconds that branch-and-bound must have for each candidate, or its first node is not done."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to search: relative gap to stop at, when to stop, and by what method."""

    gap: float
    deadline: Deadline
    method: Method = "auto"


@dataclass(frozen=True, slots=True)
class Found:
    """What a search hands to the certificate: an exactly evaluated plan and its bounds."""

    evaluation: Evaluation
    claimed: float
    multipliers: tuple[Multipliers, ...]
    solver: str
    solver_version: str


def search(problem: Problem, order: Sequence[Metric], settings: Settings) -> Found | None:
    """Minimise the first metric; break ties by the others; None where no plan keeps the bounds.

    Raises
    ------
    GapError
        No plan was found in time, and none was excluded.
    ConfigurationError
        The method is ``enumeration`` and there are too many choices.
    """
    metric = order[0]
    kept = prune(problem, metric, order)
    if not all(len(candidates) for candidates in kept):
        return None
    rows = small(problem, kept, settings)
    if rows is None:
        return _branch(problem, order, kept, settings)
    chosen = choose(problem, metric, order, rows)
    if chosen is None:
        return None
    program, weights = (
        LinearProgram(problem, hulls(problem, kept, Weights.of(metric))),
        Weights.of(metric),
    )
    relaxed = program.relax(weights, settings.deadline.left()) or program.unrelaxed(weights)
    return enumerated(chosen.evaluation, chosen.claimed, [relaxed.multipliers])


def small(problem: Problem, kept: Sequence[IntArray], settings: Settings) -> IntArray | None:
    """Return all choices if they are few enough to be enumerated, and if they should be."""
    if settings.method == "milp":
        return None
    rows = enumerate_choices(problem, kept)
    if rows is None and settings.method == "enumeration":
        raise ConfigurationError(
            f"there are more than {ROWS} choices, too many for method='enumeration'; "
            "use method='auto'"
        )
    return rows


def enumerated(
    evaluation: Evaluation, claimed: float, multipliers: Sequence[Multipliers]
) -> Found:
    """Return what enumerating all choices found."""
    version = f"numpy {np.__version__}"
    return Found(evaluation, claimed, tuple(multipliers), "enumeration", version)


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
    held, claimed = problem, 0.0
    for attempt in range(REPAIRS):
        answer = LinearProgram(held, kept).minimise(
            weights,
            gap=settings.gap,
            time_limit_s=settings.deadline.left(),
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


def too_late(settings: Settings) -> GapError:
    """Return the error for a search that ended without a plan."""
    return GapError(
        f"no plan that keeps the bounds was found in {settings.deadline.seconds:g} s, nor shown "
        "not to exist; raise time_limit_s or loosen a bound"
    )


def _branch(
    problem: Problem, order: Sequence[Metric], kept: Sequence[IntArray], settings: Settings
) -> Found | None:
    metric, weights = order[0], Weights.of(order[0])
    corners = hulls(problem, kept, weights)
    relaxed = LinearProgram(problem, corners).relax(weights, settings.deadline.left())
    if relaxed is None:
        return None
    first = None
    if settings.method == "auto":
        first = next(first_plans(problem, kept, corners, relaxed, settings.deadline), None)
    reached = _approached(problem, kept, metric, relaxed.bound, first, settings)
    if reached is None:
        return None
    evaluation, claimed = reached
    value = evaluation.value(metric)
    rest = enumerate_choices(
        problem,
        kept,
        limit=min(RESIDUAL_ROWS, RESIDUAL_CELLS // len(kept)),
        excess=excess(problem, kept, relaxed.multipliers),
        room=value * (1 + ROUNDING) - relaxed.bound,
    )
    chosen = None if rest is None else choose(problem, metric, order, rest)
    if chosen is not None:
        evaluation, claimed = chosen.evaluation, max(claimed, chosen.claimed)
    elif sum(map(len, kept)) <= TIED and (metric == "time" or value <= claimed * (1 + TOLERANCE)):
        # sums of energy or cost hardly tie, and short of the optimum they need not be looked at
        evaluation = _ties_broken(problem, order, evaluation, settings)
    multipliers = (relaxed.multipliers,)
    return Found(evaluation, claimed, multipliers, model.SOLVER, model.SOLVER_VERSION)


def _approached(
    problem: Problem,
    kept: Sequence[IntArray],
    metric: Metric,
    bound: float,
    plan: Evaluation | None,
    settings: Settings,
) -> tuple[Evaluation, float] | None:
    """Bring plan and bound together, as far as the gap asked for or the time goes.

    Neighbourhoods come first, as they are quick; then branch-and-bound, which only has to look
    for plans that are better by more than the gap. None where no plan keeps the bounds.
    """
    weights, left = Weights.of(metric), settings.deadline.left()
    whole = sum(len(own) for own in kept) * _SECONDS_EACH < left * _SHARE
    if plan is not None and problem.capacity is None:
        share = Deadline(left * (_SHARE if whole else _MOST))
        for better in improvements(problem, kept, metric, plan, share):
            plan = better
            if near(plan.value(metric), bound, settings.gap):
                break
    if plan is None:
        answer = branch(problem, kept, weights, bound, settings)
        if answer is None:
            return None
        evaluation, claimed = answer
        if evaluation is None:
            raise too_late(settings)
        return evaluation, max(bound, claimed)
    value = plan.value(metric)
    if not whole or near(value, bound, settings.gap):
        return plan, bound
    answer = branch(problem, kept, weights, bound, settings, value)
    evaluation, claimed = answer or (None, bound)
    return evaluation or plan, max(bound, min(claimed, value))


def near(value: float, bound: float, gap: float) -> bool:
    """Tell whether a plan is within the gap of the bound."""
    return value - bound <= max(gap, TOLERANCE / 10) * value


def _ties_broken(
    problem: Problem, order: Sequence[Metric], best: Evaluation, settings: Settings
) -> Evaluation:
    """Minimise the later metrics in turn while the earlier ones stay as good as they are."""
    held = problem
    for number, (previous, metric) in enumerate(pairwise(order)):
        if settings.deadline.passed():
            break
        held = held.with_bounds({previous: best.value(previous) or NEXT_TO_NOTHING})
        kept = prune(held, metric, order[number + 1 :])
        if not all(len(candidates) for candidates in kept):
            break
        answer = LinearProgram(held, kept).minimise(
            Weights.of(metric),
            gap=settings.gap,
            time_limit_s=settings.deadline.left(),
            typical=best.value(metric),
        )
        if answer is not None and answer.choice is not None:
            trial = evaluate(problem, answer.choice)
            better = trial.value(metric) < best.value(metric)
            if better and not violations(held, trial):
                best = trial
    return best


def _tightened(held: Problem, asked: Problem, evaluation: Evaluation) -> Problem:
    """Return `held` with each bound that the evaluation exceeds lowered by as much."""
    tighter: dict[Metric, float | None] = {}
    for metric in bounded(asked):
        value, bound, current = evaluation.value(metric), asked.bound(metric), held.bound(metric)
        if value > asked.limit(metric) and bound is not None and current is not None:
            tighter[metric] = current * (bound / value) * (1 - ROUNDING)
    return held.with_bounds(tighter)
