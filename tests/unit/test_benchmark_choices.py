"""The choices that are measured beside the energy plan, from predictions of made profiles."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.choices import PLAN, Deadline, best, choices
from benchmarks.shipped import DEFAULT, SPACE, Shipped
from flexecutor_energy import DAG, ConfigSpace, Stage, StageConfig
from flexecutor_energy.records.store import ProfileStore
from flexecutor_energy.workflow.context import StageContext
from tests.unit.prediction_profiles import made_profile


def nothing(context: StageContext) -> None:
    del context


def trained(folder: Path) -> DAG:
    """Return a workflow of one stage, with predictors of the made law."""
    dag = DAG("made", workspace=folder).add_stages([Stage("stage", nothing)])
    profile = made_profile(list(SPACE), reps=4)
    for run in profile.runs:
        ProfileStore(dag.workspace).add_run("made", "stage", run)
    dag.train()
    return dag


def shipped(dag: DAG) -> Shipped:
    unused: Any = None
    return Shipped("made", unused, dag, unused, "small")


def test_plans_promise_the_deadline_where_runs_are_alike(tmp_path: Path) -> None:
    dag = trained(tmp_path)
    deadline, found = choices(shipped(dag))
    fastest = dag.optimize("time", space=SPACE)
    assert deadline.confidence == 0.95
    assert deadline.seconds == pytest.approx(1.2 * fastest.time.mean)
    assert list(found) == [PLAN, "fastest", "default", "uniform", "cost"]
    assert found[PLAN].energy_j <= found["fastest"].energy_j
    assert found["default"].configs == {"stage": DEFAULT}
    assert found["uniform"].like == PLAN  # one stage: all its plans are uniform


def test_a_deadline_without_a_promise_is_kept_by_the_mean(tmp_path: Path) -> None:
    dag = trained(tmp_path)
    seconds = 1.2 * dag.optimize("time", space=SPACE).time.mean
    expected = {config: dag.predict({"stage": config}) for config in SPACE}
    energy = {
        config: prediction.energy.mean
        for config, prediction in expected.items()
        if prediction.energy is not None and prediction.time.mean <= seconds
    }
    assert 1 < len(energy) < len(expected)
    found = best(dag, "energy", Deadline(seconds, None))
    assert found == {"stage": min(energy, key=energy.__getitem__)}


def test_a_deadline_that_nothing_keeps_has_no_plan(tmp_path: Path) -> None:
    dag = trained(tmp_path)
    for confidence in (0.95, None):
        assert best(dag, "energy", Deadline(0.01, confidence)) is None
    one = ConfigSpace.of([StageConfig(1, 1, 1024)])
    assert best(dag, "energy", Deadline(1e6, 0.5), one) == {"stage": StageConfig(1, 1, 1024)}


def test_a_stage_gets_no_more_workers_than_it_can_have(tmp_path: Path) -> None:
    stages = [Stage("many", nothing), Stage("one", nothing, max_concurrency=1)]
    work = shipped(DAG("made", workspace=tmp_path).add_stages(stages))
    everywhere = work.everywhere(StageConfig(0.5, 4, 512))
    assert {name: own.workers for name, own in everywhere.items()} == {"many": 4, "one": 1}
