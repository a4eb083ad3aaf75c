"""Other plans from the candidates of a plan: points of its front, and answers to "what if"."""

from dataclasses import replace
from typing import TYPE_CHECKING

from flexecutor_energy.optimization.certificate import Solution
from flexecutor_energy.optimization.problem import METRICS, Metric
from flexecutor_energy.optimization.terms import Terms
from flexecutor_energy.quantities import Interval

if TYPE_CHECKING:
    from flexecutor_energy.optimization.plan import Plan


def own_intervals(plan: "Plan") -> dict[Metric, Interval | None]:
    """Return the predictions of one run of a plan by metric; None where not known."""
    return {"time": plan.time, "energy": plan.energy, "cost": plan.cost}


def around(own: Interval | None, mean: float | None) -> Interval | None:
    """Return an interval around another mean that is as wide, relatively, as a plan's own."""
    if own is None or mean is None:
        return None
    return own.scaled(mean / own.mean) if own.mean > 0 else Interval.exact(mean, own.level)


def derived_plan(plan: "Plan", solution: Solution, terms: Terms) -> "Plan":
    """Return the plan of another solution of a plan's table.

    Parameters
    ----------
    plan : its table and its intervals, which those of the other plan are as wide as, relatively
    solution : of ``problem_of(terms, plan.table, plan.edges)``
    terms : what the other plan is asked for
    """
    totals: dict[Metric, float | None] = {
        "time": solution.makespan_s,
        "energy": solution.energy_j,
        "cost": solution.cost_usd,
    }
    own = own_intervals(plan)
    scaled = {metric: around(own[metric], totals[metric]) for metric in METRICS}
    return type(plan).of(
        solution,
        dag=plan.dag,
        terms=terms,
        table=plan.table,
        edges=plan.edges,
        energy_source=plan.energy_source,
        created=plan.created,
        version=plan.version,
        default_choice=plan.default_choice,
        intervals={metric: band for metric, band in scaled.items() if band is not None},
        context=plan.context,
    )


def front_point(plan: "Plan", solution: Solution) -> "Plan":
    """Return the plan of a point of a plan's front, with its own makespan as deadline."""
    terms = replace(
        plan.terms,
        objective=solution.certificate.objective_name,
        max_time=solution.makespan_s * plan.terms.margin("time"),
        mean_max_time=solution.makespan_s,
    )
    return derived_plan(plan, solution, terms)
