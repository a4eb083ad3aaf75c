"""Whether a choice holds under other power models than the one it was made with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from flexecutor_energy.errors import GapError
from flexecutor_energy.optimization.alternatives import Alternative, alternatives
from flexecutor_energy.optimization.exact import solve
from flexecutor_energy.optimization.problem import FloatArray, IntArray, Problem
from flexecutor_energy.optimization.rivals import Rivals, WorldValues, rivals
from flexecutor_energy.optimization.schedule import evaluate
from flexecutor_energy.optimization.world_energy import parts_known, world_energies
from flexecutor_energy.optimization.worlds import SERVERS, World, draw_worlds
from flexecutor_energy.records.power_facts import PowerFacts

if TYPE_CHECKING:
    from flexecutor_energy.optimization.plan import Plan

SAME = 0.005
"""A plan counts as best in a world if nothing is more than this share better there."""

DECIDED = 0.95
"""A saving is decided if it has one sign in this share of the worlds in which there is any."""

CANDIDATES = 5_000
"""Candidates of all stages beyond which their joules are not laid out in every world."""

SOLVED = 24
"""Worlds in which a large workflow is solved anew: the last ones, which are servers."""


@dataclass(frozen=True, slots=True)
class Robustness:
    """How a plan does under other power models.

    Attributes
    ----------
    best_share : share of the worlds in which no plan is more than 0.5 % better; None where that
        is not known
    worst_regret : by what share the best plan of a world is below this one, at most over worlds
    calibrated_worst_regret : the same for plans that are made anew once the true idle and full
        power of a world are known, and the median shape of servers between them is assumed
    worlds : how many power models were looked at; 0 where none matters, or none can be
    undecided_against : plans against which the sign of the saving depends on the constants
    reason : why no power model matters, or why nothing is known; "" otherwise
    """

    best_share: float | None
    worst_regret: float | None
    calibrated_worst_regret: float | None
    worlds: int
    undecided_against: tuple[str, ...] = ()
    reason: str = ""

    @property
    def known(self) -> bool:
        """Whether anything can be said."""
        return self.best_share is not None


def robustness(
    plan: "Plan", servers: int = SERVERS, seed: int = 0, *, search: bool = True
) -> Robustness:
    """Re-evaluate a plan under the power models of real servers.

    In each world the plan is compared with the best choice there that keeps the plan's bounds;
    a bound on energy is one on the joules of the plan's own model.

    Parameters
    ----------
    plan : it must hold its power model and the parts of its candidates' joules
    servers : how many servers to draw
    seed : the same seed gives the same worlds
    search : whether to solve a workflow with too many choices anew, in fewer worlds; without a
        bound on energy then. That takes seconds
    """
    power = plan.context.power
    worlds = draw_worlds(power, servers, seed) if power is not None else []
    return robustness_in(plan, worlds, search=search)


def robustness_in(plan: "Plan", worlds: Sequence[World], *, search: bool = True) -> Robustness:
    """Re-evaluate a plan under the given power models, see `robustness`."""
    reason = _without_models(plan)
    if reason is not None:
        return Robustness(1.0, 0.0, 0.0, 0, reason=reason)
    power = plan.context.power
    reason = _unknown(plan)
    if reason is not None or power is None:
        return Robustness(None, None, None, 0, reason=reason or "")
    if sum(len(options.candidates) for options in plan.table) <= CANDIDATES:
        judge = _Judge(plan, power, worlds)
        found = rivals(judge.problem, judge.columns)
        if found is not None:
            return judge.among(found)
    if not search:
        reason = "too many choices to compare in passing; plan.robustness() solves them anew"
        return Robustness(None, None, None, 0, reason=reason)
    return _Judge(plan, power, worlds[-SOLVED:]).solved()


def _without_models(plan: "Plan") -> str | None:
    """Return why no power model has a say in a plan; None where one has."""
    if plan.context.power is not None and plan.context.power.origin == "measured":
        return "energy was measured by counters, without a power model"
    if plan.objective in ("time", "cost") and plan.terms.max_energy is None:
        return f"least {plan.objective} does not depend on watts"
    return None


def _unknown(plan: "Plan") -> str | None:
    """Return why nothing can be said of a plan; None where something can."""
    if plan.energy is None:
        return "the plan holds no energy"
    if plan.objective in ("time", "cost"):
        return "whether max_energy is kept depends on how large the watts are"
    if plan.context.power is None or not parts_known(plan.table):
        return "the plan does not say which power model its joules come from"
    return None


class _Judge:
    """Evaluates choices in many worlds."""

    def __init__(self, plan: "Plan", power: PowerFacts, worlds: Sequence[World]) -> None:
        self.problem = plan.problem()
        self._plan = plan
        self._worlds = worlds
        self._true = self._values(power, worlds)
        self._calibrated = self._values(power, [world.calibrated() for world in worlds])
        self.columns = [
            np.vstack([true, assumed])
            for true, assumed in zip(self._true.energies, self._calibrated.energies, strict=True)
        ]

    def _values(self, power: PowerFacts, worlds: Sequence[World]) -> WorldValues:
        terms = self._plan.terms
        return WorldValues(
            world_energies(self._plan.table, power, worlds, terms.scope),
            np.array([terms.idle_power_w * world.idle_w / power.idle_w for world in worlds]),
            self._plan.objective,
        )

    def among(self, found: Rivals) -> Robustness:
        """Compare the plan with every rival in every world."""
        own = self._of([self._plan.choice], [self._plan.evaluation().makespan_s])
        best = np.empty(len(self._worlds))
        calibrated = np.empty(len(self._worlds))
        for world in range(len(self._worlds)):
            values = self._true.of(world, found.rows, found.makespan_s)
            assumed = self._calibrated.of(world, found.rows, found.makespan_s)
            best[world] = values.min()
            calibrated[world] = values[assumed.argmin()]
        best = np.minimum(best, own[:, 0])
        return self._result(own[:, 0], best, calibrated)

    def solved(self) -> Robustness:
        """Compare the plan with what the solver finds in every world."""
        own = self._of([self._plan.choice], [self._plan.evaluation().makespan_s])[:, 0]
        best, calibrated = own.copy(), own.copy()
        for world in range(len(self._worlds)):
            for values, into in ((self._true, best), (self._calibrated, calibrated)):
                choice = _solved(self.problem, values, world)
                if choice is not None:
                    makespan = evaluate(self.problem, choice).makespan_s
                    into[world] = self._of([choice], [makespan])[world, 0]
        return self._result(own, np.minimum(np.minimum(best, own), calibrated), calibrated)

    def _of(self, choices: list[tuple[int, ...]], makespans: list[float]) -> FloatArray:
        """Return the objective of choices in all worlds: array (worlds, choices)."""
        rows: IntArray = np.array(choices, dtype=np.int64)
        return np.array(
            [self._true.of(world, rows, np.array(makespans)) for world in range(len(self._worlds))]
        )

    def _result(self, own: FloatArray, best: FloatArray, calibrated: FloatArray) -> Robustness:
        regret = _regret(own, best)
        others = [other for other in self._alternatives() if self._undecided(own, other)]
        return Robustness(
            best_share=float(np.mean(regret <= SAME)),
            worst_regret=float(regret.max()),
            calibrated_worst_regret=float(_regret(calibrated, best).max()),
            worlds=len(self._worlds),
            undecided_against=tuple(other.name for other in others),
        )

    def _alternatives(self) -> list[Alternative]:
        plan = self._plan
        keys = [[candidate.key for candidate in options.candidates] for options in plan.table]
        return alternatives(self.problem, plan.objective, keys, plan.default_choice)

    def _undecided(self, own: FloatArray, other: Alternative) -> bool:
        """Tell whether what the plan saves against another changes its sign between worlds."""
        evaluation = other.evaluation
        theirs = self._of([evaluation.choice], [evaluation.makespan_s])[:, 0]
        saved = (theirs - own)[theirs != own]
        return bool(len(saved)) and max(np.mean(saved > 0), np.mean(saved < 0)) < DECIDED


def _regret(own: FloatArray, best: FloatArray) -> FloatArray:
    """Return by what share plans are above the best ones; nothing is above a best of nothing."""
    return np.divide(own, best, out=np.ones(len(own)), where=best > 0) - 1


def _solved(problem: Problem, values: WorldValues, world: int) -> tuple[int, ...] | None:
    """Return the best choice in one world; None where none was found in time."""
    own = replace(
        problem,
        energies=[joules[world] for joules in values.energies],
        idle_power_w=float(values.idle_power_w[world]),
        max_energy=None,
    )
    try:
        return solve(own, values.objective, time_limit_s=5.0).choice
    except GapError:
        return None
