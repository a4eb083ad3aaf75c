"""What plans take in every world that the measurements allow, and which plans to compare."""

from collections.abc import Mapping, Sequence

import numpy as np

from flexecutor_energy.decision.losses import loss_of, metrics_of
from flexecutor_energy.decision.options import IntArray, Options
from flexecutor_energy.errors import GapError, InfeasibleError
from flexecutor_energy.optimization.certificate import Solution
from flexecutor_energy.optimization.exact import solve
from flexecutor_energy.optimization.problem import Problem
from flexecutor_energy.optimization.request import PlanRequest
from flexecutor_energy.optimization.table import positions
from flexecutor_energy.prediction.beliefs import Beliefs
from flexecutor_energy.prediction.makespan import makespan_s
from flexecutor_energy.prediction.rows import FloatArray
from flexecutor_energy.workflow.config import StageConfig

# metric → for each stage, what its candidates take: array (worlds, candidates)
Values = Mapping[str, Sequence[FloatArray]]

# Worlds that are solved for their own best plan, beside what is expected. From these plans on, the
# best of many worlds are looked for among those that differ in one stage, so many times, from so
# many plans each time.
_SOLVED = 1
_ROUNDS, _AROUND = 4, 4
_GAP, _SECONDS = 0.01, 2.0


class Worlds:
    """Draws of what every candidate takes.

    Parameters
    ----------
    request : objective and bounds, on means
    options : the candidates of each stage
    beliefs : of each stage, over its candidates
    parents : stage → the stages it waits for, parents first
    """

    def __init__(
        self,
        request: PlanRequest,
        options: Sequence[Options],
        beliefs: Sequence[Beliefs],
        parents: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.request = request
        self.options = options
        self.beliefs = beliefs
        self.drawn = self._values([own.drawn for own in beliefs])
        self._parents = parents
        self._ids = [own.stage_id for own in options]

    @property
    def idle_power_w(self) -> float:
        """Watts that the workflow is charged for while it runs."""
        return (self.request.idle_power_w or 0.0) if self.request.scope == "host" else 0.0

    def totals(self, plans: IntArray) -> dict[str, FloatArray]:
        """Return what plans take in every world: metric → array (worlds, plans).

        Metrics are the time, and those that are minimised or bounded.

        Parameters
        ----------
        plans : array (plans, stages), numbers of configurations
        """
        chosen = self.candidates(plans)
        taken = {
            metric: [
                values[:, own] for values, own in zip(self.drawn[metric], chosen, strict=True)
            ]
            for metric in {"time", *metrics_of(self.request)}
        }
        time = makespan_s(dict(zip(self._ids, taken["time"], strict=True)), self._parents)
        totals = {"time": time}
        if "cost" in taken:
            totals["cost"] = np.sum(taken["cost"], axis=0) + self.request.pricing.usd_per_s * time
        if "energy" in taken:
            totals["energy"] = np.sum(taken["energy"], axis=0) + self.idle_power_w * time
        return totals

    def candidates(self, plans: IntArray) -> list[IntArray]:
        """Return the candidates that plans come to, for each stage an array (plans,)."""
        return [
            plans[:, i] * len(own.fan_ins) + own.fan_in_of(plans, self.options)
            for i, own in enumerate(self.options)
        ]

    def plans(self) -> IntArray:
        """Return plans worth comparing: array (plans, stages), numbers of configurations.

        The best one of what is expected and those of some worlds; those in which one stage runs
        otherwise; and again around those of them that are best in most worlds.
        """
        expected = [{m: v[None, :] for m, v in own.expected.items()} for own in self.beliefs]
        solved = [self._best(self._values(expected), 0)]
        solved += [self._best(self.drawn, world) for world in range(_SOLVED)]
        found = np.unique([plan for plan in solved if plan is not None], axis=0)
        around: set[tuple[int, ...]] = set()
        for _ in range(_ROUNDS):
            loss = loss_of(self.request, self.totals(found))
            wins = np.bincount(np.argmin(loss, axis=1), minlength=len(found)).astype(float)
            wins[np.argmin(np.mean(loss, axis=0))] = np.inf
            best = [found[i] for i in np.argsort(-wins, kind="stable") if wins[i] > 0]
            fresh = [plan for plan in best if tuple(plan) not in around][:_AROUND]
            if not fresh:
                break
            around |= {tuple(plan) for plan in fresh}
            found = np.unique(np.concatenate([found, *map(self._neighbours, fresh)]), axis=0)
        return found

    def configs(self, plan: Sequence[int]) -> dict[str, StageConfig]:
        """Return the configurations of a plan, by stage."""
        return {
            own.stage_id: own.configs[index] for own, index in zip(self.options, plan, strict=True)
        }

    def _values(self, drawn: Sequence[Mapping[str, FloatArray]]) -> dict[str, list[FloatArray]]:
        values = {
            "time": [own["time"] for own in drawn],
            "cost": [
                options.costs(self.request.pricing, own["worker_seconds"])
                for options, own in zip(self.options, drawn, strict=True)
            ],
        }
        if all("energy" in own for own in drawn):
            values["energy"] = [own["energy"] for own in drawn]
        return values

    def _best(self, values: Values, world: int) -> IntArray | None:
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
            links=[
                link
                for i, options in enumerate(self.options)
                for link in options.links(i, self.options)
            ],
        )
        try:
            choice = solve(problem, self.request.objective, _GAP, _SECONDS).choice
        except InfeasibleError as error:
            if not isinstance(error.plan, Solution):
                return None
            choice = error.plan.choice
        except GapError:
            return None
        sizes = np.array([len(options.fan_ins) for options in self.options])
        numbers: IntArray = np.array(choice, dtype=np.intp) // sizes
        return numbers

    def _neighbours(self, plan: IntArray) -> IntArray:
        found = []
        for i, options in enumerate(self.options):
            others = np.tile(plan, (len(options.configs), 1))
            others[:, i] = np.arange(len(options.configs))
            found.append(others)
        return np.concatenate(found)
