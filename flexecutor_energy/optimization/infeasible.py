"""Explain why no plan keeps the bounds: which one binds, and what can be had instead."""

from collections.abc import Callable, Sequence

from flexecutor_energy.errors import GapError, InfeasibleError
from flexecutor_energy.optimization.certificate import Solution
from flexecutor_energy.optimization.objective import bounded
from flexecutor_energy.optimization.problem import METRICS, TOLERANCE, Metric, Problem

Minimise = Callable[[Problem, Metric], Solution | None]
"""Return the plan of least metric (ties broken), or None where no plan keeps the bounds."""

_UNITS: dict[Metric, str] = {"time": "s", "energy": "J", "cost": "USD"}


def explain_infeasible(problem: Problem, minimise: Minimise) -> InfeasibleError:
    """Return the error for a problem that no choice solves.

    The bound named is the one that has to be loosened least, relatively, so that a plan keeps it
    and all others. Where no single bound is to blame, the first one that conflicts with what the
    others leave is named, and the message says which bounds its attaining plan keeps.

    Parameters
    ----------
    problem : the problem
    minimise : the solver to ask for what can be attained
    """
    free = problem.with_bounds(dict.fromkeys(METRICS))
    if minimise(free, "time") is None:
        return _excluded(problem)
    bounds = bounded(problem)
    attained: dict[Metric, Solution] = {}
    for metric in bounds:
        try:
            plan = minimise(problem.with_bounds({metric: None}), metric)
        except GapError:
            continue  # another bound may be explained in time
        if plan is not None:
            attained[metric] = plan
    if attained:
        metric = min(attained, key=lambda name: _excess(problem, name, attained[name]))
        return _error(problem, metric, attained[metric], [m for m in bounds if m != metric])
    metric = bounds[0]
    held, kept = free, list[Metric]()
    for other in bounds[1:]:
        trial = held.with_bounds({other: problem.bound(other)})
        if minimise(trial, metric) is not None:
            held, kept = trial, [*kept, other]
    plan = minimise(held, metric)
    assert plan is not None, "the bounds were added only while a plan kept them"
    return _error(problem, metric, plan, kept)


def total(solution: Solution, metric: Metric) -> float:
    """Return a total of a solution; the metric must be known."""
    value = {
        "time": solution.makespan_s,
        "energy": solution.energy_j,
        "cost": solution.cost_usd,
    }[metric]
    assert value is not None, f"{metric} was checked by tie_breaks"
    return value


def _excess(problem: Problem, metric: Metric, plan: Solution) -> float:
    bound = problem.bound(metric)
    return total(plan, metric) / bound if bound else 0.0


def _error(
    problem: Problem, metric: Metric, plan: Solution, kept: Sequence[Metric]
) -> InfeasibleError:
    bound, best = problem.bound(metric), total(plan, metric)
    unit = _UNITS[metric]
    while_kept = ""
    dropped = [m for m in METRICS if problem.bound(m) is not None and m not in (metric, *kept)]
    if kept:
        while_kept += (
            " while "
            + " and ".join(f"max_{m}={problem.bound(m):g}" for m in kept)
            + (" holds" if len(kept) == 1 else " hold")
        )
    if dropped:
        while_kept += ", and even that only without " + " and ".join(f"max_{m}" for m in dropped)
    return InfeasibleError(
        f"no plan keeps max_{metric}={bound:g} {unit}: the best attainable is {best:.6g} {unit}"
        f"{while_kept}; ask for max_{metric} of at least that, or offer more configurations",
        bound=f"max_{metric}",
        value=bound,
        attainable=best,
        plan=plan,
    )


def _excluded(problem: Problem) -> InfeasibleError:
    """Return the error for links (or a capacity) that leave nothing to choose from."""
    if problem.capacity is not None and problem.cores is not None:
        needed = [float(cores.min()) for cores in problem.cores]
        if max(needed) > problem.capacity * (1 + TOLERANCE):
            stage = needed.index(max(needed))
            return InfeasibleError(
                f"every candidate of stage {stage} needs at least {needed[stage]:g} cores, more "
                f"than capacity={problem.capacity:g}; offer smaller ones or add hosts",
                bound="capacity",
                value=problem.capacity,
                attainable=needed[stage],
            )
    for number, link in enumerate(problem.couplings):
        if not set(link.parent_labels) & set(link.child_labels):
            return InfeasibleError(
                f"link {number} excludes every plan: stage {link.parent} offers the labels "
                f"{sorted(set(link.parent_labels), key=str)}, stage {link.child} assumes "
                f"{sorted(set(link.child_labels), key=str)}; give both at least one in common",
                bound="links",
            )
    return InfeasibleError(
        f"the {len(problem.links)} links together exclude every plan: no choice gives both ends "
        "of each the same label; offer candidates for more labels",
        bound="links",
    )
