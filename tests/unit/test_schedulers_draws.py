"""Imagined runs: held-out errors of measured runs on every candidate."""

import numpy as np
import pytest

from flexecutor_energy.optimization.schedulers import drawn_times
from flexecutor_energy.optimization.table import Candidate, StageOptions, Table
from flexecutor_energy.prediction import WorkflowModel, train_profiles
from flexecutor_energy.prediction.scenarios import stage_scenarios
from flexecutor_energy.quantities import Interval
from flexecutor_energy.workflow.config import StageConfig
from tests.unit.prediction_profiles import grid, made_profile, trained_reference

SIZES = (StageConfig(1.0, 8, 1792), StageConfig(2.0, 4, 3584))


@pytest.fixture(scope="module")
def model() -> WorkflowModel:
    return trained_reference("jolteon_ml")[0]


def options(stage: str, fan_in: dict[str, int] | None) -> StageOptions:
    return StageOptions(
        stage,
        tuple(
            Candidate(c.cpu, c.memory, c.workers, Interval.exact(1.0), fan_in=fan_in)
            for c in SIZES
        ),
    )


@pytest.fixture(scope="module")
def table() -> Table:
    return (options("stage1", None), options("stage2", {"stage1": 8}))


def expected(model: WorkflowModel, table: Table) -> list[np.ndarray]:
    siblings = list(model.stages.values())
    return [
        np.column_stack(
            [
                stage_scenarios(
                    model.stage(own.stage_id), c.config, c.fan_in or {}, siblings
                ).drawn["time"]
                for c in own.candidates
            ]
        )
        for own in table
    ]


def test_all_stages_of_a_draw_come_from_one_measured_run(
    model: WorkflowModel, table: Table
) -> None:
    first, second = drawn_times(model, table, count=40, seed=3)
    assert first.shape == second.shape == (40, 2)
    runs = np.hstack(expected(model, table))
    for row in np.hstack([first, second]):
        assert np.any(np.all(np.isclose(runs, row), axis=1))
    assert len(np.unique(first, axis=0)) > 10


def test_draws_are_the_same_for_the_same_seed(model: WorkflowModel, table: Table) -> None:
    first, again, other = (drawn_times(model, table, 20, seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_stages_without_runs_in_common_are_drawn_by_themselves() -> None:
    stages = ("a", "b")
    profiles = {
        stage: made_profile(grid(), stage=stage, reps=1, seed=seed, run_ids=False)
        for seed, stage in enumerate(stages)
    }
    model, _ = train_profiles(profiles, {"b": ["a"]}, dag="dag")
    size = StageConfig(1, 2, 1024)
    table = tuple(
        StageOptions(s, (Candidate(size.cpu, 1024, 2, Interval.exact(1.0)),)) for s in stages
    )
    first, second = drawn_times(model, table, count=200, seed=0)
    pairs = np.unique(np.hstack([first, second]), axis=0)
    assert len(pairs) > len(profiles["a"].runs)
