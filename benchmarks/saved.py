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
from benchmarks.took import Seen, Took
from flexecutor_energy.optimization.worlds import draw_worlds
from flexecutor_energy.records.power_facts import PowerFacts

AGREEING = 0.95
RESAMPLES = 4_000
LEAST_ROUNDS = 5


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
        few = f", {self.rounds} rounds" if self.rounds < LEAST_ROUNDS else ""
        return f"undecided {interval}{why}{few}"


@dataclass(frozen=True, slots=True)
class Round:
    """One run of each: of the single process, and of every choice unlike those before it."""

    native: Took
    runs: Mapping[str, Seen]


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
    rounds : what was measured
    """

    name: str
    size: str
    backend: str
    machine: str
    source: str
    deadline: Deadline
    power: PowerFacts | None
    choices: Mapping[str, Choice]
    rounds: tuple[Round, ...] = ()

    @property
    def distinct(self) -> list[str]:
        """The choices that are run: those unlike all before them."""
        return [name for name, choice in self.choices.items() if not choice.like]

    def runs(self, name: str) -> list[Seen]:
        """Return what a choice took, round by round."""
        return [each.runs[self.choices[name].like or name] for each in self.rounds]

    def saving(self, name: str) -> Saving:
        """Return what the energy plan saved against another choice."""
        if self.choices[name].like == PLAN:
            return Saving(0.0, 0.0, 0.0, rounds=len(self.rounds), same=True)
        return saving(self.runs(PLAN), self.runs(name), self.power)

    def late(self, name: str) -> bool:
        """Tell whether a choice, unlike the plan, missed the deadline in most rounds."""
        if self.choices[name].like == PLAN:
            return False
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
