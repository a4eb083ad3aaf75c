"""What an energy plan saves, measured: against other ways to choose, on every shipped workflow.

Run ``python -m benchmarks.savings [--quick] [--dags ml,stock]``. For each workflow a plan of least
energy is made under a deadline of 1.2 × the fastest plan's time, and run in turns with

* *fastest*: the plan of least time,
* *default*: every stage 1 worker × 1 core × 1024 MB,
* *uniform*: the best configuration that all stages share, by the same predictions,
* *cost*: the plan of least cost under the same deadline.

All are run in random order within each round, so that a drift of the machine does not look like a
saving; two that choose the same are run once and told as the same. A saving is a share of the
joules of the other, scope ``provisioned``, with a 95 % bootstrap interval over rounds. It is
*undecided* where the interval holds 0, where there were fewer than five rounds, and where its sign
differs between power models: each joule's idle and dynamic part is scaled as servers of
SPECpower_ssj2008 spread, and at least 95 % of these have to agree. Negative savings are losses,
and are told as such; † marks a choice that missed the deadline in most rounds, so that the plan
was not free to be like it.
"""

import argparse
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.shipped import (
    DEFAULT,
    MEMORY_MB,
    SPACE,
    Configs,
    Shipped,
    add_options,
    clamped,
    machine,
    planned,
    shipped,
    uniform,
)
from flexecutor_energy.execution.run import DAGRun
from flexecutor_energy.optimization.worlds import World, draw_worlds
from flexecutor_energy.records.power_facts import PowerFacts

SLACK = 1.2
AGREEING = 0.95
RESAMPLES = 4_000
LEAST_ROUNDS = 5
PLAN = "energy plan"
OTHERS = ("fastest", "default", "uniform", "cost")


@dataclass(frozen=True, slots=True)
class Seen:
    """What one run took.

    Attributes
    ----------
    time_s, cpu_s : seconds, and CPU seconds of functions and start-up
    reserved_core_s : cores of each worker × the seconds it lasted, added up
    energy_j : joules, scope ``provisioned``; ``idle_j`` and ``dynamic_j`` are its parts
    """

    time_s: float
    cpu_s: float
    reserved_core_s: float
    energy_j: float
    idle_j: float
    dynamic_j: float

    @classmethod
    def of(cls, run: DAGRun, power: PowerFacts | None) -> "Seen":
        """Return what a run took; raises ValueError where its energy was not measured."""
        if run.energy is None:
            raise ValueError(f"the energy of {run.dag} was not measured")
        idle_j = 0.0
        for stage_id, stage in run.stages.items():
            share = power.startup_idle.get(stage_id, 0.0) if power is not None else 0.0
            for worker in stage.workers:
                idle_j += (worker.energy_idle_j or 0.0) + share * (worker.energy_startup_j or 0.0)
        reserved = sum(
            stage.config.cpu * (worker.duration_s or 0.0)
            for stage in run.stages.values()
            for worker in stage.workers
        )
        cpu_s = run.ledger.workers_s + run.ledger.startup_s
        return cls(run.time, cpu_s, reserved, run.energy, idle_j, run.energy - idle_j)

    def in_world(self, world: World, power: PowerFacts) -> float:
        """Return the joules that another power model would give."""
        idle = world.watts[0] / power.idle_w if power.idle_w else 1.0
        dynamic = (world.watts[-1] - world.watts[0]) / (power.full_w - power.idle_w)
        memory_j = world.memory_w_gb * self.reserved_core_s * MEMORY_MB / 1024
        return idle * self.idle_j + dynamic * self.dynamic_j + memory_j


@dataclass(frozen=True, slots=True)
class Saving:
    """How much less the plan took than another choice: shares, negative where it took more.

    Attributes
    ----------
    mean, low, high : of the joules, with a 95 % interval
    agreeing : share of power models under which the sign is that of ``mean``
    rounds : in which both were run
    same : whether both chose the same
    """

    mean: float
    low: float
    high: float
    agreeing: float = 1.0
    rounds: int = 0
    same: bool = False

    @property
    def decided(self) -> bool:
        """Whether neither chance nor constants can turn it round."""
        sure = not self.low <= 0 <= self.high and self.agreeing >= AGREEING
        return sure and not self.same and self.rounds >= LEAST_ROUNDS

    def __str__(self) -> str:
        if self.same:
            return "same choice"
        interval = f"({100 * self.low:+.0f} … {100 * self.high:+.0f})"
        if self.decided:
            return f"**{100 * self.mean:+.0f} %** {interval}"
        why = "" if self.agreeing >= AGREEING else f", {self.agreeing:.0%} of models"
        return f"undecided {interval}{why}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One workflow: runs of each choice, and what the plan saved.

    Attributes
    ----------
    name : the workflow
    deadline_s, confidence : of the plan
    choices : stage → configuration, by choice
    runs : by choice, in order of rounds
    savings : by the other choice
    """

    name: str
    deadline_s: float
    confidence: float
    choices: Mapping[str, Mapping[str, str]]
    runs: Mapping[str, Sequence[Seen]]
    savings: Mapping[str, Saving]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser, reps=7)
    options = parser.parse_args()
    if options.quick:
        options.reps = options.profile_reps = 2
    found: list[Outcome] = []
    source = ""
    for work in shipped(options):
        outcome, runs = _measured(work, options)
        found.append(outcome)
        source = machine(runs)
        print(_savings_table([outcome]), flush=True)
        if options.json:  # what was measured is not lost with the rest
            document = {"machine": source, "workflows": [asdict(each) for each in found]}
            Path(options.json).write_text(json.dumps(document, indent=1))
    print(f"\n# {options.reps} rounds, {options.backend}, size {options.size}; {source}\n")
    print(_savings_table(found), "", _runs_table(found), sep="\n")


def _measured(work: Shipped, options: argparse.Namespace) -> tuple[Outcome, list[DAGRun]]:
    fastest = work.dag.optimize("time", space=SPACE)
    deadline_s = SLACK * fastest.time.mean
    plan = planned(work.dag, "energy", deadline_s)
    choices: dict[str, Configs] = {
        PLAN: plan.configs,
        "fastest": fastest.configs,
        "default": work.everywhere(DEFAULT),
        "uniform": work.everywhere(uniform(work, deadline_s)),
        "cost": planned(work.dag, "cost", deadline_s).configs,
    }
    print(f"  measuring {work.name}: {options.reps} rounds", flush=True)
    distinct = {clamped(work, configs): configs for configs in choices.values()}
    runs: dict[Any, list[DAGRun]] = {key: [] for key in distinct}
    chance = random.Random(options.seed)
    for _ in range(options.reps):
        for key in chance.sample(list(distinct), len(distinct)):
            runs[key].append(work.run(distinct[key]))
    power = work.power()
    seen = {
        name: [Seen.of(run, power) for run in runs[clamped(work, configs)]]
        for name, configs in choices.items()
    }
    own = clamped(work, choices[PLAN])
    savings = {
        name: Saving(0.0, 0.0, 0.0, same=True)
        if clamped(work, choices[name]) == own
        else saving(seen[PLAN], seen[name], power)
        for name in OTHERS
    }
    told = {
        name: {stage_id: str(config) for stage_id, config in configs.items()}
        for name, configs in choices.items()
    }
    confidence = plan.terms.confidence
    outcome = Outcome(work.name, deadline_s, confidence, told, seen, savings)
    return outcome, [run for each in runs.values() for run in each]


def saving(plan: Sequence[Seen], other: Sequence[Seen], power: PowerFacts | None) -> Saving:
    """Return what a plan saved in rounds that it shared with another choice."""
    ours, theirs = (np.array([run.energy_j for run in runs]) for runs in (plan, other))
    mean = 1 - ours.mean() / theirs.mean()
    rounds = np.random.default_rng(0).integers(len(ours), size=(RESAMPLES, len(ours)))
    drawn = 1 - ours[rounds].mean(axis=1) / theirs[rounds].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    agreeing = _agreeing(plan, other, power, bool(mean > 0))
    return Saving(float(mean), float(low), float(high), agreeing, len(ours))


def _agreeing(
    plan: Sequence[Seen], other: Sequence[Seen], power: PowerFacts | None, saved: bool
) -> float:
    """Return the share of power models under which a saving has the same sign."""
    if power is None or power.origin == "measured":
        return 1.0
    worlds = draw_worlds(power)
    signs = [
        sum(run.in_world(world, power) for run in plan)
        < sum(run.in_world(world, power) for run in other)
        for world in worlds
    ]
    return signs.count(saved) / len(worlds)


def _savings_table(found: Sequence[Outcome]) -> str:
    lines = [
        f"| workflow | energy of the plan | {' | '.join(f'against {name}' for name in OTHERS)} |",
        f"|---|---:|{'---:|' * len(OTHERS)}",
    ]
    for outcome in found:
        energy = _mean(outcome.runs[PLAN], "energy_j")
        cells = " | ".join(f"{outcome.savings[name]}{_late(outcome, name)}" for name in OTHERS)
        lines.append(f"| {outcome.name} | {energy:.1f} J | {cells} |")
    return "\n".join(lines)


def _late(outcome: Outcome, name: str) -> str:
    runs = outcome.runs[name]
    return " †" if sum(run.time_s > outcome.deadline_s for run in runs) > len(runs) / 2 else ""


def _runs_table(found: Sequence[Outcome]) -> str:
    lines = [
        "| workflow | choice | time | CPU | reserved | energy | of it idle | deadline kept |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for outcome in found:
        for name, runs in outcome.runs.items():
            time, cpu, reserved, energy, idle = (
                _mean(runs, field)
                for field in ("time_s", "cpu_s", "reserved_core_s", "energy_j", "idle_j")
            )
            kept = sum(run.time_s <= outcome.deadline_s for run in runs)
            cells = (
                outcome.name,
                name,
                f"{time:.2f} s",
                f"{cpu:.2f} s",
                f"{reserved:.1f} core·s",
                f"{energy:.1f} J",
                f"{idle / energy:.0%}",
                f"{kept} of {len(runs)}",
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _mean(runs: Sequence[Seen], field: str) -> float:
    return float(np.mean([getattr(run, field) for run in runs]))


if __name__ == "__main__":
    main()
