"""The stages of a plan as a table, each with the next best configuration."""

from dataclasses import dataclass

from flexecutor_energy.optimization.explain import RunnerUp, explain
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.quantities import Interval
from flexecutor_energy.workflow.config import StageConfig


@dataclass(frozen=True, slots=True)
class StageRow:
    """One stage of a plan.

    Attributes
    ----------
    stage_id, config : what runs how
    time, energy, cost : predictions; seconds, joules, USD; None where not known
    slack_s : how much longer it could take without a longer run
    critical : whether it lies on the critical path
    extrapolated : whether this configuration was never run
    runner_up : its next best configuration; None where no other keeps the bounds
    extra_objective : what that adds to the objective, in its unit
    extra_s : what it adds to the makespan, seconds
    """

    stage_id: str
    config: StageConfig
    time: Interval
    energy: Interval | None
    cost: Interval | None
    slack_s: float
    critical: bool
    extrapolated: bool
    runner_up: StageConfig | None
    extra_objective: float | None
    extra_s: float | None


def stage_rows(plan: Plan, time_limit_s: float = 2.0) -> tuple[StageRow, ...]:
    """Return the stages in order of the workflow.

    Parameters
    ----------
    plan : the plan
    time_limit_s : seconds that explaining each of its bounds may take
    """
    keys = [[candidate.key for candidate in options.candidates] for options in plan.table]
    explained = explain(plan.problem(), plan.as_solution(), keys, time_limit_s)
    rows = []
    for (stage_id, stage), other in zip(plan.stages.items(), explained.runners_up, strict=True):
        rows.append(
            StageRow(
                stage_id=stage_id,
                config=stage.config,
                time=stage.time,
                energy=stage.energy,
                cost=stage.cost,
                slack_s=stage.slack_s,
                critical=stage.critical,
                extrapolated=stage.extrapolated,
                runner_up=None if other is None else _config(plan, other),
                extra_objective=None if other is None else other.extra_objective,
                extra_s=None if other is None else other.extra_s,
            )
        )
    return tuple(rows)


def _config(plan: Plan, other: RunnerUp) -> StageConfig:
    return plan.table[other.stage].candidates[other.evaluation.choice[other.stage]].config
