"""A sweep whose surroundings fail keeps what it measured, and leaves nothing in the store."""

import os
import signal
import time
from pathlib import Path

import pytest

from flexecutor_energy.errors import StageFailedError
from flexecutor_energy.execution.backends.local import LocalBackend
from flexecutor_energy.execution.engine import RunOptions
from flexecutor_energy.execution.session import Session
from flexecutor_energy.profiling.budget import Budget
from flexecutor_energy.profiling.schedule import Schedule
from flexecutor_energy.profiling.sweep import Sweep
from flexecutor_energy.records.store import ProfileStore
from flexecutor_energy.storage.select import open_storage
from flexecutor_energy.workflow.config import ConfigSpace
from flexecutor_energy.workflow.context import StageContext
from flexecutor_energy.workflow.data import FlexData
from flexecutor_energy.workflow.graph import StageGraph
from flexecutor_energy.workflow.stage import Stage
from flexecutor_energy.workspace import Workspace


def write(context: StageContext) -> None:
    Path(context.next_output_path("middle")).write_text("x")


def refuse(context: StageContext) -> None:
    raise ValueError("never works")


def lose_the_supervisor(context: StageContext) -> None:
    time.sleep(0.3)  # the other stages have ended by then
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


def test_a_run_whose_workers_are_lost_ends_the_sweep_but_not_its_records(tmp_path: Path) -> None:
    first = Stage("first", write, outputs=[FlexData("middle")])
    bad, lost = Stage("bad", refuse), Stage("lost", lose_the_supervisor)
    first >> [bad, lost]
    graph = StageGraph("g").add_stages([first, bad, lost])
    space = ConfigSpace(cpu=[1], workers=[1, 2])
    workspace = Workspace(tmp_path)
    hashes = {stage_id: {"code_hash": "c", "input_hash": "i"} for stage_id in graph.stage_ids}
    backend = LocalBackend()
    backend.open()
    try:
        with open_storage("file", workspace) as storage:
            session = Session(storage, backend, workspace)
            sweep = Sweep(graph, Schedule(graph, space, 1, {}), session, hashes)
            with pytest.raises(StageFailedError, match="'lost'") as caught:
                sweep.run(Budget(), RunOptions(retries=0, keep_going=True))
            assert storage.store.list(storage.bucket, "middle/") == []
    finally:
        backend.close()
    assert caught.value.by_surroundings
    profiles = ProfileStore(workspace)
    (run,) = profiles.load("g", "first").runs
    assert run.cpu_time_s is not None
    assert run.requests == (run.config.workers, 0)  # each writes one object, and reads nothing
    assert [f.reason for f in profiles.load("g", "bad").failures] == [
        "raised: ValueError: never works"
    ]
    assert profiles.load("g", "lost").failures == ()  # says nothing about the configuration
    assert (
        "'lost', worker 0 failed"
        in next(tmp_path.glob("runs/g/*/logs/lost-failed.log")).read_text()
    )
