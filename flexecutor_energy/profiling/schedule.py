"""Which configurations the next run of a sweep tries.

One run tries one configuration of *every* stage, so a sweep takes as many runs as the largest
stage space times its repetitions, not the product of all spaces.
"""

import random
from collections import Counter
from collections.abc import Iterable, Mapping

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.profiling.guide import EstimatedRegret
from flexecutor_energy.profiling.needs import StageNeeds
from flexecutor_energy.records.run import Profile, StageRun
from flexecutor_energy.workflow.config import ConfigSpace, StageConfig
from flexecutor_energy.workflow.graph import StageGraph
from flexecutor_energy.workflow.stage import Stage


class Schedule:
    """Decides which configurations the next run tries.

    Order is random and repetitions are interleaved: every configuration is measured once before
    any is measured twice, so that a drift of the machine does not look like an effect. Which
    worker counts of parents and children meet is balanced, so that the effect of fan-in can be
    told from that of workers.

    Parameters
    ----------
    graph : the workflow
    space : configurations of every stage
    reps : measurements that each configuration of each stage should have
    profiles : what was measured before, without stale runs; counts towards ``reps``
    seed : of the random order
    """

    def __init__(
        self,
        graph: StageGraph,
        space: ConfigSpace,
        reps: int,
        profiles: Mapping[str, Profile],
        seed: int = 0,
    ) -> None:
        if reps < 1:
            raise ConfigurationError(f"reps must be at least 1, got {reps}")
        space.check_stages(graph.stage_ids)
        self._order = graph.topological_order()
        self._random = random.Random(seed)
        self._met: Counter[tuple[str, int, str, int]] = Counter()
        self._ran: dict[tuple[str, int], int] = {}  # (stage, workers asked for) → workers that ran
        self.needs: dict[str, StageNeeds] = {}
        for stage in self._order:
            configs = _distinct(space.for_stage(stage.stage_id), stage)
            needs = StageNeeds(stage.stage_id, dict.fromkeys(configs, reps))
            profile = profiles.get(stage.stage_id)
            if profile is not None:
                self._count_old(needs, profile, stage)
            self.needs[stage.stage_id] = needs

    def _count_old(self, needs: StageNeeds, profile: Profile, stage: Stage) -> None:
        for run in profile.runs:
            self._count(needs, stage.clamped(run.requested), run)
        for failure in profile.failures:
            needs.infeasible.add(stage.clamped(failure.config))
        for config in needs.infeasible & set(needs.left):
            needs.left[config] = 0

    def _count(self, needs: StageNeeds, requested: StageConfig, run: StageRun) -> None:
        if requested in needs.left:
            needs.left[requested] = max(0, needs.left[requested] - 1)
            needs.runs[requested] += 1
        self._ran[needs.stage_id, requested.workers] = run.config.workers
        for parent, workers in run.fan_in.items():
            self._met[needs.stage_id, requested.workers, parent, workers] += 1

    @property
    def runs_left(self) -> int:
        """Runs of the whole workflow that are still needed, if none fails."""
        return max((self.needs[s].total_left for s in self.reachable()), default=0)

    @property
    def regret(self) -> EstimatedRegret | None:
        """None: a sweep over the whole space asks for no plan."""
        return None

    @property
    def stopped(self) -> str:
        """Why there is nothing more to run."""
        return "everything was measured"

    def reachable(self) -> list[str]:
        """Return the stages that can run: all before them have a feasible configuration."""
        found: list[str] = []
        for stage in self._order:
            parents_run = all(
                p.stage_id in found and self.needs[p.stage_id].feasible for p in stage.parents
            )
            if parents_run:
                found.append(stage.stage_id)
        return found

    def next_configs(self) -> dict[str, StageConfig] | None:
        """Return the configurations of the next run, or None when all is measured.

        A stage of which every configuration failed is left out, and so are those after it.
        """
        if self.runs_left == 0:
            return None
        chosen: dict[str, StageConfig] = {}
        for stage in self._order:
            needs = self.needs[stage.stage_id]
            if not needs.feasible or any(p.stage_id not in chosen for p in stage.parents):
                continue
            open_ = [config for config, left in needs.left.items() if left > 0]
            parents = {p.stage_id: self._workers_of(p, chosen) for p in stage.parents}
            chosen[stage.stage_id] = self._pick(needs, open_ or needs.feasible, parents)
        return chosen

    def _workers_of(self, stage: Stage, chosen: Mapping[str, StageConfig]) -> int:
        """Return how many workers will run: fewer than asked for where there is less to share."""
        asked = chosen[stage.stage_id].workers
        return self._ran.get((stage.stage_id, asked), asked)

    def _pick(
        self, needs: StageNeeds, candidates: Iterable[StageConfig], parents: Mapping[str, int]
    ) -> StageConfig:
        def rank(config: StageConfig) -> tuple[int, int, float]:
            met = sum(
                self._met[needs.stage_id, config.workers, parent, workers]
                for parent, workers in parents.items()
            )
            return (needs.runs[config], met, self._random.random())

        return min(candidates, key=rank)

    def measured(self, stage_id: str, requested: StageConfig, run: StageRun) -> None:
        """Count one more measurement."""
        self._count(self.needs[stage_id], requested, run)

    def failed(self, stage_id: str, requested: StageConfig) -> None:
        """Note that a configuration cannot run; it is not tried again."""
        needs = self.needs[stage_id]
        needs.infeasible.add(requested)
        needs.left[requested] = 0


def _distinct(configs: Iterable[StageConfig], stage: Stage) -> list[StageConfig]:
    """Return the configurations that differ once their workers are clamped."""
    return list(dict.fromkeys(stage.clamped(config) for config in configs))
