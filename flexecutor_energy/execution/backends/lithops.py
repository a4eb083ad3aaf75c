"""Invocations through Lithops: its localhost by default, or any backend it is configured for."""

import copy
import pickle
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle
import lithops

from flexecutor_energy.energy.choice import MeterChoice
from flexecutor_energy.errors import (
    ConfigurationError,
    ExecutionError,
    FlexecutorEnergyError,
    RuntimeMismatchError,
)
from flexecutor_energy.execution.backends import lithops_entry, lithops_files
from flexecutor_energy.execution.backends.lithops_config import configuration, one_line
from flexecutor_energy.execution.backends.runners import (
    RunnerMeter,
    end_runners_of,
    live_runners_of,
    start_no_more,
)
from flexecutor_energy.execution.backends.runtime_check import check_runtime
from flexecutor_energy.execution.examination import HostExamination
from flexecutor_energy.execution.limits import CgroupRoots, remove_stale_groups
from flexecutor_energy.execution.shipping import import_paths
from flexecutor_energy.execution.task import Failure, HostView, WorkerReport, WorkerTask

_POLL_S = 0.01
# the runner leaves a moment after its last status; only then is a missing status a lost task
_GRACE_S = 2.0


@dataclass(slots=True)
class _Job:
    """Tasks that were handed to Lithops in one call."""

    executor: Any
    futures: list[Any]
    pending: dict[Any, WorkerTask]
    ended_s: float | None = None


class LithopsBackend:
    """Runs each batch of tasks as one Lithops job.

    An executor of Lithops' localhost runs one job after another, so a batch that becomes ready
    while another runs gets an executor of its own; idle ones are used again.

    Parameters
    ----------
    config : a Lithops configuration (dict, or path of a file); None lets Lithops find its own
        and means localhost where there is none
    """

    def __init__(self, config: Mapping[str, Any] | str | Path | None = None) -> None:
        self._config = configuration(config)
        self._where = str(self._config["lithops"]["backend"])
        self._executors: list[Any] = []
        self._jobs: list[_Job] = []
        self._meter = RunnerMeter()
        self._invocations_cpu_s = 0.0
        self._checked = False

    @property
    def name(self) -> str:
        """``lithops:`` and the backend that Lithops uses."""
        return f"lithops:{self._where}"

    @property
    def on_this_host(self) -> bool:
        """Whether Lithops runs its workers as processes of this machine."""
        return self._where == "localhost" and Path(self._runtime()).is_absolute()

    def open(self) -> None:
        """Create an executor; ask a runtime that is not this interpreter what it has."""
        if self._executors:
            return
        if self.on_this_host:
            remove_stale_groups(CgroupRoots.of_this_process())
        self._executors.append(self._new_executor())
        try:
            self._ask_runtime()
        except BaseException:
            self.close()
            raise

    def submit(self, tasks: Sequence[WorkerTask]) -> None:
        """Start the tasks as one job."""
        executor = self._idle_executor()
        payloads = [self._payload("report", task) for task in tasks]
        futures = self._map(executor, payloads, max(task.memory_mb for task in tasks))
        self._jobs.append(_Job(executor, futures, dict(zip(futures, tasks, strict=True))))

    def wait(self, timeout_s: float) -> list[WorkerReport]:
        """Return the reports that Lithops has, waiting for the first."""
        deadline = time.monotonic() + timeout_s
        while True:
            for job in self._jobs:
                self._meter.watch(job.executor)
            reports = [report for job in list(self._jobs) for report in self._collect(job)]
            if reports or time.monotonic() >= deadline:
                return reports
            time.sleep(_POLL_S)

    def examine(self, choice: MeterChoice, probes: int = 1) -> list[HostExamination]:
        """Return what functions of one job found, one for each probe.

        Raises
        ------
        ExecutionError
            One did not answer.
        """
        executor = self._idle_executor()
        futures = self._map(executor, [self._payload("examination", choice)] * probes, 0)
        job = _Job(executor, futures, {})
        try:
            while not all(map(_has_ended, futures)):
                if self._runner_is_gone(job):
                    raise ExecutionError("the Lithops runner process ended without a result")
                time.sleep(_POLL_S)
            return [self._examination(future, executor) for future in futures]
        finally:
            self._forget(job)

    def own_cpu_s(self) -> float | None:
        """Return the CPU seconds of Lithops' runners and workers, invocations not included."""
        return self._meter.cpu_s() - self._invocations_cpu_s if self.on_this_host else None

    def cancel(self) -> None:
        """Stop all jobs."""
        self.close()
        self.open()

    def close(self) -> None:
        """Stop all jobs and executors."""
        executors, self._executors = self._executors, []
        jobs, self._jobs = self._jobs, []
        for executor in executors:
            start_no_more(executor)
            end_runners_of(executor)
            executor.__exit__(None, None, None)
        for job in jobs:
            self._forget(job)
        if self._where == "localhost":
            for executor in executors:
                lithops_files.remove_all_of(executor)

    def _new_executor(self) -> Any:
        if self._where == "localhost":
            lithops_files.prepare_folder()
        lithops_files.name_a_session()
        try:
            executor = lithops.FunctionExecutor(config=copy.deepcopy(self._config), log_level=None)
        except Exception as error:  # Lithops raises plain ones
            raise ConfigurationError(
                f"Lithops backend {self._where!r} cannot be used: {one_line(error)}"
            ) from error
        if self._where == "localhost":
            lithops_files.read_whole_statuses(executor)
        return executor

    def _idle_executor(self) -> Any:
        busy = {id(job.executor) for job in self._jobs}
        for executor in self._executors:
            if id(executor) not in busy and not live_runners_of(executor):
                return executor
        self._executors.append(self._new_executor())
        return self._executors[-1]

    def _payload(self, asked: str, subject: WorkerTask | MeterChoice) -> bytes:
        paths = import_paths() if self.on_this_host else []
        return pickle.dumps((paths, asked, pickle.dumps(subject, protocol=5)))

    def _map(self, executor: Any, payloads: list[bytes], memory_mb: int) -> list[Any]:
        extra: dict[str, Any] = {}
        if self._where != "localhost" and memory_mb:
            extra["runtime_memory"] = memory_mb
        cloudpickle.register_pickle_by_value(lithops_entry)
        try:
            return list(
                executor.map(lithops_entry.invoke, payloads, include_modules=None, **extra)
            )
        except Exception as error:  # Lithops raises plain ones
            raise ExecutionError(
                f"Lithops backend {self._where!r} could not start a job: {one_line(error)}"
            ) from error
        finally:
            cloudpickle.unregister_pickle_by_value(lithops_entry)

    def _collect(self, job: _Job) -> list[WorkerReport]:
        reports = [
            self._report(future, job.pending.pop(future), job.executor)
            for future in [future for future in job.pending if _has_ended(future)]
        ]
        if job.pending and not reports:
            reports = self._lost(job)
        if not job.pending:
            self._jobs.remove(job)
            self._forget(job)
        return reports

    def _forget(self, job: _Job) -> None:
        """Drop a finished job's data: on localhost nothing else does, and it holds credentials."""
        executor = job.executor
        executor.job_monitor.remove(job.futures)  # these hold every result
        executor.futures.clear()
        if self._where == "localhost":
            lithops_files.remove_data_of(executor, job.futures)

    def _report(self, future: Any, task: WorkerTask, executor: Any) -> WorkerReport:
        try:
            answer = future.result(internal_storage=executor.internal_storage)
        except Exception as error:  # noqa: BLE001 - Lithops raises whatever its worker died of
            return _failed(task, Failure("lost", f"Lithops: {one_line(error)}"))
        if answer is None or "report" not in answer:
            problem = (answer or {}).get("problem", "no answer")
            return _failed(task, Failure("lost", f"the runtime cannot run workers: {problem}"))
        report: WorkerReport = pickle.loads(answer["report"])
        self._invocations_cpu_s += report.total_cpu_s or 0.0
        return report

    def _lost(self, job: _Job) -> list[WorkerReport]:
        """Report the tasks of a job whose runner process has died without a word."""
        if not self._runner_is_gone(job):
            return []
        failure = Failure("lost", "the Lithops runner process ended without a result")
        reports = [_failed(task, failure) for task in job.pending.values()]
        job.pending.clear()
        return reports

    def _runner_is_gone(self, job: _Job) -> bool:
        """Tell whether a job's runner on this host has ended, with time for its last words."""
        if not self.on_this_host or live_runners_of(job.executor):
            job.ended_s = None
            return False
        now = time.monotonic()
        job.ended_s = job.ended_s or now
        return now - job.ended_s >= _GRACE_S

    def _examination(self, future: Any, executor: Any) -> HostExamination:
        try:
            answer = future.result(internal_storage=executor.internal_storage)
        except Exception as error:  # Lithops raises whatever its worker died of
            raise ExecutionError(f"a worker could not be examined: {one_line(error)}") from error
        found: HostExamination = pickle.loads(answer["examination"])
        return found

    def _ask_runtime(self) -> None:
        """Have the runtime answer before any stage runs: its first answer takes a while."""
        executor = self._executors[0]
        futures: list[Any] = []
        try:
            if self._where == "localhost":
                executor.invoker.select_runtime("", None)
            if not self._checked and self._runtime() != sys.executable:
                futures = self._map(executor, [b""], 0)
                answer = executor.get_result(futures, show_progressbar=False)
                found = answer[0] if isinstance(answer, list) else answer
                check_runtime(found or {}, self._runtime(), self._where)
        except FlexecutorEnergyError:
            raise
        except Exception as error:  # Lithops raises plain ones
            raise RuntimeMismatchError(
                f"the runtime {self._runtime()!r} of Lithops backend {self._where!r} does not "
                f"work: {one_line(error)}"
            ) from error
        finally:
            self._forget(_Job(executor, futures, {}))
        self._checked = True

    def _runtime(self) -> str:
        return str(self._config.get(self._where, {}).get("runtime", ""))


def _has_ended(future: Any) -> bool:
    return bool(future.ready or future.success or future.done or future.error)


def _failed(task: WorkerTask, failure: Failure) -> WorkerReport:
    return WorkerReport(task.task_id, task.worker_id, task.attempt, failure, HostView.unknown())
