"""What tells a sweep which configurations to run next, and when it has measured enough."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from flexecutor_energy.profiling.needs import StageNeeds
from flexecutor_energy.records.run import Profile, StageRun
from flexecutor_energy.workflow.config import StageConfig


@dataclass(frozen=True, slots=True)
class EstimatedRegret:
    """How much worse the plan that would be chosen now may be than the best one.

    It is estimated from predictions and how wrong they have been, not measured and not proved.

    Attributes
    ----------
    share : mean over what may be true, of the objective lost, as a share of the best plan's,
        plus the share by which bounds are exceeded for want of knowledge
    upper : the same share, not exceeded with probability ``level``
    level : 0…1
    joules, seconds, usd : means of what is lost, or of what a bound is exceeded by; None where a
        metric is neither minimised nor bounded
    """

    share: float
    upper: float
    level: float
    joules: float | None = None
    seconds: float | None = None
    usd: float | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """What is known so far, in terms of what to measure next.

    Attributes
    ----------
    regret : of the plan that would be chosen now
    planned : the configurations of that plan, by stage
    worth : stage → configuration → how much another measurement of it should lower the regret
        for each second that it takes; absent or 0 where it cannot change the plan
    """

    regret: EstimatedRegret
    planned: Mapping[str, StageConfig]
    worth: Mapping[str, Mapping[StageConfig, float]]


Rule = Callable[[Mapping[str, Profile]], Advice]
"""From what was measured so far, by stage, to an advice. Every stage has a run."""


class Guide(Protocol):
    """Decides what each run of a sweep tries."""

    @property
    def needs(self) -> Mapping[str, StageNeeds]:
        """What is still to be measured of each stage."""
        ...

    @property
    def runs_left(self) -> int:
        """Runs of the whole workflow that are still needed, at most."""
        ...

    @property
    def regret(self) -> EstimatedRegret | None:
        """The last estimate; None where none was made."""
        ...

    @property
    def stopped(self) -> str:
        """Why there is nothing more to run, in words."""
        ...

    def next_configs(self) -> dict[str, StageConfig] | None:
        """Return the configurations of the next run, or None when enough is measured."""
        ...

    def measured(self, stage_id: str, requested: StageConfig, run: StageRun) -> None:
        """Count one more measurement."""
        ...

    def failed(self, stage_id: str, requested: StageConfig) -> None:
        """Note that a configuration cannot run."""
        ...
