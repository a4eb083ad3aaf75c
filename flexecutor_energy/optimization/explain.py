"""What a user wants to know about a solution, in numbers: alternatives, slack, prices."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from flexecutor_energy.errors import ConfigurationError, GapError, InfeasibleError
from flexecutor_energy.optimization.alternatives import Keys, with_configs
from flexecutor_energy.optimization.certificate import Certificate, Solution, objective_value
from flexecutor_energy.optimization.exact import solve
from flexecutor_energy.optimization.hull import hulls
from flexecutor_energy.optimization.model import LinearProgram
from flexecutor_energy.optimization.objective import Objective, Weights, bounded, tie_breaks
from flexecutor_energy.optimization.problem import TOLERANCE, Metric, Problem
from flexecutor_energy.optimization.schedule import Evaluation, evaluate, violations

_WORTH = 0.001
"""A looser bound is worth naming if it saves this share of the objective."""


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """The next best configuration of one stage while all others stay as they are.

    Attributes
    ----------
    stage : index of the stage
    evaluation : the whole plan with it
    extra_objective : what it adds to the objective, in its unit
    extra_s : what it adds to the makespan, seconds; may be negative
    """

    stage: int
    evaluation: Evaluation
    extra_objective: float
    extra_s: float


@dataclass(frozen=True, slots=True)
class BoundUse:
    """How much of a bound a plan uses.

    Attributes
    ----------
    metric, bound, value : the bound and what the plan needs, in its unit
    price : what one more unit of the bound would save of the objective, by the linear relaxation
        of the candidates that keep it alone; None for ``edp``
    saved_without : what dropping the bound would save of the objective; None where that was not
        found in time
    next_bound : the least bound under which a plan saves at least 0.1 %; None where there is
        none, for ``edp``, or where it was not found in time
    saved_there : what that plan saves
    """

    metric: Metric
    bound: float
    value: float
    price: float | None
    saved_without: float | None
    next_bound: float | None = None
    saved_there: float | None = None

    @property
    def binds(self) -> bool:
        """Whether there is a better plan without the bound."""
        return self.saved_without is not None and self.saved_without > 0


@dataclass(frozen=True, slots=True)
class Explanation:
    """Numbers about a solution.

    Attributes
    ----------
    evaluation : starts, slack and critical path of the plan
    runners_up : one for each stage; None where no other configuration keeps the bounds
    bounds : the use of each bound there is
    floor : the objective that no plan can be below, whatever its bounds; None for ``edp``
    """

    evaluation: Evaluation
    runners_up: tuple[RunnerUp | None, ...]
    bounds: tuple[BoundUse, ...]
    floor: float | None

    def share_of_saving(self, objective: float, reference: float) -> float | None:
        """Return which share of what can be saved at all against a reference is saved.

        None where there is nothing to save, or no floor is known.
        """
        if self.floor is None or reference <= self.floor:
            return None
        return (reference - objective) / (reference - self.floor)


def explain(
    problem: Problem,
    solution: Solution,
    keys: Keys | None = None,
    time_limit_s: float = 10.0,
) -> Explanation:
    """Return what there is to say about a solution.

    Parameters
    ----------
    problem, solution : what was asked and what was found
    keys : the configuration of each candidate; without them each candidate is one of its own
    time_limit_s : seconds to solve the problem again without each of its bounds
    """
    certificate = solution.certificate
    evaluation = evaluate(problem, solution.choice, certificate.starts_s)
    keys = keys if keys is not None else [range(size) for size in problem.sizes]
    return Explanation(
        evaluation,
        tuple(
            _runner_up(problem, certificate.objective_name, evaluation, keys, stage)
            for stage in problem.stages
        ),
        _bound_uses(problem, solution, time_limit_s),
        floor(problem, certificate.objective_name),
    )


def floor(problem: Problem, objective: Objective) -> float | None:
    """Return ``Σ min`` of the objective plus what the shortest possible makespan adds to it.

    A lower bound without bounds or links, such as ``Σ min e + P · M_min``; None for ``edp``.
    """
    if objective == "edp":
        return None
    values = problem.values(objective)
    if values is None:
        raise ConfigurationError(f"the problem holds no {objective} of its candidates")
    ends = [0.0] * len(problem.times)
    for stage in problem.order:
        begin = max((ends[parent] for parent in problem.parents[stage]), default=0.0)
        ends[stage] = begin + float(problem.times[stage].min())
    additive = 0.0 if objective == "time" else sum(float(own.min()) for own in values)
    return additive + problem.per_second(objective) * max(ends)


def _runner_up(
    problem: Problem, objective: Objective, plan: Evaluation, keys: Keys, stage: int
) -> RunnerUp | None:
    wanted = [own[c] for own, c in zip(keys, plan.choice, strict=True)]
    order = tie_breaks(problem, objective)
    best: tuple[tuple[float, ...], Evaluation] | None = None
    for key in dict.fromkeys(keys[stage]):
        if key == wanted[stage]:
            continue
        choice = with_configs(problem, keys, [*wanted[:stage], key, *wanted[stage + 1 :]])
        if choice is None:
            continue
        trial = evaluate(problem, choice)
        rank = (objective_value(trial, objective), *(trial.value(metric) for metric in order))
        if (best is None or rank < best[0]) and not violations(problem, trial):
            best = (rank, trial)
    if best is None:
        return None
    return RunnerUp(
        stage,
        best[1],
        best[0][0] - objective_value(plan, objective),
        best[1].makespan_s - plan.makespan_s,
    )


def _bound_uses(problem: Problem, solution: Solution, time_limit_s: float) -> tuple[BoundUse, ...]:
    certificate = solution.certificate
    evaluation = evaluate(problem, solution.choice, certificate.starts_s)
    prices = _prices(problem, certificate.objective_name, time_limit_s)
    uses = []
    for metric in bounded(problem):
        bound = problem.bound(metric)
        if bound is not None:
            saved = _saved_without(problem, solution, metric, time_limit_s)
            value = evaluation.value(metric)
            use = BoundUse(metric, bound, value, prices.get(metric), saved)
            uses.append(_with_breakpoint(problem, certificate, use, time_limit_s))
    return tuple(uses)


def _prices(problem: Problem, objective: Objective, time_limit_s: float) -> dict[Metric, float]:
    """Return what one more unit of each bound would save, by linear relaxation.

    The proof of a plan leaves out candidates that the bound leaves no room for; one more unit
    would, so they are mixed in here, as long as they keep the bound by themselves.
    """
    if objective == "edp":
        return {}
    kept = [np.flatnonzero(_alone(problem, stage)) for stage in problem.stages]
    weights = Weights.of(objective)
    if not bounded(problem) or not all(map(len, kept)):
        return {}
    relaxed = LinearProgram(problem, hulls(problem, kept, weights)).relax(weights, time_limit_s)
    if relaxed is None:
        return {}
    proof = relaxed.multipliers
    return {"time": proof.time_bound, "energy": proof.energy_bound, "cost": proof.cost_bound}


def _alone(problem: Problem, stage: int) -> NDArray[np.bool_]:
    """Return which candidates of a stage keep all bounds as long as nothing else runs."""
    keeps = np.ones(problem.sizes[stage], dtype=bool)
    for metric in bounded(problem):
        values = problem.values(metric)
        if values is not None:
            keeps &= values[stage] <= problem.limit(metric)
    return keeps


def _with_breakpoint(
    problem: Problem, certificate: Certificate, use: BoundUse, time_limit_s: float
) -> BoundUse:
    """Return the use with the next bound at which something is saved."""
    objective = certificate.objective_name
    if not use.binds or objective == "edp":
        return use
    better = certificate.objective * (1 - _WORTH)
    freed = problem.with_bounds({use.metric: None, objective: better})
    try:
        found = solve(freed, use.metric, gap=0, time_limit_s=time_limit_s)
    except (GapError, InfeasibleError):
        return use
    there = evaluate(problem, found.choice)
    saved = certificate.objective - objective_value(there, objective)
    return replace(use, next_bound=there.value(use.metric), saved_there=saved)


def _saved_without(
    problem: Problem, solution: Solution, metric: Metric, time_limit_s: float
) -> float | None:
    certificate = solution.certificate
    free = problem.with_bounds({metric: None})
    try:
        better = solve(free, certificate.objective_name, time_limit_s=time_limit_s)
    except GapError:
        return None
    saved = certificate.objective - better.certificate.objective
    return saved if saved > TOLERANCE * certificate.objective else 0.0
