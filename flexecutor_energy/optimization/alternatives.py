"""Plans to compare a plan with: the default, the extremes, the best uniform configuration."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from flexecutor_energy.errors import GapError
from flexecutor_energy.optimization.certificate import objective_value
from flexecutor_energy.optimization.exact import solve
from flexecutor_energy.optimization.objective import Objective
from flexecutor_energy.optimization.problem import Choice, Metric, Problem
from flexecutor_energy.optimization.schedule import Evaluation, evaluate, violations

Keys = Sequence[Sequence[Hashable]]
"""For each stage the configuration of each candidate; equal ones differ in their labels only."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another plan for the same problem.

    Attributes
    ----------
    name : what it is, such as ``fastest``
    evaluation : its choice and totals
    broken : the bounds it breaks, in words; empty where it keeps them all
    """

    name: str
    evaluation: Evaluation
    broken: tuple[str, ...] = ()


def alternatives(
    problem: Problem,
    objective: Objective,
    keys: Keys,
    default: Choice | None = None,
    time_limit_s: float = 10.0,
) -> list[Alternative]:
    """Return the plans that a saving should be measured against, those that can be had.

    The least-cost plan is among them since energy and cost often lead to the same choice: what
    is saved against it is what minimising energy itself brings.

    Parameters
    ----------
    problem, objective : what was asked
    keys : the configuration of each candidate
    default : the choice that would run without a plan
    time_limit_s : seconds for each extreme; one that takes longer is left out
    """
    found = []
    if default is not None:
        plan = evaluate(problem, default)
        found.append(Alternative("default", plan, tuple(violations(problem, plan))))
    extremes: list[tuple[str, Metric]] = [("fastest", "time"), ("cheapest", "cost")]
    for name, metric in extremes:
        extreme_plan = extreme(problem, metric, time_limit_s)
        if extreme_plan is not None and metric != objective:
            found.append(Alternative(name, extreme_plan))
    uniform = best_uniform(problem, objective, keys)
    if uniform is not None:
        found.append(Alternative("best uniform", uniform))
    return found


def with_configs(problem: Problem, keys: Keys, wanted: Sequence[Hashable]) -> Choice | None:
    """Return the choice in which each stage has the wanted configuration and the links agree.

    None where a stage does not offer it, or not for the labels of the others.
    """
    choice: dict[int, int] = {}
    for stage in problem.order:
        for candidate, key in enumerate(keys[stage]):
            if key == wanted[stage] and _agrees(problem, choice, stage, candidate):
                choice[stage] = candidate
                break
        else:
            return None
    return tuple(choice[stage] for stage in problem.stages)


def best_uniform(problem: Problem, objective: Objective, keys: Keys) -> Evaluation | None:
    """Return the best plan that runs every stage in the same configuration.

    Stages that offer one configuration only keep it. None where no such plan keeps the bounds.
    """
    free = [set(own) for own in keys if len(set(own)) > 1]
    common = set.intersection(*free) if free else {None}
    plans = []
    for key in sorted(common, key=repr):
        wanted = [key if key in own else own[0] for own in keys]
        choice = with_configs(problem, keys, wanted)
        if choice is not None and not violations(problem, plan := evaluate(problem, choice)):
            plans.append(plan)
    return min(plans, key=lambda plan: objective_value(plan, objective), default=None)


def extreme(problem: Problem, metric: Metric, time_limit_s: float = 10.0) -> Evaluation | None:
    """Return the plan of least time, energy or cost under the same bounds.

    None where the metric is not known, or no plan was found in time.
    """
    if problem.values(metric) is None:
        return None
    try:
        return evaluate(problem, solve(problem, metric, time_limit_s=time_limit_s).choice)
    except GapError:
        return None


def _agrees(problem: Problem, choice: dict[int, int], stage: int, candidate: int) -> bool:
    """Tell whether a candidate fits to what its linked neighbours have chosen so far."""
    trial = {**choice, stage: candidate}
    return all(
        link.parent_labels[trial[link.parent]] == link.child_labels[trial[link.child]]
        for link in problem.couplings
        if stage in (link.parent, link.child) and link.parent in trial and link.child in trial
    )
