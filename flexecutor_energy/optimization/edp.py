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
from flexecutor_energy.optimization.contract import contract
from flexecutor_energy.optimization.deadline import Deadline
from flexecutor_energy.optimization.enumeration import choose
from flexecutor_energy.optimization.hull import hulls
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
from flexecutor_energy.optimization.rounding import rounded
from flexecutor_energy.optimization.schedule import Evaluation, violations
from flexecutor_energy.optimization.search import (
    TIED,
    Found,
    enumerated,
    over_blocks,
    search,
    small,
    too_late,
)

PROGRESS = 1e-11
"""What a cut must gain, relatively; the precision of the solver's claims."""

ROUGH = 1e-4
"""What a cut of the relaxation must gain before plans are looked for."""

SHARE = 0.4
"""The share of the time left that each plan may take."""

CUTS = 24
"""Half-planes after which the gap is reported as it is."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """A weighted minimum: its plan (None from the relaxation alone), bound and proof.

    The multipliers prove `relaxed`, which is at most the bound.
    """

    weights: Weights
    bound: float
    relaxed: float
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
    blocks = None if settings.method == "milp" else contract(problem, "edp", kept)
    if blocks is not None:
        found = over_blocks(problem, order, blocks, (_enumerate, _branch), settings)
        if found is None or not violations(problem, found.evaluation):
            return found
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
        return _Cut(weights, relaxed.bound, relaxed.bound, None, relaxed.multipliers)

    cuts = _cuts(relax, objective_value(chosen.evaluation, "edp"), settings) or []
    return enumerated(chosen.evaluation, chosen.claimed, [cut.multipliers for cut in cuts])


def _branch(
    problem: Problem,
    order: Sequence[Metric],
    kept: Sequence[IntArray],
    settings: Settings,
    floor: Problem | None = None,
) -> Found | None:
    finer = replace(settings, gap=settings.gap / 2)  # the product doubles a relative error

    lower = floor or problem
    corners = hulls(lower, kept, Weights(energy=1.0, time=1.0))
    program = LinearProgram(lower, corners)

    def relax(weights: Weights) -> _Cut | None:
        relaxed = program.relax(weights, settings.deadline.left())
        if relaxed is None:
            return None
        start = rounded(problem, kept, corners, relaxed)
        plan = None if start is None or violations(problem, start.plan) else start.plan
        return _Cut(weights, relaxed.bound, relaxed.bound, plan, relaxed.multipliers)

    def solve(weights: Weights) -> _Cut | None:
        share = Deadline(max(settings.deadline.left() * SHARE, 0.01))
        reached = approach(problem, kept, weights, replace(finer, deadline=share), floor)
        if reached is None:
            return None
        return _Cut(
            weights,
            reached.claimed,
            reached.relaxed.bound,
            reached.plan,
            reached.relaxed.multipliers,
        )

    cuts = _cuts(relax, math.inf, settings, progress=ROUGH)
    if cuts is not None and not _close(cuts, settings.gap):
        known = cuts if math.prod(_corner(cuts)) > 0 else ()  # else an end of the front is best
        cuts = _cuts(solve, math.inf, settings, known)
    if cuts is None:
        return None
    plans = [cut.evaluation for cut in cuts if cut.evaluation is not None]
    if not plans:
        raise too_late(settings)
    best = min(plans, key=lambda plan: objective_value(plan, "edp"))
    energy, time = _corner(cuts)
    if sum(map(len, kept)) <= TIED:
        best = _ties_broken(problem, order, best, settings)
    proofs = tuple(cut.multipliers for cut in _needed(cuts))
    return Found(best, energy * time, proofs, model.SOLVER, model.SOLVER_VERSION)


def _cuts(
    cut_by: Callable[[Weights], _Cut | None],
    value: float,
    settings: Settings,
    known: Sequence[_Cut] = (),
    progress: float = PROGRESS,
) -> list[_Cut] | None:
    """Cut off corners until their least product comes within the gap of the best plan.

    Returns None where no plan keeps the bounds. Cuts that are known are among those returned.
    """
    cuts = list(known)
    weights = _steepest(cuts) if known else Weights.of("time")
    for number in range(CUTS):
        cut = cut_by(weights)
        if cut is None:
            return None
        cuts.append(cut)
        if cut.evaluation is not None:
            value = min(value, objective_value(cut.evaluation, "edp"))
        if len(cuts) == 1:
            weights = Weights.of("energy")
            continue
        if (
            len(cuts) > 2 and cut.bound <= 1 + progress and (number or not known)
        ):  # the corner was on the boundary
            break
        energy, time = _corner(cuts)
        if energy * time >= value * (1 - settings.gap) or energy * time <= 0:
            break
        if settings.deadline.passed():
            break
        weights = _steepest(cuts)
    return cuts


def _steepest(cuts: Sequence[_Cut]) -> Weights:
    """Return the weights that cut off the corner; the objective is 1 there."""
    energy, time = _corner(cuts)
    return Weights(energy=0.5 / energy, time=0.5 / time)


def _close(cuts: Sequence[_Cut], gap: float) -> bool:
    """Tell whether the best plan is within the gap of the bound."""
    plans = [cut.evaluation for cut in cuts if cut.evaluation is not None]
    best = min((objective_value(plan, "edp") for plan in plans), default=math.inf)
    return math.prod(_corner(cuts)) >= best * (1 - gap)


def _needed(cuts: Sequence[_Cut]) -> list[_Cut]:
    """Return the cuts without those that the proof is as good without."""
    kept = [replace(cut, bound=cut.relaxed) for cut in cuts]
    goal = math.prod(_corner(kept)) * (1 - PROGRESS)
    for cut in list(kept):
        rest = [other for other in kept if other is not cut]
        if rest and math.prod(_corner(rest)) >= goal:
            kept = rest
    return kept


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
