"""Answer "what if" from the candidates in a plan alone, without profiles or models."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from flexecutor_energy.errors import ConfigurationError, InfeasibleError, MissingEnergyError
from flexecutor_energy.optimization.asked import as_asked
from flexecutor_energy.optimization.derived import derived_plan, own_intervals
from flexecutor_energy.optimization.exact import solve
from flexecutor_energy.optimization.objective import Objective
from flexecutor_energy.optimization.problem import METRICS, Metric
from flexecutor_energy.optimization.terms import problem_of

if TYPE_CHECKING:
    from flexecutor_energy.optimization.plan import Plan

Bounds = Mapping[Metric, float | None]


def what_if(
    plan: "Plan",
    objective: Objective,
    bounds: Bounds,
    capacity: float | None,
    *,
    gap: float = 0.005,
    time_limit_s: float = 60.0,
) -> "Plan":
    """Return the plan for another objective, or other bounds, over the same candidates.

    Each bound is divided by one factor, as when planning: the one that held-out runs stayed below
    in all bounded metrics at once, for stages that run as those of this plan do. It depends only
    on which metrics are bounded, so that a looser bound never makes a worse plan.

    Parameters
    ----------
    plan : whose candidates
    objective : what to minimise
    bounds : what one run should keep, by metric; None for no bound
    capacity : cores that all stages share; None for no limit
    gap, time_limit_s : when the solver may stop

    Raises
    ------
    InfeasibleError
        No choice keeps the bounds; carries the nearest plan.
    MissingEnergyError
        Joules are needed, and the plan holds none.
    ConfigurationError
        A bound is not positive.
    """
    asked: dict[Metric, float | None] = {metric: bounds.get(metric) for metric in METRICS}
    for metric, bound in asked.items():
        if bound is not None and not bound > 0:
            raise ConfigurationError(f"max_{metric} must be above 0, got {bound!r}")
    if objective in ("energy", "edp") or asked["energy"] is not None:
        _require_energy(plan)
    factor = margin(plan, [metric for metric, bound in asked.items() if bound is not None])
    kept = {metric: None if bound is None else bound / factor for metric, bound in asked.items()}
    terms = replace(
        plan.terms,
        objective=objective,
        max_time=asked["time"],
        max_energy=asked["energy"],
        max_cost=asked["cost"],
        mean_max_time=kept["time"],
        mean_max_energy=kept["energy"],
        mean_max_cost=kept["cost"],
        capacity=capacity,
    )
    try:
        solution = solve(problem_of(terms, plan.table, plan.edges), objective, gap, time_limit_s)
    except InfeasibleError as error:
        raise as_asked(error, terms, lambda s, t: derived_plan(plan, s, t)) from None
    return derived_plan(plan, solution, terms)


def margin(plan: "Plan", metrics: list[Metric]) -> float:
    """Return what to divide bounds on some metrics by, so that one run keeps them all.

    Where the plan does not hold it (it is older, or was not made from predictors), the widest of
    its own margins and of the upper ends of its intervals.
    """
    known = plan.context.margin(metrics)
    if known is not None:
        return known
    own = own_intervals(plan)
    ends = [
        band.high / band.mean
        for metric in metrics
        if (band := own[metric]) is not None and band.mean > 0
    ]
    return max([1.0, *ends, *(plan.terms.margin(metric) for metric in metrics)])


def _require_energy(plan: "Plan") -> None:
    missing = [
        options.stage_id
        for options in plan.table
        if any(candidate.energy is None for candidate in options.candidates)
    ]
    if missing:
        raise MissingEnergyError(missing)
