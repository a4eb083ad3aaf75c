"""The rule of adaptive profiling: measure what could change the plan, stop when nothing should."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from flexecutor_energy.decision.options import options_of
from flexecutor_energy.decision.regret import advice
from flexecutor_energy.decision.worlds import Worlds
from flexecutor_energy.errors import ConfigurationError, MissingEnergyError
from flexecutor_energy.optimization.objective import Objective
from flexecutor_energy.optimization.request import PlanRequest
from flexecutor_energy.prediction.beliefs import believed
from flexecutor_energy.prediction.makespan import execution_order
from flexecutor_energy.prediction.samples import collect
from flexecutor_energy.pricing import Pricing
from flexecutor_energy.profiling.guide import Advice
from flexecutor_energy.records.energy_facts import energy_facts
from flexecutor_energy.records.run import Profile
from flexecutor_energy.workflow.config import ConfigSpace
from flexecutor_energy.workflow.graph import StageGraph

# Worlds to judge plans in: the error of a 90 % quantile over so many is a few percent of it.
_WORLDS = 128
# of intervals in the candidate table, which the rule does not look at
_CONFIDENCE = 0.95


def regret_rule(
    graph: StageGraph,
    space: ConfigSpace,
    objective: Objective,
    bounds: Mapping[str, float | None],
    pricing: Pricing,
    seed: int,
    energy: str,
) -> "RegretRule":
    """Return the rule for a sweep whose energy is measured by a method.

    Raises
    ------
    ConfigurationError
        Joules are needed and the method is ``off``, or an argument makes no sense.
    """
    request = PlanRequest(
        objective=objective,
        max_time=bounds["max_time"],
        max_cost=bounds["max_cost"],
        max_energy=bounds["max_energy"],
        confidence=_CONFIDENCE,
        scope="provisioned",
        pricing=pricing,
    )
    if request.needs_energy and energy == "off":
        raise ConfigurationError(
            "an adaptive sweep for joules needs their measurement, and energy is off; give "
            "energy='auto', or objective='time' or 'cost'"
        )
    space.check_stages(graph.stage_ids)
    return RegretRule(graph, space, request, seed)


@dataclass(frozen=True, slots=True)
class RegretRule:
    """Advises a sweep of one workflow; a ``profiling.guide.Rule``.

    What was measured allows many worlds (``prediction.beliefs``). The plan is the one with the
    least expected loss over them, and its regret in a world is what the best plan of that world
    would have saved. Bounds are taken to concern means; the margin that a confidence asks for is
    left to ``optimize``.

    Attributes
    ----------
    graph : the workflow
    space : configurations of every stage
    request : what the plan is to achieve
    seed : of the worlds; the same measurements and seed give the same advice
    """

    graph: StageGraph
    space: ConfigSpace
    request: PlanRequest
    seed: int = 0

    def __call__(self, profiles: Mapping[str, Profile]) -> Advice:
        """Return what is worth measuring next.

        Raises
        ------
        MissingEnergyError
            The request needs joules, and a stage was measured without.
        NotProfiledError
            A stage has no run.
        """
        # matrices are small, see prediction.training
        with threadpool_limits(1, user_api="blas"):
            return advice(self._worlds(profiles))

    def _worlds(self, profiles: Mapping[str, Profile]) -> Worlds:
        parents = execution_order(self.graph.stage_ids, self.graph.edges)
        data = {stage: collect(profiles[stage], before) for stage, before in parents.items()}
        request = self.request
        if request.scope == "host":
            idle = energy_facts(profiles.values()).idle_power_w
            request = replace(request, idle_power_w=idle)
        options = options_of(self.graph, self.space, data)
        generator = np.random.default_rng(self.seed)
        beliefs = [
            believed(data[own.stage_id], own.rows(), _WORLDS, generator, request.scope)
            for own in options
        ]
        without = [
            own.stage_id
            for own, belief in zip(options, beliefs, strict=True)
            if "energy" not in belief.expected
        ]
        if request.needs_energy and without:
            raise MissingEnergyError(without)
        return Worlds(request, options, beliefs, parents)
