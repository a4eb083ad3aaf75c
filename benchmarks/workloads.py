"""The workflows on which schedulers are compared: trained reference profiles, and synthetic ones.

Reference profiles of AWS hold no energy, and synthetic workflows have none: theirs is synthetic,
2 W for each reserved core and 5 J for each worker, and the hosts draw 3 W while the workflow runs
(the constants of `benchmarks.solver`). Their names end in a star. Joules of ``ml_2core_vm`` are
those of its profile, which are modelled.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.graphs import graph_of
from benchmarks.prediction import PARENTS, PROFILES
from benchmarks.solver import SHAPES
from flexecutor_energy.optimization import Problem, solve
from flexecutor_energy.optimization.candidates import candidate_table
from flexecutor_energy.optimization.problem import Choice, FloatArray
from flexecutor_energy.optimization.schedulers import Instance, drawn_times
from flexecutor_energy.optimization.schedulers.space import Space
from flexecutor_energy.optimization.terms import Terms, problem_of
from flexecutor_energy.prediction import train_profiles
from flexecutor_energy.pricing import resolve_pricing
from flexecutor_energy.records.store import load_profile
from flexecutor_energy.workflow.config import StageConfig

ML = {"train": ["pca"], "aggregate": ["pca", "train"], "test": ["pca", "aggregate"]}
WORKFLOWS = {**PARENTS, "ml_2core_vm": ML}
WATTS_PER_CORE, JOULES_PER_WORKER, IDLE_W = 2.0, 5.0, 3.0
USD_PER_CORE_S = 1.7e-5  # synthetic workflows only; the others are priced as AWS Lambda
GRIDS = {24: ((0.5, 1, 2, 4), (1, 2, 4, 8, 16, 32)), 60: ((0.5, 1, 1.5, 2, 3, 4), range(2, 21, 2))}
SHAPE_SIZES = {"chain": 4, "fork-join": 6, "layered": 8}


@dataclass(frozen=True, slots=True)
class Workload:
    """A workflow without bounds: candidates, their configurations, and draws of their times."""

    name: str
    problem: Problem
    configs: Sequence[Sequence[StageConfig]]
    draws: tuple[Sequence[FloatArray], Sequence[FloatArray]]
    fastest_s: float


def trained(count: int) -> list[Workload]:
    """Return the workflows of the reference profiles, with the predictors' values."""
    found = []
    for name, parents in WORKFLOWS.items():
        paths = sorted((PROFILES / name).glob("*.json"))
        model, _ = train_profiles({p.stem: load_profile(p) for p in paths}, parents, dag=name)
        graph = graph_of(name, model.stages, parents)
        table = candidate_table(
            graph,
            model,
            None,
            model.failed,
            scope="provisioned",
            pricing=resolve_pricing(None),
            confidence=0.95,
        )
        problem = problem_of(Terms(), table, tuple(graph.edges))
        configs = [[candidate.config for candidate in own.candidates] for own in table]
        if problem.energies is None:
            problem = with_synthetic_energy(problem, configs)
            name += " *"
        drawn = drawn_times(model, table, count, seed=0)
        runs = np.unique(np.hstack(drawn), axis=0)  # each measured run once
        runs = np.random.default_rng(1).permutation(runs)
        halves = [np.split(half, np.cumsum(problem.sizes)[:-1], axis=1) for half in _halves(runs)]
        found.append(workload(name, problem, configs, (halves[0], halves[1])))
    return found


def synthetic(count: int, quick: bool) -> list[Workload]:
    """Return workflows drawn with a speed-up law per stage over a grid of configurations."""
    found = []
    for shape, stages in SHAPE_SIZES.items():
        for size in (24,) if quick else (24, 60):
            for seed in (0,) if quick else (0, 1):
                generator = np.random.default_rng([seed, stages, size])
                cpus, counts = GRIDS[size]
                configs = [StageConfig(cpu, workers) for cpu in cpus for workers in counts]
                times = [stage_times(configs, generator) for _ in range(stages)]
                problem = Problem(times, None, None, SHAPES[shape](stages, generator))
                problem = with_synthetic_energy(problem, [configs] * stages)
                cores = np.array([c.cpu * c.workers for c in configs])
                problem = replace(problem, costs=[USD_PER_CORE_S * cores * own for own in times])
                together = generator.lognormal(0, 0.08, (2, count, 1))
                draws = [
                    together * generator.lognormal(0, 0.08, (2, count, 1)) * own for own in times
                ]
                halves = ([own[0] for own in draws], [own[1] for own in draws])
                name = f"{shape} {stages}x{size}/{seed} *"
                found.append(workload(name, problem, [configs] * stages, halves))
    return found


def stage_times(configs: Sequence[StageConfig], generator: np.random.Generator) -> FloatArray:
    cores = np.array([c.cpu * c.workers for c in configs])
    workers = np.array([c.workers for c in configs])
    work, share = generator.uniform(5, 60), generator.uniform(0.6, 0.95)
    start, per_worker = generator.uniform(0.5, 2), generator.uniform(0.02, 0.08)
    seconds = work / cores**share + per_worker * workers + start
    times: FloatArray = seconds * generator.uniform(0.97, 1.03, len(configs))
    return times


def with_synthetic_energy(problem: Problem, configs: Sequence[Sequence[StageConfig]]) -> Problem:
    energies = []
    for times, own in zip(problem.times, configs, strict=True):
        cores = np.array([c.cpu * c.workers for c in own])
        workers = np.array([c.workers for c in own])
        energies.append(WATTS_PER_CORE * cores * times + JOULES_PER_WORKER * workers)
    return replace(problem, energies=energies, idle_power_w=IDLE_W)


def workload(
    name: str,
    problem: Problem,
    configs: Sequence[Sequence[StageConfig]],
    draws: tuple[Sequence[FloatArray], Sequence[FloatArray]],
) -> Workload:
    return Workload(name, problem, configs, draws, solve(problem, "time", gap=0).makespan_s)


def default(workload: Workload) -> Choice | None:
    """Return one core for each worker and the middle worker count, as far as it is offered."""
    space = Space(Instance(workload.problem, "time", workload.configs))
    row = []
    for own in space.configs:
        cpu = min({c.cpu for c in own}, key=lambda cpu: abs(np.log(cpu)))
        same = [number for number, c in enumerate(own) if c.cpu == cpu]
        row.append(same[len(same) // 2])
    choice = space.choices(np.array([row], dtype=np.intp))[0]
    return None if choice[0] < 0 else tuple(int(c) for c in choice)


def _halves(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    return rows[: len(rows) // 2], rows[len(rows) // 2 :]
