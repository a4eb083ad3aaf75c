"""Choose one candidate per stage, with a proof of how good the choice is."""

import math
from typing import get_args

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.optimization.approach import Method, Settings
from flexecutor_energy.optimization.certificate import Solution, certify
from flexecutor_energy.optimization.deadline import Deadline
from flexecutor_energy.optimization.edp import search_edp
from flexecutor_energy.optimization.infeasible import explain_infeasible
from flexecutor_energy.optimization.objective import Objective, bounded, tie_breaks
from flexecutor_energy.optimization.problem import Metric, Problem
from flexecutor_energy.optimization.search import search

CERTIFYING_S = 2e-5
"""Seconds for each candidate that are kept for the proof; at most a fifth of the time limit."""


def solve(
    problem: Problem,
    objective: Objective = "energy",
    gap: float = 0.005,
    time_limit_s: float = 60.0,
    *,
    method: Method = "auto",
) -> Solution:
    """Minimise an objective over all choices that keep the bounds and the links.

    Ties are broken by the next metric (energy: time, cost; time: energy, cost; cost: energy,
    time; edp: energy, time, cost), then by the smaller candidate index among those that no other
    candidate of the stage dominates. Branch-and-bound leaves two kinds of ties as they are: short
    of the optimum those of energy and cost, and equal products of different energy and time.

    Parameters
    ----------
    problem : what to choose from
    objective : ``energy`` (J), ``time`` (s), ``cost`` (USD) or ``edp`` (J·s)
    gap : relative gap to the lower bound at which to stop; 0 asks for the optimum
    time_limit_s : seconds after which the best plan so far is returned with its honest gap
    method : ``enumeration``, ``relaxation`` (with blocks and neighbourhoods) or ``milp`` to force
        one way; at gap 0 all give the same optimum

    Raises
    ------
    InfeasibleError
        No choice keeps the bounds or the links; the error names the binding bound, the best
        attainable value of it, and the solution that attains it.
    MissingEnergyError
        Energy is asked for or bounded, and the problem has none.
    ConfigurationError
        An argument makes no sense.
    GapError
        No plan was found in time.
    """
    order = tie_breaks(problem, objective)
    if not 0 <= gap < math.inf:
        raise ConfigurationError(f"gap={gap} must be a non-negative number, such as 0.005")
    if not 0 < time_limit_s < math.inf:
        raise ConfigurationError(f"time_limit_s={time_limit_s} must be a positive number")
    if method not in get_args(Method):
        raise ConfigurationError(f"method {method!r} is not one of {', '.join(get_args(Method))}")
    certifying = CERTIFYING_S * sum(problem.sizes)
    settings = Settings(gap, Deadline(time_limit_s - min(certifying, time_limit_s / 5)), method)
    solution = _solve(problem, objective, order, settings)
    if solution is None:
        metrics = [objective] if objective != "edp" else []
        # the explanation takes what is left, or a tenth of the limit for each plan it needs
        needed = 1 + len(bounded(problem))
        each = max(settings.deadline.left() / needed, time_limit_s / 10)

        def minimise(easier: Problem, metric: Metric) -> Solution | None:
            own = Settings(gap, Deadline(each), method)
            first = [metric, *(m for m in (*metrics, *order) if m != metric)]
            return _solve(easier, metric, tuple(dict.fromkeys(first)), own)

        raise explain_infeasible(problem, minimise)
    return solution


def _solve(
    problem: Problem, objective: Objective, order: tuple[Metric, ...], settings: Settings
) -> Solution | None:
    if objective == "edp":
        found = search_edp(problem, order, settings)
    else:
        found = search(problem, order, settings)
    if found is None:
        return None
    return certify(
        problem,
        objective,
        found.evaluation,
        claimed=found.claimed,
        multipliers=found.multipliers,
        solver=found.solver,
        solver_version=found.solver_version,
    )
