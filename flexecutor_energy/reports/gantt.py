"""When each stage runs, by the plan and in a measured run, and what is reserved meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass

from flexecutor_energy.auditing.past_runs import PastRun
from flexecutor_energy.optimization.plan import Plan


@dataclass(frozen=True, slots=True)
class Bar:
    """One stage in time.

    Attributes
    ----------
    stage_id, config : what runs how
    start_s, duration_s : seconds since the run began
    slack_s : how much later it could end without a longer run; None for measured runs
    cores : cores of all its workers together
    critical : whether it lies on the plan's critical path
    """

    stage_id: str
    config: str
    start_s: float
    duration_s: float
    slack_s: float | None
    cores: float
    critical: bool

    @property
    def end_s(self) -> float:
        """Seconds since the run began."""
        return self.start_s + self.duration_s


@dataclass(frozen=True, slots=True)
class Schedule:
    """A run in time.

    Attributes
    ----------
    name : what it is
    bars : one a stage, in order of the workflow
    steps : (second, cores in use from then on), the last one with none
    peak_cores : the most cores in use at once
    busy_core_s, idle_core_s : core-seconds that stages reserve, and what is left of the peak
        over the whole run: the idle area
    """

    name: str
    bars: tuple[Bar, ...]
    steps: tuple[tuple[float, float], ...]
    peak_cores: float
    busy_core_s: float
    idle_core_s: float

    @property
    def makespan_s(self) -> float:
        """Seconds of the whole run."""
        return max(bar.end_s for bar in self.bars)


def planned_schedule(plan: Plan) -> Schedule:
    """Return the plan in time, in the mean."""
    return _schedule(
        "plan",
        [
            Bar(
                stage_id,
                str(stage.config),
                stage.start_s,
                stage.time.mean,
                0.0 if stage.critical else stage.slack_s,
                stage.config.cpu * stage.config.workers,
                stage.critical,
            )
            for stage_id, stage in plan.stages.items()
        ],
    )


def measured_schedule(run: PastRun, plan: Plan) -> Schedule:
    """Return a run in time; its stages are in the order of the plan."""
    planned = plan.stages
    return _schedule(
        f"measured {run.run_id}",
        [
            Bar(
                stage_id,
                str(stage.stage_config),
                stage.started_s,
                stage.finished_s - stage.started_s,
                None,
                stage.stage_config.cpu * stage.stage_config.workers,
                planned[stage_id].critical,
            )
            for stage_id in planned
            if (stage := run.stages.get(stage_id)) is not None
        ],
    )


def _schedule(name: str, bars: Sequence[Bar]) -> Schedule:
    steps = _steps(bars)
    peak = max(cores for _, cores in steps)
    busy = sum(bar.cores * bar.duration_s for bar in bars)
    makespan = max(bar.end_s for bar in bars)
    return Schedule(name, tuple(bars), steps, peak, busy, max(peak * makespan - busy, 0.0))


def _steps(bars: Sequence[Bar]) -> tuple[tuple[float, float], ...]:
    changes: dict[float, float] = {0.0: 0.0}
    for bar in bars:
        changes[bar.start_s] = changes.get(bar.start_s, 0.0) + bar.cores
        changes[bar.end_s] = changes.get(bar.end_s, 0.0) - bar.cores
    steps, cores = [], 0.0
    for second in sorted(changes):
        cores = max(cores + changes[second], 0.0)
        steps.append((second, round(cores, 9)))
    return tuple(steps)
