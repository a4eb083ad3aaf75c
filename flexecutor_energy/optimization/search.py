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
from flexecutor_energy.optimization.model import LinearProgram
from flexecutor_energy.optimization.objective import Weights, bounded
from flexecutor_energy.optimization.problem import (
    NEXT_TO_NOTHING,
    TOLERANCE,
    IntArray,
    Metric,
    Problem,
)
from flexecutor_energy.optimization.prune import prune
from flexecutor_energy.optimization.schedule import Evaluation, evaluate, violations

Method = Literal["auto", "enumeration", "milp"]

RESIDUAL_ROWS = 200_000
"""Choices left below an incumbent that are enumerated to prove it; about a tenth of a second."""

ROUNDING = 1e-6
"""Relative room for the solver's tolerances when choices are excluded by their excess."""

REPAIRS = 4


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
    program, weights = LinearProgram(problem, kept), Weights.of(metric)
    rows = small(problem, kept, settings)
    if rows is None:
        return _branch(problem, order, kept, program, settings)
    chosen = choose(problem, metric, order, rows)
    if chosen is None:
        return None
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
) -> tuple[Evaluation, float] | None:
    """Run branch-and-bound; return a plan that keeps the bounds exactly, and the claimed bound.

    The solver keeps bounds up to its own tolerance, and knows a capacity by area only: where its
    plan breaks a bound, it is asked again under bounds that are tighter by as much.

    Raises
    ------
    GapError
        No plan was found in time, and none was excluded.
    """
    held, claimed = problem, 0.0
    for attempt in range(REPAIRS):
        answer = LinearProgram(held, kept).minimise(
            weights,
            gap=settings.gap,
            time_limit_s=settings.deadline.left(),
            typical=typical,
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
    raise GapError(
        f"no plan that keeps the bounds was found in {settings.deadline.seconds:g} s, nor shown "
        "not to exist; raise time_limit_s or loosen a bound"
    )


def _branch(
    problem: Problem,
    order: Sequence[Metric],
    kept: Sequence[IntArray],
    program: LinearProgram,
    settings: Settings,
) -> Found | None:
    metric, weights = order[0], Weights.of(order[0])
    relaxed = program.relax(weights, settings.deadline.left())
    if relaxed is None:
        return None
    branched = branch(problem, kept, weights, relaxed.bound, settings)
    if branched is None:
        return None
    evaluation, claimed = branched
    value = evaluation.value(metric)
    rest = enumerate_choices(
        problem,
        kept,
        limit=RESIDUAL_ROWS,
        excess=relaxed.excess,
        room=value * (1 + ROUNDING) - relaxed.bound,
    )
    chosen = None if rest is None else choose(problem, metric, order, rest)
    if chosen is not None:
        evaluation, claimed = chosen.evaluation, max(claimed, chosen.claimed)
    elif metric == "time" or value <= claimed * (1 + TOLERANCE):
        # sums of energy or cost hardly tie, and short of the optimum they need not be looked at
        evaluation = _ties_broken(problem, order, evaluation, settings)
    multipliers = (relaxed.multipliers,)
    return Found(evaluation, claimed, multipliers, model.SOLVER, model.SOLVER_VERSION)


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
