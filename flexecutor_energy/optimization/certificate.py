"""The proof that goes with a plan: bounds, and the multipliers that show them.

`verify` recomputes the proof in exact arithmetic; nothing here has to be trusted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from flexecutor_energy.optimization.fingerprint import fingerprint
from flexecutor_energy.optimization.objective import Objective, Weights
from flexecutor_energy.optimization.problem import TOLERANCE, Choice, Label, Problem
from flexecutor_energy.optimization.rational import rounded_down
from flexecutor_energy.optimization.schedule import Evaluation
from flexecutor_energy.optimization.verify import Exact

Kind = Literal["optimal", "gap"]

_ROUNDING = 1e-14
"""Relative differences of the order in which a few dozen numbers are summed."""


@dataclass(frozen=True, slots=True)
class Multipliers:
    """Prices of the constraints: with any such prices weak duality gives a lower bound.

    For a weighted objective ``w_E · E + w_K · K + w_T · M``. All but `links` are non-negative;
    units are those of the objective per unit of the constraint.

    Attributes
    ----------
    weights : ``(w_E, w_K, w_T)``, the objective
    flow : ``(i, j, φ)`` for "stage j starts after stage i", where j = number of stages stands
        for the end of the workflow; edges left out have φ = 0
    time_bound, energy_bound, cost_bound : λ of max_time, max_energy and max_cost
    area : α of "core-seconds fit into capacity × makespan"
    links : for each link ``(label, ν)`` pairs, of any sign
    blocks : stages that are taken together, in steps of `blocks.arrange`; a flow between two
        of their stages is one between the blocks
    """

    weights: Weights
    flow: tuple[tuple[int, int, float], ...] = ()
    time_bound: float = 0.0
    energy_bound: float = 0.0
    cost_bound: float = 0.0
    area: float = 0.0
    links: tuple[tuple[tuple[Label, float], ...], ...] = ()
    blocks: tuple[tuple[Literal["series", "parallel"], tuple[int, ...]], ...] = ()

    @classmethod
    def none(cls, problem: Problem, weights: Weights) -> "Multipliers":
        """Return zero multipliers: valid for any problem, and weak."""
        return cls(weights, links=((),) * len(problem.links))


@dataclass(frozen=True, slots=True)
class Certificate:
    """How good a plan is, and the proof of it.

    Attributes
    ----------
    objective_name : ``energy``, ``time``, ``cost`` or ``edp`` (joule-seconds)
    objective : the plan's objective; J, s, USD or J·s
    lower_bound : no plan that keeps the bounds is below this; the better one of `proved_bound`
        and `solver_claimed`, never above `objective`
    proved_bound : what `multipliers` prove by weak duality in exact arithmetic, without a solver
    solver_claimed : what the search says; anything above `proved_bound` rests on it, until
        `verify` has repeated the search
    solver, solver_version : who claims it
    multipliers : the proof; one set for a linear objective, several for ``edp``
    input_hash : SHA-256 of the problem the proof is about
    tolerance : relative, for the bounds of the problem and for "optimal"
    starts_s : start times that keep the capacity; None where stages start as early as they can
    """

    objective_name: Objective
    objective: float
    lower_bound: float
    proved_bound: float
    solver_claimed: float
    solver: str
    solver_version: str
    multipliers: tuple[Multipliers, ...]
    input_hash: str
    tolerance: float = TOLERANCE
    starts_s: tuple[float, ...] | None = None

    @property
    def gap(self) -> float:
        """``(objective - lower_bound) / objective``; 0 where that is rounding alone."""
        difference = self.objective - self.lower_bound
        return difference / self.objective if difference > _ROUNDING * self.objective else 0.0

    @property
    def kind(self) -> Kind:
        """``optimal`` where the gap is at most the tolerance, otherwise ``gap``."""
        return "optimal" if self.gap <= min(self.tolerance, TOLERANCE) else "gap"


@dataclass(frozen=True, slots=True)
class Solution:
    """A choice with its totals and its certificate.

    Attributes
    ----------
    choice : the candidate index of each stage
    makespan_s, energy_j, cost_usd : totals; energy and cost None where they are not known
    certificate : how far from the optimum it can be
    """

    choice: Choice
    makespan_s: float
    energy_j: float | None
    cost_usd: float | None
    certificate: Certificate


def objective_value(evaluation: Evaluation, objective: Objective) -> float:
    """Return what is minimised; for ``edp`` energy times makespan, J·s."""
    if objective == "edp":
        return evaluation.value("energy") * evaluation.makespan_s
    return evaluation.value(objective)


def certify(
    problem: Problem,
    objective: Objective,
    evaluation: Evaluation,
    *,
    claimed: float,
    multipliers: Sequence[Multipliers],
    solver: str,
    solver_version: str,
) -> Solution:
    """Attach the certificate to an evaluated choice.

    Parameters
    ----------
    problem, objective : what was asked
    evaluation : the exactly evaluated choice; it must keep all bounds
    claimed : the lower bound that the search arrived at
    multipliers : the proof, from `model` or `edp`
    solver, solver_version : who claims the bound
    """
    data = problem.to_data()
    value = objective_value(evaluation, objective)
    proved = rounded_down(Exact(data).proved_bound(objective, multipliers))
    assert proved <= value * (1 + TOLERANCE), f"{value} is below what was proved, {proved}"
    proved = min(proved, value)
    lower = max(proved, min(claimed, value))
    certificate = Certificate(
        objective_name=objective,
        objective=value,
        lower_bound=lower,
        proved_bound=proved,
        solver_claimed=min(claimed, value),
        solver=solver,
        solver_version=solver_version,
        multipliers=tuple(multipliers),
        input_hash=fingerprint(data),
        starts_s=None if problem.capacity is None else evaluation.starts_s,
    )
    return Solution(
        evaluation.choice,
        evaluation.makespan_s,
        evaluation.energy_j,
        evaluation.cost_usd,
        certificate,
    )
