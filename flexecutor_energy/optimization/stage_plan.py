"""One stage of a plan, as users see it."""

from dataclasses import dataclass

from flexecutor_energy.quantities import Interval
from flexecutor_energy.workflow.config import StageConfig


@dataclass(frozen=True, slots=True)
class StagePlan:
    """One stage of a plan.

    Attributes
    ----------
    stage_id, config : what runs how
    time, energy, cost : predictions; seconds, joules above idle, USD
    start_s : when the stage starts after the workflow does, in the mean
    slack_s : how much longer it could take without a longer makespan
    critical : whether it lies on the critical path
    extrapolated : whether this configuration was never run
    """

    stage_id: str
    config: StageConfig
    time: Interval
    energy: Interval | None
    cost: Interval | None
    start_s: float
    slack_s: float
    critical: bool
    extrapolated: bool
