"""How far runs may be from predictions: near what was measured, far from it, without repeats."""

import numpy as np
import pytest

from flexecutor_energy.prediction import train_profiles
from flexecutor_energy.prediction.anchors import NOISE, Scatter
from flexecutor_energy.prediction.doubt import Doubt, doubts
from flexecutor_energy.prediction.rows import Rows
from flexecutor_energy.prediction.stage_model import StageModel
from flexecutor_energy.workflow.config import StageConfig
from tests.unit.prediction_profiles import grid, made_profile


def trained(reps: int, noise: float, seed: int = 0) -> StageModel:
    profile = made_profile(grid(), stage="s", reps=reps, noise=noise, seed=seed)
    return train_profiles({"s": profile}, {}, dag="d")[0].stages["s"]


@pytest.fixture(scope="module")
def stage() -> StageModel:
    return trained(reps=4, noise=0.05)


def row(cpu: float, workers: int) -> Rows:
    return Rows.of([StageConfig(cpu, workers, 1024)])


def test_the_further_from_what_was_measured_the_wider(stage: StageModel) -> None:
    doubt = Doubt(stage, "time", "provisioned", NOISE)
    near, between, far = (
        np.std(np.log(doubt.ratios(row(cpu, workers))))
        for cpu, workers in ((1, 2), (1.4, 3), (16, 64))
    )
    assert near < between < far


def test_where_it_was_measured_the_deviations_are_those_of_repetitions(stage: StageModel) -> None:
    ratios = Doubt(stage, "time", "provisioned", NOISE).ratios(row(1, 2))
    assert np.std(np.log(ratios)) == pytest.approx(0.05, rel=0.5)
    assert len(ratios) == len(stage.runs.run_ids)


def test_energy_and_cost_have_deviations_of_their_own(stage: StageModel) -> None:
    for metric in ("energy", "cost"):
        ratios = Doubt(stage, metric, "provisioned", NOISE).ratios(row(1, 2))
        assert np.all(ratios > 0)


def test_the_scatter_of_runs_is_told_apart_from_that_of_conditions() -> None:
    runs = np.array([1.0, 1.1, 50.0, 55.0, np.nan])
    scatter = Scatter.of(runs, np.array([0, 0, 1, 1, 1]))
    assert scatter.freedom == 2
    assert scatter.squares == pytest.approx(np.log(1.1) ** 2)
    assert scatter.deviation(NOISE) == pytest.approx(
        np.sqrt((3 * NOISE**2 + np.log(1.1) ** 2) / 5)
    )


def test_noise_of_a_stage_without_repetitions_is_that_of_the_others() -> None:
    once = trained(reps=1, noise=0.05)
    loud = trained(reps=8, noise=0.3, seed=1)
    alone = doubts({"once": once}, "time", "provisioned")["once"]
    beside = doubts({"once": once, "loud": loud}, "time", "provisioned")["once"]
    shares = []
    for doubt in (alone, beside):
        near, far = (np.std(np.log(doubt.ratios(at))) for at in (row(1, 2), row(16, 64)))
        shares.append(near / far)
    assert shares[1] > 1.2 * shares[0]  # a measurement that may be noise settles less
