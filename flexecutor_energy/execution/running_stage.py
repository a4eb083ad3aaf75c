"""One stage of a run while its workers are at work."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from flexecutor_energy.energy.choice import MeterChoice
from flexecutor_energy.execution.inputs import StageInputs
from flexecutor_energy.execution.task import OutputTarget, WorkerReport, WorkerTask
from flexecutor_energy.execution.trace import StageTrace
from flexecutor_energy.storage.location import StoreSpec
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workflow.stage import Stage


@dataclass(slots=True)
class RunningStage:
    """A stage whose workers are at work.

    Attributes
    ----------
    stage, requested, inputs : what runs, with which resources, on what
    fan_in : workers that each parent stage ran
    submitted_wall_s, finished_wall_s : wall clock of the first submission and the last end so far
    tasks : the latest attempt of each worker
    done, wasted : reports of workers that succeeded, and of attempts that failed
    given_up : workers that are not tried again
    """

    stage: Stage
    requested: StageConfig
    inputs: StageInputs
    fan_in: dict[str, int]
    submitted_wall_s: float
    tasks: dict[int, WorkerTask]
    done: dict[int, WorkerReport] = field(default_factory=dict)
    wasted: list[WorkerReport] = field(default_factory=list)
    finished_wall_s: float = 0.0
    given_up: int = 0

    @property
    def ended(self) -> bool:
        """Whether no worker of the stage is at work any more."""
        return len(self.done) + self.given_up == len(self.tasks)

    @property
    def reports(self) -> list[WorkerReport]:
        """Every attempt of every worker that came to an end."""
        return [*self.wasted, *self.done.values()]

    def awaits(self, report: WorkerReport) -> bool:
        """Whether the report is of the latest attempt of its worker."""
        return self.tasks[report.worker_id].attempt == report.attempt

    def succeed(self, report: WorkerReport, ended_wall_s: float) -> None:
        """Note that a worker came to its end."""
        self.done[report.worker_id] = report
        self.finished_wall_s = max(self.finished_wall_s, ended_wall_s)

    def next_attempt(self, report: WorkerReport, now_wall_s: float) -> WorkerTask:
        """Return the task that tries a failed worker again."""
        task = replace(
            self.tasks[report.worker_id],
            attempt=report.attempt + 1,
            submitted_wall_s=now_wall_s,
        )
        self.tasks[report.worker_id] = task
        return task

    def trace(self, start_wall_s: float) -> StageTrace:
        """Return what the stage did; ``start_wall_s`` is the first submission of the run."""
        reports = tuple(self.done[worker] for worker in sorted(self.done))
        return StageTrace(
            stage_id=self.stage.stage_id,
            requested=self.requested,
            config=replace(self.requested, workers=len(reports), cpu=_held_cpu(reports)),
            reports=reports,
            wasted=tuple(self.wasted),
            submitted_s=self.submitted_wall_s - start_wall_s,
            finished_s=self.finished_wall_s - start_wall_s,
            fan_in=self.fan_in,
            input_bytes=self.inputs.size_bytes,
            gets=sum(len(files) for share in self.inputs.shares for files in share.values()),
        )


def first_attempts(
    stage: Stage,
    config: StageConfig,
    inputs: StageInputs,
    *,
    run_id: str,
    function: bytes,
    store: StoreSpec,
    bucket: str,
    timeout_s: float | None,
    now_wall_s: float,
    meter: MeterChoice | None = None,
    watch_cpu: bool = False,
) -> dict[int, WorkerTask]:
    """Return the first task of every worker of a stage.

    Parameters
    ----------
    stage, config, inputs : what runs, with which resources, on what
    run_id : the run it belongs to
    function : the stage's packed function and parameters
    store, bucket : where data lies, and the bucket of data that names none
    timeout_s : seconds that each attempt may take
    now_wall_s : wall clock of the submission
    meter : which counters of their host the workers are to read
    watch_cpu : whether to note when they use their CPU time
    """
    bases = [d.local_base_path for d in (*stage.inputs, *stage.outputs) if d.local_base_path]
    outputs = tuple(
        OutputTarget(data.data_id, data.bucket or bucket, data.prefix, data.suffix)
        for data in stage.outputs
    )
    return {
        worker: WorkerTask(
            run_id=run_id,
            stage_id=stage.stage_id,
            worker_id=worker,
            num_workers=inputs.num_workers,
            attempt=1,
            function=function,
            inputs=inputs.shares[worker],
            outputs=outputs,
            store=store,
            cpu=config.cpu,
            memory_mb=config.memory,
            timeout_s=timeout_s,
            submitted_wall_s=now_wall_s,
            scratch_base=bases[0] if bases else None,
            meter=meter,
            watch_cpu=watch_cpu,
        )
        for worker in range(inputs.num_workers)
    }


def _held_cpu(reports: Sequence[WorkerReport]) -> float:
    """Return the cores that held; of workers that differ, the least: it sets the stage's pace."""
    return min(float(report.limits["cpu"]["held"]) for report in reports)
