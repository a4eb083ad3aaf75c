"""A plan that keeps all bounds: rounded from a relaxation, made better, asked for anew.

Rounding is made better by packing, where the stages stand in a row, and by annealing, where there
are many of them.
"""

from collections.abc import Sequence

from flexecutor_energy.optimization.annealing import annealed
from flexecutor_energy.optimization.certificate import Multipliers
from flexecutor_energy.optimization.deadline import Deadline
from flexecutor_energy.optimization.model import LinearProgram, Relaxation
from flexecutor_energy.optimization.objective import Weights, bounded
from flexecutor_energy.optimization.packing import in_a_row, packed
from flexecutor_energy.optimization.problem import TOLERANCE, IntArray, Metric, Problem
from flexecutor_energy.optimization.rounding import Start, filled, rounded
from flexecutor_energy.optimization.schedule import Evaluation, evaluate, violations
from flexecutor_energy.optimization.windows import heads

MANY = 50
"""Stages from which on annealing finds what neighbourhoods do not."""

SETTLING, SETTLED = 8, 0.001
"""Attempts to round to within a bound, and the share of it that may be left unused."""

FAR = 0.003
"""How far a plan must be from the goal, relatively, for annealing to be worth it."""

ANNEALING, ANNEALING_S = 0.12, 0.02
"""The share of the time that annealing may take, and the seconds for each stage."""


def settled(
    problem: Problem,
    lower: Problem,
    kept: Sequence[IntArray],
    corners: Sequence[IntArray],
    weights: Weights,
    relaxed: Relaxation,
    goal: float,
    deadline: Deadline,
) -> Evaluation | None:
    """Return a plan that keeps all bounds and links, if rounding finds one.

    Rounding adds to energy and cost. Where that breaks a bound, the relaxation is asked for as
    much less, and where it leaves something, for as much more.

    Parameters
    ----------
    problem, lower, kept, weights : what is asked, see `approach`
    corners : the candidates that relaxations look at
    relaxed : the relaxation
    goal : objective at which to stop
    deadline : when to stop
    """
    held, best = lower, None
    share = deadline.left() * ANNEALING / (1 if bounded(problem) in ((), ("time",)) else 4)
    for _ in range(SETTLING):
        start = rounded(problem, kept, corners, relaxed)
        if start is None:
            break
        limit = Deadline(min(share, ANNEALING_S * len(kept), deadline.left()))
        plan = _warmed(problem, weights, start, goal, limit)
        keeps = not violations(problem, plan)
        if keeps and (best is None or weights.value(plan) < weights.value(best)):
            best = plan
        adapted = _adapted(problem, held, plan, relaxed.multipliers)
        if not adapted or deadline.passed() or (best and weights.value(best) <= goal):
            break
        held = held.with_bounds(adapted)
        again = LinearProgram(held, corners).relax(weights, deadline.left())
        if again is None:
            break
        relaxed = again
    return best


def _warmed(
    problem: Problem, weights: Weights, start: Start, goal: float, deadline: Deadline
) -> Evaluation:
    """Return the better one of the plan and what packing or annealing makes of it, as priced."""
    plan, row = start.plan, in_a_row(problem)
    near_goal = weights.value(plan) <= goal * (1 if row else 1 + FAR)
    good = near_goal and not violations(problem, plan)
    few = len(plan.choice) < (2 if row else MANY)
    if problem.capacity is not None or few or good:
        return plan
    if row:
        steps = packed(start.stairs, start.prices, start.horizon_s)
    else:
        begins = heads(problem, plan.durations_s)
        steps = annealed(problem, start.stairs, start.prices, begins, start.horizon_s, deadline)
    if steps is None:
        return plan
    trial = evaluate(problem, filled(problem, start.stairs, steps, start.horizon_s))

    def worth(one: Evaluation) -> float:
        priced = sum(float(own[c]) for own, c in zip(start.prices, one.choice, strict=True))
        return priced + weights.per_second(problem) * one.makespan_s

    return trial if worth(trial) < worth(plan) else plan


def _adapted(
    problem: Problem, held: Problem, plan: Evaluation, multipliers: Multipliers
) -> dict[Metric, float | None]:
    """Return the bounds to ask a relaxation for, so that rounding may just keep the real ones."""
    prices = {
        "energy": multipliers.energy_bound,
        "cost": multipliers.cost_bound,
        "time": 0.0,
    }
    found: dict[Metric, float | None] = {}
    for metric in bounded(problem):
        asked, current = problem.bound(metric), held.bound(metric)
        assert asked is not None and current is not None
        ratio = plan.value(metric) / asked
        if ratio > 1 + TOLERANCE or (prices[metric] and ratio < 1 - SETTLED):
            found[metric] = min(asked, current / ratio * (1 - SETTLED / 4))
    return {m: new for m, new in found.items() if new != held.bound(m)}
