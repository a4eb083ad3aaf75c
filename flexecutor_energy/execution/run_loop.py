"""The course of one run: which stage starts when, and what becomes of each report."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from flexecutor_energy.energy.choice import MeterChoice
from flexecutor_energy.errors import InputMissingError, RunCancelledError, StageFailedError
from flexecutor_energy.execution.backends.protocol import Backend
from flexecutor_energy.execution.events import (
    Observer,
    StageFailed,
    StageFinished,
    StageStarted,
    WorkerFinished,
    WorkerRetried,
)
from flexecutor_energy.execution.inputs import InputResolver
from flexecutor_energy.execution.running_stage import RunningStage, first_attempts
from flexecutor_energy.execution.shipping import pack_function
from flexecutor_energy.execution.task import Failure, WorkerReport, WorkerTask
from flexecutor_energy.execution.trace import RunTrace, StageTrace
from flexecutor_energy.storage.location import ObjectRef
from flexecutor_energy.storage.store import ObjectStore
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workflow.graph import StageGraph
from flexecutor_energy.workflow.stage import Stage

_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run behaves.

    Attributes
    ----------
    timeout_s : seconds each invocation may take; None means no limit
    retries : how often a failed worker is tried again
    isolate : run independent stages one after another, so that they do not disturb each other
    keep_going : let stages that do not depend on a failed one finish
    meter : which counters of the hosts are read while it goes on; None for none at all
    """

    timeout_s: float | None = None
    retries: int = 2
    isolate: bool = False
    keep_going: bool = False
    meter: MeterChoice | None = field(default_factory=MeterChoice)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run happens.

    Attributes
    ----------
    backend : an open backend
    store : the driver's own client of the object store
    bucket : the bucket of data that names none
    """

    backend: Backend
    store: ObjectStore
    bucket: str


class RunLoop:
    """Starts stages as soon as they can, takes in what their workers report, until all is done.

    Parameters
    ----------
    place : backend and storage of the run
    graph, configs : the workflow, and the resources of every stage of it
    trace : filled as stages finish
    options : timeouts, retries, isolation
    tell : called with each event
    """

    def __init__(
        self,
        place: Place,
        graph: StageGraph,
        configs: Mapping[str, StageConfig],
        trace: RunTrace,
        options: RunOptions,
        tell: Observer,
    ) -> None:
        self._place = place
        self._tell = tell
        self._graph = graph
        self._configs = configs
        self._trace = trace
        self._options = options
        self._resolver = InputResolver(place.store, place.bucket)
        self._functions = {stage.stage_id: pack_function(stage) for stage in graph.stages}
        self._waiting = {stage.stage_id: stage for stage in graph.topological_order()}
        self._readers = {d.data_id: s.stage_id for s in graph.stages for d in s.inputs}
        self._running: dict[str, RunningStage] = {}
        self._made: dict[str, list[ObjectRef]] = {}
        trace.backend = place.backend.name
        trace.on_this_host = place.backend.on_this_host

    def to_end(self, cancel: threading.Event | None) -> None:
        """Run all stages.

        Raises
        ------
        StageFailedError, BucketMissingError, InputMissingError, RunCancelledError
            As said of :meth:`Engine.run`.
        """
        made = {data.data_id for stage in self._graph.stages for data in stage.outputs}
        for stage in self._graph.stages:  # a missing input ends the run before it begins
            self._resolver.fingerprint(stage, made)
        while True:
            self._start_ready()
            if not self._running:
                return
            for report in self._place.backend.wait(_POLL_S):
                self._take(report)
            if cancel is not None and cancel.is_set():
                raise RunCancelledError(f"run {self._trace.run_id} was cancelled")

    def _start_ready(self) -> None:
        """Submit the tasks of all stages that can start, in one call so that they share a job."""
        tasks: list[WorkerTask] = []
        for stage in list(self._waiting.values()):
            if any(p.stage_id not in self._trace.stages for p in stage.parents):
                continue
            if self._options.isolate and self._running:
                break
            tasks.extend(self._start(stage))
        if tasks:
            self._place.backend.submit(tasks)

    def _start(self, stage: Stage) -> list[WorkerTask]:
        del self._waiting[stage.stage_id]
        config = self._configs[stage.stage_id]
        try:
            inputs = self._resolver.resolve(stage, config.workers, self._made)
        except InputMissingError as error:
            if not stage.parents:
                raise
            self._fail(stage.stage_id, StageFailedError(stage.stage_id, 0, "no_input", str(error)))
            return []
        now = time.time()
        if self._trace.started_wall_s is None:
            self._trace.started_wall_s = now
        tasks = first_attempts(
            stage,
            config,
            inputs,
            run_id=self._trace.run_id,
            function=self._functions[stage.stage_id],
            store=self._place.store.spec,
            bucket=self._place.bucket,
            timeout_s=self._options.timeout_s,
            now_wall_s=now,
            # on the driver's host the driver samples, once for all workers
            meter=None if self._trace.on_this_host else self._options.meter,
            watch_cpu=self._options.meter is not None,
        )
        fan_in = {p.stage_id: self._trace.stages[p.stage_id].config.workers for p in stage.parents}
        self._running[stage.stage_id] = RunningStage(stage, config, inputs, fan_in, now, tasks)
        actual = replace(config, workers=inputs.num_workers)
        self._tell(StageStarted(self._trace.run_id, stage.stage_id, actual))
        return list(tasks.values())

    def abandon(self) -> None:
        """Keep what the attempts of stages that did not end have used."""
        for running in self._running.values():
            self._trace.wasted.extend(running.reports)
        self._running.clear()

    def _take(self, report: WorkerReport) -> None:
        stage_id = report.task_id.rsplit("/", 2)[0]
        running = self._running.get(stage_id)
        if running is None or not running.awaits(report):
            return  # the rest of a stage that has failed already
        if report.failure is None:
            running.succeed(report, self._end_of(report))
            self._tell(WorkerFinished(self._trace.run_id, stage_id, report.worker_id))
        else:
            running.wasted.append(report)
            if self._may_retry(stage_id, report, report.failure):
                self._retry(running, report, report.failure)
            else:
                running.given_up += 1
                self._fail(stage_id, _stage_error(stage_id, report, report.failure))
        if running.ended:
            del self._running[stage_id]
            if stage_id in self._trace.failures:
                self._trace.wasted.extend(running.reports)
            else:
                self._finish(running)

    def _end_of(self, report: WorkerReport) -> float:
        """Return the wall clock of a worker's end, by the driver's clock where hosts differ."""
        return report.clocks[-1].wall_s if self._trace.on_this_host else time.time()

    def _may_retry(self, stage_id: str, report: WorkerReport, failure: Failure) -> bool:
        return (
            failure.worth_retrying
            and report.attempt <= self._options.retries
            and stage_id not in self._trace.failures
        )

    def _retry(self, running: RunningStage, report: WorkerReport, failure: Failure) -> None:
        task = running.next_attempt(report, time.time())
        self._tell(
            WorkerRetried(
                self._trace.run_id, task.stage_id, task.worker_id, task.attempt, failure.cause
            )
        )
        self._place.backend.submit([task])

    def _fail(self, stage_id: str, error: StageFailedError) -> None:
        """Note that a stage failed; its other workers come to their end before it is let go."""
        if stage_id in self._trace.failures:
            return
        self._trace.failures[stage_id] = error
        self._tell(StageFailed(self._trace.run_id, stage_id, error))
        if not self._options.keep_going:
            raise error

    def _finish(self, running: RunningStage) -> None:
        stage = running.stage
        trace = running.trace(self._trace.started_wall_s or running.submitted_wall_s)
        problem = self._missing_outputs(stage, trace)
        if problem:
            self._trace.wasted.extend(running.reports)
            self._fail(stage.stage_id, StageFailedError(stage.stage_id, 0, "no_output", problem))
            return
        for data in stage.outputs:
            self._made[data.data_id] = trace.outputs(data.data_id)
        self._trace.stages[stage.stage_id] = trace
        self._tell(StageFinished(self._trace.run_id, trace))

    def _missing_outputs(self, stage: Stage, trace: StageTrace) -> str:
        """Say which outputs are missing: all of them, or one that another stage reads; or ""."""
        missing = [data.data_id for data in stage.outputs if not trace.outputs(data.data_id)]
        if missing and len(missing) == len(stage.outputs):
            names = ", ".join(map(repr, missing))
            return f"no worker wrote any of its declared outputs ({names})"
        for data_id in missing:
            if data_id in self._readers:
                reader = self._readers[data_id]
                return f"no worker wrote {data_id!r}, which stage {reader!r} reads"
        return ""


def _stage_error(stage_id: str, report: WorkerReport, failure: Failure) -> StageFailedError:
    return StageFailedError(
        stage_id,
        report.worker_id,
        failure.kind,
        failure.cause,
        attempts=report.attempt,
        remote_traceback=failure.traceback,
        logs=report.logs,
    )
