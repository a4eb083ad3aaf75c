"""Runs a graph of stages over a backend: a stage starts the moment its parents have finished."""

import resource
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flexecutor_energy.errors import RunCancelledError, StageFailedError
from flexecutor_energy.execution import procfs
from flexecutor_energy.execution.backends.protocol import Backend
from flexecutor_energy.execution.events import (
    Event,
    Observer,
    StageFailed,
    StageFinished,
    StageStarted,
    WorkerFinished,
    WorkerRetried,
)
from flexecutor_energy.execution.inputs import InputResolver, StageInputs
from flexecutor_energy.execution.shipping import pack_function
from flexecutor_energy.execution.task import (
    Failure,
    HostSample,
    OutputTarget,
    WorkerReport,
    WorkerTask,
)
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
    """

    timeout_s: float | None = None
    retries: int = 2
    isolate: bool = False
    keep_going: bool = False


@dataclass(slots=True)
class _Running:
    """A stage whose workers are at work."""

    stage: Stage
    requested: StageConfig
    inputs: StageInputs
    fan_in: dict[str, int]
    submitted_wall_s: float
    tasks: dict[int, WorkerTask]
    done: dict[int, WorkerReport] = field(default_factory=dict)
    wasted: list[WorkerReport] = field(default_factory=list)
    finished_wall_s: float = 0.0
    lost_workers: int = 0

    @property
    def ended(self) -> bool:
        """Whether no worker of the stage is at work any more."""
        return len(self.done) + self.lost_workers == len(self.tasks)


class Engine:
    """Runs graphs on one backend and one object store.

    Parameters
    ----------
    backend : an open backend
    store : the driver's own client of the object store
    bucket : the bucket of data that names none
    observers : told of each event, in the driver's thread
    """

    def __init__(
        self, backend: Backend, store: ObjectStore, bucket: str, observers: Iterable[Observer] = ()
    ) -> None:
        self._backend = backend
        self._store = store
        self._bucket = bucket
        self._observers = tuple(observers)

    def run(
        self,
        graph: StageGraph,
        configs: Mapping[str, StageConfig],
        trace: RunTrace,
        options: RunOptions | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        """Run all stages once, filling ``trace`` as they finish.

        Parameters
        ----------
        graph : the workflow, validated
        configs : resources of every stage
        trace : what has finished stands there also when this call raises
        options : timeouts, retries, isolation
        cancel : set by another thread to stop the run

        Raises
        ------
        StageFailedError
            A stage failed for good (not with ``keep_going``: see ``trace.failures``).
        BucketMissingError, InputMissingError
            An external input is missing; nothing was run.
        RunCancelledError
            ``cancel`` was set.
        """
        run = _Run(self, graph, configs, trace, options or RunOptions())
        before = _own_cpu_s(), self._backend.own_cpu_s()
        try:
            run.to_end(cancel)
        except BaseException:
            self._backend.cancel()
            raise
        finally:
            trace.driver_cpu_s = _own_cpu_s() - before[0]
            after = self._backend.own_cpu_s()
            if before[1] is not None and after is not None:
                trace.backend_cpu_s = after - before[1]

    @property
    def backend(self) -> Backend:
        """Where invocations run."""
        return self._backend

    @property
    def store(self) -> ObjectStore:
        """The driver's client of the object store."""
        return self._store

    @property
    def bucket(self) -> str:
        """The bucket of data that names none."""
        return self._bucket

    def tell(self, event: Event) -> None:
        """Tell every observer of an event."""
        for observer in self._observers:
            observer(event)


class _Run:
    """The state of one run."""

    def __init__(
        self,
        engine: Engine,
        graph: StageGraph,
        configs: Mapping[str, StageConfig],
        trace: RunTrace,
        options: RunOptions,
    ) -> None:
        self._engine = engine
        self._graph = graph
        self._configs = configs
        self._trace = trace
        self._options = options
        self._resolver = InputResolver(engine.store, engine.bucket)
        self._functions = {stage.stage_id: pack_function(stage) for stage in graph.stages}
        self._waiting = {stage.stage_id: stage for stage in graph.topological_order()}
        self._running: dict[str, _Running] = {}
        self._made: dict[str, list[ObjectRef]] = {}
        trace.backend = engine.backend.name
        trace.on_this_host = engine.backend.on_this_host

    def to_end(self, cancel: threading.Event | None) -> None:
        made = {data.data_id for stage in self._graph.stages for data in stage.outputs}
        for stage in self._graph.stages:
            self._resolver.fingerprint(
                stage, made
            )  # a missing input ends the run before it begins
        while True:
            self._start_ready()
            if not self._running:
                return
            for report in self._engine.backend.wait(_POLL_S):
                self._sample_host()
                self._take(report)
            if cancel is not None and cancel.is_set():
                raise RunCancelledError(f"run {self._trace.run_id} was cancelled")

    def _sample_host(self) -> None:
        """Read the host's counters, so that energy is known also where no worker looks."""
        busy_s = procfs.host_busy_s() if self._trace.on_this_host else None
        if busy_s is not None:
            self._trace.host_samples.append(HostSample(time.monotonic(), busy_s))

    def _start_ready(self) -> None:
        """Submit the tasks of all stages that can start, in one call so that they share a job."""
        self._sample_host()
        tasks: list[WorkerTask] = []
        for stage in list(self._waiting.values()):
            if any(p.stage_id not in self._trace.stages for p in stage.parents):
                continue
            if self._options.isolate and self._running:
                break
            tasks.extend(self._start(stage))
        if tasks:
            self._engine.backend.submit(tasks)

    def _start(self, stage: Stage) -> list[WorkerTask]:
        del self._waiting[stage.stage_id]
        config = self._configs[stage.stage_id]
        inputs = self._resolver.resolve(stage, config.workers, self._made)
        now = time.time()
        if self._trace.started_wall_s is None:
            self._trace.started_wall_s = now
        tasks = {w: self._task(stage, config, inputs, w, now) for w in range(inputs.num_workers)}
        fan_in = {p.stage_id: self._trace.stages[p.stage_id].config.workers for p in stage.parents}
        running = _Running(stage, config, inputs, fan_in, now, tasks)
        self._running[stage.stage_id] = running
        actual = replace(config, workers=inputs.num_workers)
        self._engine.tell(StageStarted(self._trace.run_id, stage.stage_id, actual))
        return list(tasks.values())

    def _task(
        self, stage: Stage, config: StageConfig, inputs: StageInputs, worker: int, now: float
    ) -> WorkerTask:
        bucket = self._engine.bucket
        bases = [d.local_base_path for d in (*stage.inputs, *stage.outputs) if d.local_base_path]
        return WorkerTask(
            run_id=self._trace.run_id,
            stage_id=stage.stage_id,
            worker_id=worker,
            num_workers=inputs.num_workers,
            attempt=1,
            function=self._functions[stage.stage_id],
            inputs=inputs.shares[worker],
            outputs=tuple(
                OutputTarget(d.data_id, d.bucket or bucket, d.prefix, d.suffix)
                for d in stage.outputs
            ),
            store=self._engine.store.spec,
            cpu=config.cpu,
            memory_mb=config.memory,
            timeout_s=self._options.timeout_s,
            submitted_wall_s=now,
            scratch_base=bases[0] if bases else None,
        )

    def _take(self, report: WorkerReport) -> None:
        stage_id = report.task_id.rsplit("/", 2)[0]
        running = self._running.get(stage_id)
        if running is None or running.tasks[report.worker_id].attempt != report.attempt:
            return  # the rest of a stage that has failed already
        if report.failure is None:
            running.done[report.worker_id] = report
            running.finished_wall_s = max(running.finished_wall_s, self._end_of(report))
            self._engine.tell(WorkerFinished(self._trace.run_id, stage_id, report.worker_id))
        else:
            running.wasted.append(report)
            if self._may_retry(stage_id, report, report.failure):
                self._retry(running, report, report.failure)
            else:
                running.lost_workers += 1
                self._fail(stage_id, _stage_error(stage_id, report, report.failure))
        if running.ended:
            del self._running[stage_id]
            if stage_id in self._trace.failures:
                self._trace.wasted.extend([*running.wasted, *running.done.values()])
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

    def _retry(self, running: _Running, report: WorkerReport, failure: Failure) -> None:
        task = replace(
            running.tasks[report.worker_id],
            attempt=report.attempt + 1,
            submitted_wall_s=time.time(),
        )
        running.tasks[report.worker_id] = task
        self._engine.tell(
            WorkerRetried(
                self._trace.run_id, task.stage_id, task.worker_id, task.attempt, failure.cause
            )
        )
        self._engine.backend.submit([task])

    def _fail(self, stage_id: str, error: StageFailedError) -> None:
        """Note that a stage failed; its other workers come to their end before it is let go."""
        if stage_id in self._trace.failures:
            return
        self._trace.failures[stage_id] = error
        self._engine.tell(StageFailed(self._trace.run_id, stage_id, error))
        if not self._options.keep_going:
            raise error

    def _finish(self, running: _Running) -> None:
        stage = running.stage
        trace = _stage_trace(running, self._trace.started_wall_s or running.submitted_wall_s)
        if stage.outputs and not trace.outputs():
            names = ", ".join(repr(data.data_id) for data in stage.outputs)
            cause = f"no worker wrote any of its declared outputs ({names})"
            self._trace.wasted.extend(trace.reports)
            self._fail(stage.stage_id, StageFailedError(stage.stage_id, 0, "no_output", cause))
            return
        for data in stage.outputs:
            self._made[data.data_id] = trace.outputs(data.data_id)
        self._trace.stages[stage.stage_id] = trace
        self._engine.tell(StageFinished(self._trace.run_id, trace))


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


def _stage_trace(running: _Running, start_wall_s: float) -> StageTrace:
    reports = tuple(running.done[worker] for worker in sorted(running.done))
    return StageTrace(
        stage_id=running.stage.stage_id,
        requested=running.requested,
        config=replace(running.requested, workers=len(reports), cpu=_held_cpu(reports)),
        reports=reports,
        wasted=tuple(running.wasted),
        submitted_s=running.submitted_wall_s - start_wall_s,
        finished_s=running.finished_wall_s - start_wall_s,
        fan_in=running.fan_in,
        input_bytes=running.inputs.size_bytes,
        gets=sum(len(files) for share in running.inputs.shares for files in share.values()),
    )


def _held_cpu(reports: Sequence[WorkerReport]) -> float:
    """Return the cores that held; of workers that differ, the least: it sets the stage's pace."""
    return min(float(report.limits["cpu"]["held"]) for report in reports)


def _own_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
