"""What was measured of each choice, and what the energy plan saved.

A saving is a share of the joules of the other choice, scope ``provisioned``, with a 95 % bootstrap
interval over rounds. It is *undecided* where the interval holds 0, where there were fewer than
five rounds, and where its sign differs between power models: each joule's idle and dynamic part is
scaled as servers of SPECpower_ssj2008 spread, and at least 95 % of these have to agree. Negative
savings are losses, and are told as such; † marks a choice that missed the deadline in most rounds,
so that the plan was not free to be like it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.choices import PLAN, Choice, Deadline
from benchmarks.shipped import MEMORY_MB
from flexecutor_energy.execution.run import DAGRun
from flexecutor_energy.optimization.worlds import World, draw_worlds
from flexecutor_energy.records.power_facts import PowerFacts

AGREEING = 0.95
RESAMPLES = 4_000
LEAST_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Seen:
    """What one run took.

    Attributes
    ----------
    time_s, cpu_s : seconds, and CPU seconds of functions and start-up
    reserved_core_s : cores of each worker × the seconds it lasted, added up
    energy_j : joules, scope ``provisioned``; ``idle_j`` and ``dynamic_j`` are its parts
    foreign : share of the machine's CPU time that nothing of the run used; None if unknown
    """

    time_s: float
    cpu_s: float
    reserved_core_s: float
    energy_j: float
    idle_j: float
    dynamic_j: float
    foreign: float | None = None

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
        return cls(
            run.time,
            cpu_s,
            reserved,
            run.energy,
            idle_j,
            run.energy - idle_j,
            run.energy_detail.foreign_share,
        )

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
    """One workflow: its choices, and what each of them took in every round.

    Attributes
    ----------
    name, size, backend : what was run
    machine, source : on which, and where its joules come from
    deadline : of the plan
    power : the model behind the joules
    choices : by name, the energy plan first
    rounds : choice → what it took; choices that run the same were run once
    """

    name: str
    size: str
    backend: str
    machine: str
    source: str
    deadline: Deadline
    power: PowerFacts | None
    choices: Mapping[str, Choice]
    rounds: tuple[Mapping[str, Seen], ...] = ()

    @property
    def distinct(self) -> list[str]:
        """The choices that are run: those unlike all before them."""
        return [name for name, choice in self.choices.items() if not choice.like]

    def runs(self, name: str) -> list[Seen]:
        """Return what a choice took, round by round."""
        return [each[self.choices[name].like or name] for each in self.rounds]

    def saving(self, name: str) -> Saving:
        """Return what the energy plan saved against another choice."""
        if self.choices[name].like == PLAN:
            return Saving(0.0, 0.0, 0.0, rounds=len(self.rounds), same=True)
        return saving(self.runs(PLAN), self.runs(name), self.power)

    def late(self, name: str) -> bool:
        """Tell whether a choice missed the deadline in most rounds."""
        runs = self.runs(name)
        return sum(run.time_s > self.deadline.seconds for run in runs) > len(runs) / 2


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
