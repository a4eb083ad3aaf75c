"""What plans take in every world that the measurements allow, and which plans to compare."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from flexecutor_energy.errors import GapError, InfeasibleError
from flexecutor_energy.optimization.certificate import Solution
from flexecutor_energy.optimization.exact import solve
from flexecutor_energy.optimization.problem import Choice, Problem
from flexecutor_energy.optimization.request import PlanRequest
from flexecutor_energy.optimization.table import StageOptions, Table, links, positions
from flexecutor_energy.prediction.beliefs import Beliefs
from flexecutor_energy.prediction.makespan import makespan_s
from flexecutor_energy.prediction.rows import FloatArray
from flexecutor_energy.pricing import Pricing
from flexecutor_energy.workflow.config import StageConfig

IntArray = npt.NDArray[np.intp]
# metric → for each stage, what its candidates take: array (worlds, candidates)
Values = Mapping[str, Sequence[FloatArray]]

# Worlds that are solved for their own best plan; these plans and their neighbours are compared
# in all worlds.
_SOLVED = 8
_GAP, _SECONDS = 0.01, 2.0


class Worlds:
    """Draws of what every candidate takes.

    Parameters
    ----------
    request : objective and bounds, on means
    table : the candidates of each stage
    beliefs : of each stage, over its candidates
    parents : stage → the stages it waits for, parents first
    """

    def __init__(
        self,
        request: PlanRequest,
        table: Table,
        beliefs: Sequence[Beliefs],
        parents: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.request = request
        self.table = table
        self.beliefs = beliefs
        self.drawn = _values(request.pricing, table, [own.drawn for own in beliefs])
        self._parents = parents
        self._ids = [options.stage_id for options in table]
        self._places = [
            {
                (c.config, *(c.fan_in or {}).values()): index
                for index, c in enumerate(options.candidates)
            }
            for options in table
        ]

    @property
    def idle_power_w(self) -> float:
        """Watts that the workflow is charged for while it runs."""
        return (self.request.idle_power_w or 0.0) if self.request.scope == "host" else 0.0

    def totals(self, plans: IntArray) -> dict[str, FloatArray]:
        """Return what plans take in every world: metric → array (worlds, plans).

        Parameters
        ----------
        plans : array (plans, stages), indices of candidates
        """
        taken = {
            metric: [values[:, plans[:, i]] for i, values in enumerate(stages)]
            for metric, stages in self.drawn.items()
        }
        time = makespan_s(dict(zip(self._ids, taken["time"], strict=True)), self._parents)
        cost: FloatArray = np.sum(taken["cost"], axis=0)
        totals = {"time": time, "cost": cost + self.request.pricing.usd_per_s * time}
        if "energy" in taken:
            energy: FloatArray = np.sum(taken["energy"], axis=0)
            totals["energy"] = energy + self.idle_power_w * time
        return totals

    def plans(self) -> IntArray:
        """Return plans worth comparing: array (plans, stages).

        The best one of what is expected, those of some worlds, and all in which one stage of
        these runs otherwise.
        """
        expected = [{m: v[None, :] for m, v in own.expected.items()} for own in self.beliefs]
        solved = [self._best(_values(self.request.pricing, self.table, expected), 0)]
        solved += [self._best(self.drawn, world) for world in range(_SOLVED)]
        found = list(dict.fromkeys(choice for choice in solved if choice is not None))
        around = [plan for choice in found[:2] for plan in self._neighbours(choice)]
        return np.array(list(dict.fromkeys([*found, *around])), dtype=np.intp)

    def configs(self, plan: Sequence[int]) -> dict[str, StageConfig]:
        """Return the configurations of a plan, by stage."""
        return {
            options.stage_id: options.candidates[index].config
            for options, index in zip(self.table, plan, strict=True)
        }

    def _best(self, values: Values, world: int) -> Choice | None:
        """Return the best plan of one world; where none keeps the bounds, the nearest."""
        own = {metric: [v[world] for v in stages] for metric, stages in values.items()}
        edges = [(before, child) for child, listed in self._parents.items() for before in listed]
        problem = Problem(
            times=own["time"],
            energies=own.get("energy"),
            costs=own["cost"],
            edges=positions(self._ids, edges),
            idle_power_w=self.idle_power_w,
            max_time=self.request.max_time,
            max_energy=self.request.max_energy,
            max_cost=self.request.max_cost,
            host_price_usd_s=self.request.pricing.usd_per_s,
            links=links(self.table),
        )
        try:
            return solve(problem, self.request.objective, _GAP, _SECONDS).choice
        except InfeasibleError as error:
            return error.plan.choice if isinstance(error.plan, Solution) else None
        except GapError:
            return None

    def _neighbours(self, choice: Choice) -> list[Choice]:
        configs = self.configs(choice)
        found = [
            self._choice({**configs, options.stage_id: config})
            for options in self.table
            for config in dict.fromkeys(c.config for c in options.candidates)
        ]
        return [plan for plan in found if plan is not None]

    def _choice(self, configs: Mapping[str, StageConfig]) -> Choice | None:
        """Return the candidates of configurations, with the fan-in that these bring about."""
        picked = []
        for options, places in zip(self.table, self._places, strict=True):
            parents = options.candidates[0].fan_in or {}
            key = (configs[options.stage_id], *(configs[name].workers for name in parents))
            if key not in places:
                return None
            picked.append(places[key])
        return tuple(picked)


def _values(
    pricing: Pricing, table: Table, drawn: Sequence[Mapping[str, FloatArray]]
) -> dict[str, list[FloatArray]]:
    values = {
        "time": [own["time"] for own in drawn],
        "cost": [
            _costs(pricing, options, own["worker_seconds"])
            for options, own in zip(table, drawn, strict=True)
        ],
    }
    if all("energy" in own for own in drawn):
        values["energy"] = [own["energy"] for own in drawn]
    return values


def _costs(pricing: Pricing, options: StageOptions, worker_seconds: FloatArray) -> FloatArray:
    prices = [
        (
            pricing.stage_cost(1.0, pricing.billed_memory_mb(c.cpu, c.memory), 0),
            pricing.stage_cost(0.0, 0.0, c.workers),
        )
        for c in options.candidates
    ]
    a_second, fixed = np.array(prices).T
    costs: FloatArray = worker_seconds * a_second + fixed
    return costs
