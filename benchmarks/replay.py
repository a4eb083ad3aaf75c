"""Workflows whose runs are replayed instead of executed, so that what is best is known.

*Recorded* truths are the reference profiles themselves: a run of a stage is one of its recorded
repetitions in that configuration, at the recorded fan-in nearest to the one asked for, and the
truth is their mean. See ``made_truths`` for others.

The AWS profiles hold no joules. Theirs are synthetic: 2 W for each core while a worker computes,
0.5 W for each reserved core while it lives, and 5 J to start a worker. Names of truths in which
joules were made up end in a star; those of ``ml_2core_vm`` are modelled by the profile itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from benchmarks.prediction import PARENTS, PROFILES
from benchmarks.workloads import ML
from flexecutor_energy.optimization import Problem, solve
from flexecutor_energy.optimization.objective import Objective
from flexecutor_energy.optimization.request import PlanRequest
from flexecutor_energy.optimization.schedule import evaluate
from flexecutor_energy.pricing import resolve_pricing
from flexecutor_energy.records.run import Profile, StageRun, WorkerRecord
from flexecutor_energy.records.store import load_profile
from flexecutor_energy.workflow.config import ConfigSpace, StageConfig
from flexecutor_energy.workflow.context import StageContext
from flexecutor_energy.workflow.graph import StageGraph
from flexecutor_energy.workflow.stage import Stage

WORKFLOWS: Mapping[str, Mapping[str, Sequence[str]]] = {**PARENTS, "ml_2core_vm": ML}
WATTS_PER_BUSY_CORE, WATTS_PER_RESERVED_CORE, STARTUP_J = 2.0, 0.5, 5.0

FanIn = Mapping[str, int]


@cache
def recorded(workflow: str) -> dict[str, Profile]:
    """Return a reference profile, its missing joules made up."""
    paths = sorted((PROFILES / workflow).glob("*.json"))
    return {path.stem: _profile_with_energy(load_profile(path)) for path in paths}


def _profile_with_energy(profile: Profile) -> Profile:
    return replace(profile, runs=tuple(with_energy(run) for run in profile.runs))


def with_energy(run: StageRun) -> StageRun:
    """Return a run, its missing joules made up."""
    if run.energy_j is not None:
        return run
    workers = tuple(charged(run.config, worker) for worker in run.workers)
    return replace(run, workers=workers)


def charged(config: StageConfig, worker: WorkerRecord) -> WorkerRecord:
    """Return a worker with made-up joules."""
    dynamic = WATTS_PER_BUSY_CORE * config.cpu * (worker.compute_s or 0.0)
    idle = WATTS_PER_RESERVED_CORE * config.cpu * (worker.duration_s or 0.0)
    return replace(
        worker,
        energy_dynamic_j=dynamic,
        energy_idle_j=idle,
        energy_j=dynamic + idle,
        energy_startup_j=STARTUP_J,
    )


class Truth:
    """A workflow of which every run is known beforehand."""

    def __init__(
        self,
        name: str,
        profiles: Mapping[str, Profile],
        parents: Mapping[str, Sequence[str]],
    ) -> None:
        self.name = name
        self._problems: dict[PlanRequest, Problem] = {}
        self.profiles = profiles
        self.parents = parents
        counts = {n: max(c.workers for c in p.configs) for n, p in self.profiles.items()}
        stages = {n: Stage(n, _nothing, max_concurrency=counts[n]) for n in self.profiles}
        for child, above in self.parents.items():
            for parent in above:
                stages[parent] >> stages[child]
        self.graph = StageGraph(name).add_stages(stages.values())
        self.space = ConfigSpace(
            stages={n: ConfigSpace.of(p.configs) for n, p in self.profiles.items()}
        )

    @property
    def grid(self) -> int:
        """Runs of a sweep that measures every configuration once."""
        return max(len(p.configs) for p in self.profiles.values())

    def run(
        self, stage: str, config: StageConfig, fan_in: FanIn, generator: np.random.Generator
    ) -> StageRun:
        """Return one run of a stage."""
        raise NotImplementedError

    def mean(self, stage: str, config: StageConfig, fan_in: FanIn) -> tuple[float, float, float]:
        """Return the seconds, joules and worker-seconds of a stage in the mean."""
        raise NotImplementedError

    def request(self, objective: Objective, slack: float) -> PlanRequest:
        """Return a request with ``slack`` times the fastest makespan as its deadline."""
        pricing = resolve_pricing(None)
        free = PlanRequest(objective, None, None, None, 0.95, "provisioned", pricing)
        fastest = solve(self.problem(free), "time", gap=0).makespan_s
        return replace(free, max_time=slack * fastest)

    def problem(self, request: PlanRequest) -> Problem:
        """Return the problem with true values; every fan-in is a candidate of its own."""
        if request not in self._problems:
            self._problems[request] = self._problem(request)
        return self._problems[request]

    def _problem(self, request: PlanRequest) -> Problem:
        times, energies, costs, labels = [], [], [], {}
        ids = self.graph.stage_ids
        for stage in ids:
            table = list(self._candidates(stage))
            means = [self.mean(stage, config, fan_in) for config, fan_in in table]
            pricing = request.pricing
            times.append(np.array([m[0] for m in means]))
            energies.append(np.array([m[1] for m in means]))
            costs.append(
                np.array(
                    [
                        pricing.stage_cost(
                            m[2], pricing.billed_memory_mb(c.cpu, c.memory), c.workers
                        )
                        for m, (c, _) in zip(means, table, strict=True)
                    ]
                )
            )
            labels[stage] = table
        links = [
            (
                ids.index(parent),
                ids.index(child),
                tuple(c.workers for c, _ in labels[parent]),
                tuple(f[parent] for _, f in labels[child]),
            )
            for child, above in self.parents.items()
            for parent in above
        ]
        edges = [(ids.index(a), ids.index(b)) for a, b in self.graph.edges]
        return Problem(times, energies, costs, edges, max_time=request.max_time, links=links)

    def _candidates(self, stage: str) -> list[tuple[StageConfig, FanIn]]:
        found: list[tuple[StageConfig, FanIn]] = [(c, {}) for c in self.profiles[stage].configs]
        for parent in self.parents.get(stage, ()):
            counts = sorted({c.workers for c in self.profiles[parent].configs})
            found = [(c, {**f, parent: w}) for c, f in found for w in counts]
        return found

    def totals(self, request: PlanRequest, configs: Mapping[str, StageConfig]) -> dict[str, float]:
        """Return what a plan takes in truth, by metric."""
        problem = self.problem(request)
        choice = []
        for stage in self.graph.stage_ids:
            fan_in = {p: configs[p].workers for p in self.parents.get(stage, ())}
            choice.append(self._candidates(stage).index((configs[stage], fan_in)))
        found = evaluate(problem, choice)
        return {
            "time": found.makespan_s,
            "energy": found.energy_j or 0.0,
            "cost": found.cost_usd or 0.0,
        }

    def best(self, request: PlanRequest) -> dict[str, float]:
        """Return what the best plan takes in truth, by metric."""
        found = solve(self.problem(request), request.objective, gap=0)
        return {
            "time": found.makespan_s,
            "energy": found.energy_j or 0.0,
            "cost": found.cost_usd or 0.0,
        }


class Recorded(Truth):
    """The reference profile itself."""

    def __init__(self, workflow: str) -> None:
        star = "" if workflow == "ml_2core_vm" else " *"
        super().__init__(f"{workflow}{star}", recorded(workflow), WORKFLOWS[workflow])
        self._by_config: dict[tuple[str, StageConfig], dict[tuple[int, ...], list[StageRun]]] = {}
        for stage, profile in self.profiles.items():
            above = self.parents.get(stage, ())
            for run in profile.runs:
                own = self._by_config.setdefault((stage, run.config), {})
                own.setdefault(tuple(run.fan_in[p] for p in above), []).append(run)

    def _runs(self, stage: str, config: StageConfig, fan_in: FanIn) -> list[StageRun]:
        wanted = np.log([fan_in[p] for p in self.parents.get(stage, ())])
        own = self._by_config[stage, config]
        return own[min(own, key=lambda f: (float(np.sum(np.abs(np.log(f) - wanted))), f))]

    def run(
        self, stage: str, config: StageConfig, fan_in: FanIn, generator: np.random.Generator
    ) -> StageRun:
        """Return one of the recorded runs."""
        runs = self._runs(stage, config, fan_in)
        run = runs[int(generator.integers(len(runs)))]
        return replace(run, meta={"fan_in": dict(fan_in)})

    def mean(self, stage: str, config: StageConfig, fan_in: FanIn) -> tuple[float, float, float]:
        """Return the means over the recorded runs."""
        runs = self._runs(stage, config, fan_in)
        rows = [
            (r.time_s, (r.energy_j or 0) + (r.energy_startup_j or 0), r.worker_seconds)
            for r in runs
        ]
        seconds, joules, billed = np.mean(np.array(rows, dtype=float), axis=0)
        return float(seconds), float(joules), float(billed)


def _nothing(context: StageContext) -> None:
    del context
