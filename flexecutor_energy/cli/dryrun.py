"""What would be run, before it runs: counts, and an estimate from what is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flexecutor_energy.cli.measuring import mean_known
from flexecutor_energy.cli.tables import interval, table
from flexecutor_energy.quantities import format_quantity
from flexecutor_energy.workflow.config import ConfigSpace, StageConfig

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flexecutor_energy.dag import DAG
    from flexecutor_energy.optimization.plan import Plan
    from flexecutor_energy.prediction.results import WorkflowPrediction
    from flexecutor_energy.profiling.needs import StageNeeds
    from flexecutor_energy.records.run import Profile, StageRun


@dataclass(frozen=True, slots=True)
class StageForecast:
    """What is left to measure of one stage.

    Attributes
    ----------
    configurations : how many are to be measured
    left : repetitions that are still needed
    known : repetitions that were measured before, of this code
    run_s, run_j, run_usd : mean of one run so far; None where nothing is known. Joules are those
        of its workers from their start on, as sweeps count them
    """

    configurations: int
    left: int
    known: int
    run_s: float | None
    run_j: float | None
    run_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a sweep would run.

    Attributes
    ----------
    dag : name of the workflow
    runs : runs of the whole workflow
    stages : by id
    least : runs that an adaptive sweep makes at least; None where the sweep is not adaptive
    """

    dag: str
    runs: int
    stages: Mapping[str, StageForecast]
    least: int | None = None

    @property
    def seconds(self) -> float | None:
        """Estimate, with stages one after another as a sweep on one host has them."""
        return self._of_all_runs([stage.run_s for stage in self.stages.values()])

    @property
    def joules(self) -> float | None:
        """Estimate of the workers' joules; None where one stage's are unknown."""
        return self._of_all_runs([stage.run_j for stage in self.stages.values()])

    @property
    def usd(self) -> float | None:
        """Estimate of the price of the workers."""
        return self._of_all_runs([stage.run_usd for stage in self.stages.values()])

    def _of_all_runs(self, means: list[float | None]) -> float | None:
        known = [mean for mean in means if mean is not None]
        return self.runs * sum(known) if len(known) == len(means) else None

    def lines(self) -> "list[RenderableType]":
        """Return the forecast for people."""
        rows = table("stage", "configs>", "measured>", "to measure>", "a run took>", "and used>")
        for stage_id, stage in self.stages.items():
            rows.add_row(
                stage_id,
                str(stage.configurations),
                str(stage.known),
                str(stage.left),
                _known(stage.run_s, "s"),
                _known(stage.run_j, "J"),
            )
        if self.runs == 0:
            return [rows, "\nnothing would be run: all of it was measured"]
        words = f"\n{self.runs} runs of {self.dag} would be made"
        if self.least is not None:
            words = (
                f"\nat least {self.least} and at most {self.runs} runs of {self.dag} would be "
                "made, until the estimated regret is small enough; that many"
            )
        if self.seconds is None:
            return [rows, f"{words}; how long they take is not known before the first"]
        parts = [format_quantity(round(self.seconds), "s")]
        if self.joules is not None:
            parts.append(format_quantity(self.joules, "J"))
        if self.usd is not None:
            parts.append(f"{format_quantity(self.usd, 'USD')} at AWS Lambda's list price")
        return [rows, f"{words}: about {', '.join(parts)}, judging by the runs measured so far"]

    def document(self) -> dict[str, Any]:
        """Return the forecast for machines."""
        return {
            "dag": self.dag,
            "dry_run": True,
            "runs": self.runs,
            "least_runs": self.least,
            "seconds": self.seconds,
            "energy_j": self.joules,
            "cost_usd": self.usd,
            "stages": dict(self.stages),
        }


def foreseen(
    dag: "DAG",
    space: ConfigSpace,
    reps: int,
    *,
    resume: bool,
    adaptive: bool = False,
    seed: int = 0,
) -> Forecast:
    """Return what ``DAG.profile`` would run, without opening a backend or a store.

    Runs of other code do not count; whether inputs have changed cannot be told without reading
    them, so runs of other inputs do.
    """
    from flexecutor_energy.execution.fingerprints import code_hashes
    from flexecutor_energy.profiling.adaptive import first_runs
    from flexecutor_energy.profiling.schedule import Schedule

    dag.validate()
    codes = code_hashes(dag)
    known = {
        stage_id: profile.split_stale(codes[stage_id], None)[0]
        for stage_id, profile in dag.profiles().items()
    }
    schedule = Schedule(dag, space, reps, known if resume else {})
    stages = {
        stage_id: _forecast(schedule.needs[stage_id], known[stage_id])
        for stage_id in dag.stage_ids
    }
    least = None
    if adaptive:
        least = first_runs(dag, space, known if resume else {}, seed).runs_left
    return Forecast(dag.name, schedule.runs_left, stages, least)


def _forecast(needs: "StageNeeds", profile: "Profile") -> StageForecast:
    return StageForecast(
        configurations=len(needs.left),
        left=needs.total_left,
        known=needs.runs.total(),
        run_s=mean_known([run.time_s for run in profile.runs]),
        run_j=mean_known([_joules(run) for run in profile.runs]),
        run_usd=mean_known([_price(run) for run in profile.runs]),
    )


def _joules(run: "StageRun") -> float | None:
    """Return what a run of a stage used, the start of its workers included where that is known."""
    if run.energy_j is None or run.energy_startup_j is None:
        return run.energy_j
    return run.energy_j + run.energy_startup_j


def _price(run: "StageRun") -> float | None:
    """Return what a run of a stage would cost on AWS Lambda, requests included if counted."""
    from flexecutor_energy.pricing import resolve_pricing

    if run.worker_seconds is None:
        return None
    pricing = resolve_pricing()
    memory_mb = pricing.billed_memory_mb(run.config.cpu, run.config.memory)
    requests = run.requests or (0, 0)
    return pricing.stage_cost(run.worker_seconds, memory_mb, run.config.workers, *requests)


def run_foreseen(
    dag: "DAG", configs: Mapping[str, StageConfig], plan: "Plan | None"
) -> "tuple[list[RenderableType], dict[str, Any]]":
    """Return what one run would be, for people and for machines.

    Its figures are the plan's, or the predictors'; unknown where neither is there.
    """
    expected: Plan | WorkflowPrediction | None = plan or _predicted(dag, configs)
    rows = table("stage", "would run as")
    for stage_id, config in configs.items():
        rows.add_row(stage_id, str(config))
    figures = {
        name: getattr(expected, name) if expected is not None else None
        for name in ("time", "energy", "cost")
    }
    lines: list[RenderableType] = [rows, ""]
    if expected is None:
        lines.append("how long it takes is not known: no predictors were trained")
    else:
        units = {"time": "s", "energy": "J", "cost": "USD"}
        lines += [f"{name:<7}{interval(figures[name], units[name])}" for name in units]
    document = {"dag": dag.name, "dry_run": True, "configs": configs, **figures}
    return lines, document


def _predicted(dag: "DAG", configs: Mapping[str, StageConfig]) -> "WorkflowPrediction | None":
    from flexecutor_energy.errors import NotTrainedError

    try:
        return dag.predict(configs)
    except NotTrainedError:
        return None


def _known(value: float | None, unit: str) -> str:
    return "?" if value is None else format_quantity(value, unit)
