"""The oracle: try every choice, one by one, in plain Python."""

import sys
from collections.abc import Sequence
from itertools import product

from flexecutor_energy.optimization.capacity import shortest_starts
from flexecutor_energy.optimization.certificate import (
    Multipliers,
    Solution,
    certify,
    objective_value,
)
from flexecutor_energy.optimization.infeasible import explain_infeasible
from flexecutor_energy.optimization.objective import Objective, Weights, tie_breaks
from flexecutor_energy.optimization.problem import TOLERANCE, Choice, Metric, Problem
from flexecutor_energy.optimization.schedule import Evaluation, evaluate, violations


def exhaustive(problem: Problem, objective: Objective = "energy") -> Solution:
    """Return the best of all choices, by trying them all.

    It shares only `evaluate` with `solve`: no pruning, no relaxation, no solver. Under a capacity
    it tries all orders of the stages too. For small problems; time grows with the product of the
    candidates.

    Parameters
    ----------
    problem : what to choose from
    objective : ``energy``, ``time``, ``cost`` or ``edp``

    Raises
    ------
    InfeasibleError
        As `solve`.
    """
    order = tie_breaks(problem, objective)
    solution = _best(problem, objective, order)
    if solution is None:

        def minimise(easier: Problem, metric: Metric) -> Solution | None:
            return _best(easier, metric, (metric, *(m for m in order if m != metric)))

        raise explain_infeasible(problem, minimise)
    return solution


def _best(problem: Problem, objective: Objective, order: Sequence[Metric]) -> Solution | None:
    best: Evaluation | None = None
    key: tuple[float, ...] = ()
    for choice in product(*(range(size) for size in problem.sizes)):
        trial = _evaluate(problem, choice)
        if violations(problem, trial):
            continue
        values = (objective_value(trial, objective), *(trial.value(metric) for metric in order))
        if best is None or _before(values, key):
            best, key = trial, values
    if best is None:
        return None
    weights = Weights() if objective == "edp" else Weights.of(objective)
    return certify(
        problem,
        objective,
        best,
        claimed=key[0],
        multipliers=[Multipliers.none(problem, weights)],
        solver="exhaustive",
        solver_version=f"python {sys.version_info.major}.{sys.version_info.minor}",
    )


def _evaluate(problem: Problem, choice: Choice) -> Evaluation:
    """Evaluate a choice, with the shortest schedule where cores are limited."""
    evaluation = evaluate(problem, choice)
    if problem.capacity is None or problem.cores is None or len(choice) == 1:
        return evaluation
    used = [float(cores[c]) for cores, c in zip(problem.cores, choice, strict=True)]
    if max(used) > problem.capacity * (1 + TOLERANCE):
        return evaluation  # no schedule exists
    starts = shortest_starts(problem, evaluation.durations_s, used, problem.capacity)
    return evaluate(problem, choice, starts)


def _before(values: tuple[float, ...], others: tuple[float, ...]) -> bool:
    """Compare in order, where differences by rounding count as ties."""
    for value, other in zip(values, others, strict=True):
        if abs(value - other) > 1e-12 * max(abs(value), abs(other)):
            return value < other
    return False
