"""Minimise the energy-delay product E · M, with a bound of its own.

``E · M`` is quasi-concave where both are non-negative, so over the convex hull of all plans it is
least at a corner, and every corner is the minimum of some ``a · E + b · M``. Each such linear
minimum also cuts off a half-plane that holds no plan. The corner of least product of what is left
is a lower bound; the next weights are the product's gradient there, ``a = M, b = E``. That always
cuts the corner off unless a plan lies on it, so bound and plan meet.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from flexecutor_energy.errors import GapError
from flexecutor_energy.optimization import model
from flexecutor_energy.optimization.approach import Settings, approach
from flexecutor_energy.optimization.certificate import Multipliers, objective_value
from flexecutor_energy.optimization.enumeration import choose
from flexecutor_energy.optimization.model import LinearProgram
from flexecutor_energy.optimization.objective import Weights
from flexecutor_energy.optimization.problem import (
    NEXT_TO_NOTHING,
    IntArray,
    Metric,
    Problem,
)
from flexecutor_energy.optimization.prune import prune
from flexecutor_energy.optimization.rational import least_corner
from flexecutor_energy.optimization.schedule import Evaluation
from flexecutor_energy.optimization.search import (
    Found,
    enumerated,
    search,
    small,
    too_late,
)

PROGRESS = 1e-11
"""What a cut must gain, relatively; the precision of the solver's claims."""

CUTS = 24
"""Half-planes after which the gap is reported as it is."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """A weighted minimum: its plan (None from the relaxation alone), bound and proof."""

    weights: Weights
    bound: float
    evaluation: Evaluation | None
    multipliers: Multipliers


def search_edp(problem: Problem, order: Sequence[Metric], settings: Settings) -> Found | None:
    """Minimise E · M; break ties by `order`; None where no plan keeps the bounds.

    Raises
    ------
    GapError
        No plan was found in time, and none was excluded.
    """
    kept = prune(problem, "edp", order)
    if not all(len(candidates) for candidates in kept):
        return None
    rows = small(problem, kept, settings)
    if rows is not None:
        return _enumerate(problem, order, kept, rows, settings)
    return _branch(problem, order, kept, settings)


def _enumerate(
    problem: Problem,
    order: Sequence[Metric],
    kept: Sequence[IntArray],
    rows: IntArray,
    settings: Settings,
) -> Found | None:
    chosen = choose(problem, "edp", order, rows)
    if chosen is None:
        return None
    program = LinearProgram(problem, kept)

    def relax(weights: Weights) -> _Cut:
        left = settings.deadline.left()
        relaxed = program.relax(weights, left) or program.unrelaxed(weights)
        return _Cut(weights, relaxed.bound, None, relaxed.multipliers)

    cuts = _cuts(relax, objective_value(chosen.evaluation, "edp"), settings) or []
    return enumerated(chosen.evaluation, chosen.claimed, [cut.multipliers for cut in cuts])


def _branch(
    problem: Problem, order: Sequence[Metric], kept: Sequence[IntArray], settings: Settings
) -> Found | None:
    finer = replace(settings, gap=settings.gap / 2)  # the product doubles a relative error

    def solve(weights: Weights) -> _Cut | None:
        reached = approach(problem, kept, weights, finer)
        if reached is None:
            return None
        if reached.plan is None:
            raise too_late(settings)
        return _Cut(weights, reached.claimed, reached.plan, reached.relaxed.multipliers)

    cuts = _cuts(solve, math.inf, settings)
    if cuts is None:
        return None
    plans = [cut.evaluation for cut in cuts if cut.evaluation is not None]
    best = min(plans, key=lambda plan: objective_value(plan, "edp"))
    energy, time = _corner(cuts)
    best = _ties_broken(problem, order, best, settings)
    proofs = tuple(cut.multipliers for cut in cuts)
    return Found(best, energy * time, proofs, model.SOLVER, model.SOLVER_VERSION)


def _cuts(
    cut_by: Callable[[Weights], _Cut | None], value: float, settings: Settings
) -> list[_Cut] | None:
    """Cut off corners until their least product comes within the gap of the best plan.

    Returns None where no plan keeps the bounds.
    """
    cuts: list[_Cut] = []
    weights = Weights.of("time")
    while len(cuts) < CUTS:
        cut = cut_by(weights)
        if cut is None:
            return None
        cuts.append(cut)
        if cut.evaluation is not None:
            value = min(value, objective_value(cut.evaluation, "edp"))
        if len(cuts) == 1:
            weights = Weights.of("energy")
            continue
        if len(cuts) > 2 and cut.bound <= 1 + PROGRESS:  # the corner was on the boundary
            break
        energy, time = _corner(cuts)
        if energy * time >= value * (1 - settings.gap) or energy * time <= 0:
            break
        if settings.deadline.passed():
            break
        weights = Weights(energy=0.5 / energy, time=0.5 / time)  # 1 at the corner
    return cuts


def _corner(cuts: Sequence[_Cut]) -> tuple[float, float]:
    """Return the energy and time of least product that the cuts leave."""
    planes = [
        (Fraction(cut.weights.energy), Fraction(cut.weights.time), Fraction(cut.bound))
        for cut in cuts
    ]
    energy, time = least_corner(planes)
    return float(energy), float(time)


def _ties_broken(
    problem: Problem, order: Sequence[Metric], best: Evaluation, settings: Settings
) -> Evaluation:
    """Return the plan of least energy (then the other metrics) that is as good in both factors."""
    energy, time = best.value("energy"), best.makespan_s
    if settings.deadline.passed():
        return best
    as_good: dict[Metric, float | None] = {
        "energy": energy or NEXT_TO_NOTHING,
        "time": time or NEXT_TO_NOTHING,
    }
    try:
        found = search(problem.with_bounds(as_good), order, settings)
    except GapError:
        return best  # the time is up
    if found is None or objective_value(found.evaluation, "edp") > energy * time:
        return best
    return found.evaluation
