"""How often runs that plans never saw keep a bound meant for 95 % of runs, and at what price.

    python -m benchmarks.confidence [--quick] [--level 0.95]

Repetitions are split in two: models learn from one half, plans are made for the least cost under
deadlines of 1.15 to 3 times the fastest, and judged by the other half. A plan takes the time that
the truth says (laws of drawn workflows; for reference profiles the mean of the held-out runs of a
condition, and where there are none a model of all runs), times the deviations of a held-out run
from its condition: the whole vector of all stages of that run, since stages of a run are slow
together. The oracle knows the truth and the deviations, and takes the cheapest plan that keeps
the deadline in as many runs.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.drawn_workflows import DESIGNS
from benchmarks.graphs import graph_of
from benchmarks.judged_workflows import World, drawn_world, reference_world
from benchmarks.workloads import WORKFLOWS
from flexecutor_energy.errors import InfeasibleError
from flexecutor_energy.optimization.candidates import candidate_table
from flexecutor_energy.optimization.exact import solve
from flexecutor_energy.optimization.planning import make_plan
from flexecutor_energy.optimization.problem import Choice, Problem
from flexecutor_energy.optimization.request import PlanRequest
from flexecutor_energy.optimization.table import Table
from flexecutor_energy.optimization.terms import Terms, problem_of
from flexecutor_energy.prediction import train_profiles
from flexecutor_energy.prediction.makespan import execution_order, makespan_s
from flexecutor_energy.pricing import resolve_pricing
from flexecutor_energy.workflow.graph import StageGraph

SLACKS = (1.15, 1.3, 1.5, 2.0, 3.0)


@dataclass(frozen=True, slots=True)
class Line:
    """One deadline: what became of it. None where it was left unsolved."""

    world: str
    slack: float
    kept: float | None
    excess: float | None


def judged(world: World, level: float) -> list[Line]:
    """Return what becomes of each deadline."""
    model, _ = train_profiles(world.known, world.parents, dag=world.name)
    graph = graph_of(world.name, world.known, world.parents)
    pricing = resolve_pricing(None)
    table = candidate_table(
        graph, model, None, {}, scope="provisioned", pricing=pricing, confidence=level
    )
    problem = true_problem(world, table, graph)
    fastest = solve(problem, "time", gap=0).makespan_s
    lines = []
    for slack in SLACKS:
        deadline = slack * fastest
        best = oracle(world, problem, table, deadline, level)
        if best is None:
            continue  # nobody could
        request = PlanRequest("cost", deadline, None, None, level, "provisioned", pricing)
        try:
            configs = make_plan(graph, model, request).configs
        except InfeasibleError:
            lines.append(Line(world.name, slack, None, None))
            continue
        times, cost = {}, 0.0
        for stage, config in configs.items():
            fan_in = {parent: configs[parent].workers for parent in world.parents.get(stage, ())}
            times[stage], billed = world.truth(stage, config, fan_in)
            memory = pricing.billed_memory_mb(config.cpu, config.memory)
            cost += pricing.stage_cost(billed, memory, config.workers)
        lines.append(Line(world.name, slack, share_kept(world, times, deadline), cost / best - 1))
    return lines


def share_kept(world: World, times_s: Mapping[str, float], deadline: float) -> float:
    """Return the share of held-out runs, each with the deviations of all its stages, in time."""
    runs = {stage: seconds * world.deviations[stage] for stage, seconds in times_s.items()}
    edges = [(p, stage) for stage, listed in world.parents.items() for p in listed]
    took = makespan_s(runs, execution_order(list(world.known), edges))
    return float(np.mean(took[~np.isnan(took)] <= deadline))


def oracle(
    world: World, problem: Problem, table: Table, deadline: float, level: float
) -> float | None:
    """Return the least cost of a plan that keeps the deadline at the level; None if none does."""
    best = None
    for factor in np.linspace(1.0, 1.6, 25):
        try:
            bounded = problem.with_bounds({"time": deadline / factor})
            solution = solve(bounded, "cost", gap=0.001)
        except InfeasibleError:
            break
        if share_kept(world, _times(problem, table, solution.choice), deadline) >= level:
            best = solution.certificate.objective
            break
    return best


def _times(problem: Problem, table: Table, choice: Choice) -> dict[str, float]:
    return {
        options.stage_id: float(times[index])
        for options, times, index in zip(table, problem.times, choice, strict=True)
    }


def true_problem(world: World, table: Table, graph: StageGraph) -> Problem:
    """Return the candidates with the times and costs that they really have."""
    pricing = resolve_pricing(None)
    problem = problem_of(Terms(), table, tuple(graph.edges))
    times, costs = [], []
    for options in table:
        own = world.parents.get(options.stage_id, ())
        found = []
        for candidate in options.candidates:
            fan_in = dict(candidate.fan_in or {})
            for parent in own:  # counts that change nothing are as they were measured
                fan_in.setdefault(parent, world.known[parent].runs[0].config.workers)
            seconds, billed = world.truth(options.stage_id, candidate.config, fan_in)
            memory = pricing.billed_memory_mb(candidate.config.cpu, candidate.config.memory)
            found.append((seconds, pricing.stage_cost(billed, memory, candidate.config.workers)))
        columns = np.array(found).T
        times.append(columns[0])
        costs.append(columns[1])
    return replace(problem, times=times, costs=costs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one workflow and split of each kind")
    parser.add_argument("--level", type=float, default=0.95)
    chosen = parser.parse_args()
    seeds = 1 if chosen.quick else 4
    worlds = [reference_world(name, seed) for name in WORKFLOWS for seed in range(seeds)]
    worlds += [drawn_world(n, 50 + s) for n in range(len(DESIGNS)) for s in range(seeds)]
    lines = [line for world in worlds for line in judged(world, chosen.level)]
    print(f"{'workflow':<18}{'bounds':>7}{'kept':>9}{'worst':>9}{'excess':>9}{'unsolved':>10}")
    for name in dict.fromkeys(line.world for line in lines):
        print_line(name, [line for line in lines if line.world == name], chosen.level)
    print_line("all", lines, chosen.level)


def print_line(name: str, lines: Sequence[Line], level: float) -> None:
    """Print a line; a plan that breaks its bound is cheap, so excess is that of the others."""
    kept = [line.kept for line in lines if line.kept is not None]
    excess = [
        line.excess
        for line in lines
        if line.kept is not None and line.excess is not None and line.kept >= level
    ]
    unsolved = 1 - len(kept) / len(lines)
    numbers = (
        f"{np.mean(kept):>9.1%}{min(kept):>9.1%}{np.mean(excess or [np.nan]):>9.1%}"
        if kept
        else ""
    )
    print(f"{name:<18}{len(lines):>7}{numbers:>27}{unsolved:>10.1%}", flush=True)


if __name__ == "__main__":
    main()
