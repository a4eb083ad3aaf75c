"""The course of a run, against a backend that answers what a test tells it to."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from flexecutor_energy.errors import StageFailedError
from flexecutor_energy.execution.engine import RunOptions
from flexecutor_energy.execution.task import Clock, Failure, HostView, WorkerReport, WorkerTask
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workflow.context import StageContext
from flexecutor_energy.workflow.stage import Stage
from tests.execution_support import Runner, folder_store

Answer = Callable[[WorkerTask], list[WorkerReport]]


def nothing(context: StageContext) -> None:
    """Do nothing."""


def report(task: WorkerTask, failure: str | None = None, cpu_s: float = 1.0) -> WorkerReport:
    at = task.submitted_wall_s
    clocks = tuple(Clock(at + n, at + n, cpu_s * n / 3) for n in range(4))
    return WorkerReport(
        task.task_id,
        task.worker_id,
        task.attempt,
        Failure(failure, "on purpose") if failure else None,
        HostView.unknown(),
        clocks=clocks,
        submitted_wall_s=at,
        total_cpu_s=cpu_s,
        limits={"cpu": {"held": 0.5 + task.worker_id}},
    )


class ScriptedBackend:
    """Answers each task by what ``answer`` says, in one batch a submission."""

    name = "scripted"
    on_this_host = True

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.submitted: list[list[str]] = []
        self.cancelled = 0
        self._waiting: list[WorkerReport] = []

    def open(self) -> None:
        pass

    def submit(self, tasks: Sequence[WorkerTask]) -> None:
        self.submitted.append([task.task_id for task in tasks])
        for task in tasks:
            self._waiting.extend(self._answer(task))

    def wait(self, timeout_s: float) -> list[WorkerReport]:
        reports, self._waiting = self._waiting, []
        return reports

    def own_cpu_s(self) -> float | None:
        return None

    def cancel(self) -> None:
        self.cancelled += 1

    def close(self) -> None:
        pass


def runner(answer: Answer, tmp_path: Path) -> tuple[Runner, ScriptedBackend]:
    backend = ScriptedBackend(answer)
    return Runner(backend, folder_store(tmp_path)), backend


def test_stages_that_are_ready_together_share_one_submission(tmp_path: Path) -> None:
    a, b, c = (Stage(name, nothing) for name in "abc")
    [a, b] >> c
    running, backend = runner(lambda task: [report(task)], tmp_path)
    running.run([a, b, c], StageConfig(1, 2))
    assert backend.submitted == [["a/0/1", "a/1/1", "b/0/1", "b/1/1"], ["c/0/1", "c/1/1"]]


def test_reports_of_older_attempts_are_ignored(tmp_path: Path) -> None:
    def answer(task: WorkerTask) -> list[WorkerReport]:
        if task.attempt == 1:
            # the attempt is given up, and then turns out to have come to its end
            return [report(task, "lost"), report(task, cpu_s=99.0)]
        return [report(task)]

    running, _ = runner(answer, tmp_path)
    trace = running.run([Stage("a", nothing)])
    (kept,) = trace.stages["a"].reports
    assert (kept.attempt, kept.total_cpu_s) == (2, 1.0)
    assert len(trace.stages["a"].wasted) == 1


def test_reports_of_strange_tasks_are_ignored(tmp_path: Path) -> None:
    def answer(task: WorkerTask) -> list[WorkerReport]:
        strange = WorkerReport("other/0/1", 0, 1, None, HostView.unknown())
        return [strange, report(task)]

    running, _ = runner(answer, tmp_path)
    assert set(running.run([Stage("a", nothing)]).stages) == {"a"}


def test_the_workers_whose_cores_held_least_set_the_stages_cpu(tmp_path: Path) -> None:
    running, _ = runner(lambda task: [report(task)], tmp_path)
    trace = running.run([Stage("a", nothing)], StageConfig(2, 3, 512))
    assert trace.stages["a"].config == StageConfig(0.5, 3, 512)
    assert trace.stages["a"].requested == StageConfig(2, 3, 512)


def test_a_stage_ends_when_its_last_worker_does(tmp_path: Path) -> None:
    running, _ = runner(lambda task: [report(task)], tmp_path)
    trace = running.run([Stage("a", nothing)])
    assert trace.makespan_s == pytest.approx(3.0, abs=0.01)
    assert trace.backend_cpu_s is None  # what cannot be seen is not 0


def test_a_worker_is_tried_as_often_as_allowed(tmp_path: Path) -> None:
    running, backend = runner(lambda task: [report(task, "raised")], tmp_path)
    with pytest.raises(StageFailedError, match="after 4 attempts") as caught:
        running.run([Stage("a", nothing)], options=RunOptions(retries=3))
    assert backend.submitted == [["a/0/1"], ["a/0/2"], ["a/0/3"], ["a/0/4"]]
    assert caught.value.attempts == 4
    assert backend.cancelled == 1


def test_the_other_workers_of_a_failed_stage_are_not_tried_again(tmp_path: Path) -> None:
    def answer(task: WorkerTask) -> list[WorkerReport]:
        return [report(task, "timeout" if task.worker_id == 0 else "raised")]

    running, backend = runner(answer, tmp_path)
    options = RunOptions(retries=3, keep_going=True)
    trace = running.run([Stage("a", nothing), Stage("b", nothing)], StageConfig(1, 2), options)
    assert {name: error.kind for name, error in trace.failures.items()} == {
        "a": "timeout",
        "b": "timeout",
    }
    assert len(backend.submitted) == 1
    assert len(trace.wasted) == 4
