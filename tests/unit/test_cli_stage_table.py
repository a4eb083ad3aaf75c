"""The stages of a run as they go on: moving on a terminal, lines elsewhere, silence if asked."""

from io import StringIO
from typing import Any, cast

import pytest
from rich.console import Console

from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.stage_table import RunView
from flexecutor_energy.errors import StageFailedError
from flexecutor_energy.execution.events import (
    StageFailed,
    StageFinished,
    StageStarted,
    WorkerFinished,
    WorkerRetried,
)
from flexecutor_energy.execution.run import DAGRun, StageOutcome
from flexecutor_energy.execution.trace import StageTrace
from flexecutor_energy.workflow.config import StageConfig

CONFIG = StageConfig(1, 2)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def trace(stage_id: str, seconds: float) -> StageTrace:
    return StageTrace(stage_id, CONFIG, CONFIG, (), (), 1.0, 1.0 + seconds, {}, 0, 0)


def run_of(joules: dict[str, float | None]) -> DAGRun:
    stages = {
        stage_id: StageOutcome(stage_id, CONFIG, 1.0, energy, 0.0, 0.0, 1.0, ())
        for stage_id, energy in joules.items()
    }
    unused = cast(Any, None)
    return DAGRun("id", "d", "local", 1.0, None, 0.0, stages, {}, unused, unused, unused)


def rows(view: RunView) -> list[list[str]]:
    """Return the cells of the table as it stands."""
    text = StringIO()
    Console(file=text, width=80).print(view.picture())
    return [line.split() for line in text.getvalue().splitlines()[2:] if line.strip()]


def terminal(*, quiet: bool = False) -> tuple[Show, StringIO]:
    show, text = Show(quiet=quiet), StringIO()
    show.err = Console(file=text, force_terminal=True, width=80, markup=False, highlight=False)
    return show, text


def test_a_stage_waits_runs_and_is_done() -> None:
    clock = Clock()
    view = RunView(Show(), ["count", "add"], clock)
    assert rows(view) == [["count", "waiting"], ["add", "waiting"]]
    view.told(StageStarted("id", "count", CONFIG))
    view.told(WorkerFinished("id", "count", 1))
    clock.now = 3.0
    assert rows(view)[0] == ["count", "running", "1/2", "3", "s"]
    view.told(WorkerFinished("id", "count", 0))
    view.told(StageFinished("id", trace("count", 2.5)))
    clock.now = 9.0
    assert rows(view) == [["count", "done", "2/2", "2.5", "s"], ["add", "waiting"]]


def test_a_stage_that_failed_keeps_its_time() -> None:
    clock = Clock()
    view = RunView(Show(), ["count"], clock)
    view.told(StageStarted("id", "count", CONFIG))
    clock.now = 1.5
    view.told(StageFailed("id", "count", StageFailedError("count", 1, "raised", "7")))
    clock.now = 5.0
    assert rows(view) == [["count", "FAILED", "0/2", "1.5", "s"]]


def test_joules_appear_when_they_are_known() -> None:
    view = RunView(Show(), ["count", "add"])
    for stage_id in ("count", "add"):
        view.told(StageStarted("id", stage_id, CONFIG))
        view.told(StageFinished("id", trace(stage_id, 2.0)))
    view.finished(run_of({"count": 12.0, "add": None}))
    assert [row[-2:] for row in rows(view)] == [["12", "J"], ["s", "unmeasured"]]


def test_a_terminal_gets_one_table_and_keeps_what_went_wrong() -> None:
    show, text = terminal()
    with RunView(show, ["count"]) as view:
        view.told(StageStarted("id", "count", CONFIG))
        view.told(WorkerRetried("id", "count", 1, 2, "ValueError: 7"))
        view.told(StageFinished("id", trace("count", 2.0)))
    shown = text.getvalue()
    assert "worker 1 failed and is tried again (ValueError: 7)" in shown
    assert "count: started" not in shown
    assert "done" in shown.splitlines()[-2]  # the cursor comes back after it


def test_elsewhere_events_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with RunView(Show(), ["count"]) as view:
        view.told(StageStarted("id", "count", CONFIG))
        view.told(StageFinished("id", trace("count", 2.0)))
    assert capsys.readouterr().err.splitlines() == [
        "count: started, 2 workers × 1 cpu × no memory limit",
        "count: finished after 2 s",
    ]


def test_where_only_results_are_wanted_nothing_is_shown() -> None:
    show, text = terminal(quiet=True)
    with RunView(show, ["count"]) as view:
        view.told(StageStarted("id", "count", CONFIG))
        view.told(StageFailed("id", "count", StageFailedError("count", 1, "raised", "7")))
    assert text.getvalue() == ""
