"""How far a prediction trusts what was measured under the same conditions."""

import numpy as np
import pytest

from flexecutor_energy.prediction.anchors import (
    Anchors,
    Scatter,
    Trust,
    no_anchors,
    places_of,
    repeated_prediction,
)
from flexecutor_energy.prediction.rows import Rows


def drawn(model: float, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return runs, predictions and conditions with known deviations in logarithms."""
    generator = np.random.default_rng(1)
    conditions = np.repeat(np.arange(400), 3)
    off = generator.normal(0, model, 400)[conditions] + generator.normal(0, noise, 1200)
    return 7.0 * np.exp(off), np.full(1200, 7.0), conditions


@pytest.mark.parametrize(("model", "noise"), [(0.3, 0.05), (0.1, 0.1), (0.02, 0.2)])
def test_both_variances_are_found(model: float, noise: float) -> None:
    trust = Trust.of(*drawn(model, noise))
    assert trust.noise == pytest.approx(noise**2, rel=0.15)
    assert trust.model == pytest.approx(model**2, rel=0.25, abs=0.002)


def test_more_runs_are_trusted_more() -> None:
    trust = Trust(model=0.04, noise=0.04)
    assert trust.weight(np.array([0.0, 1.0, 3.0])) == pytest.approx([0.0, 0.5, 0.75])


def test_without_repetitions_half_of_the_error_is_taken_for_noise() -> None:
    trust = Trust.of(np.array([1.0, 2.0]), np.array([1.5, 1.5]), np.array([0, 1]))
    assert trust.weight(np.array([1.0])) == [0.5]


def test_noise_of_the_other_stages_tells_how_far_to_trust_a_single_run() -> None:
    runs = np.array([1.0, 2.0]), np.array([1.5, 1.5]), np.array([0, 1])
    weights = [
        Trust.of(*runs, Scatter(100 * noise**2, 100)).weight(np.array([1.0]))[0]
        for noise in (0.01, 0.1, 0.3)
    ]
    assert weights[0] > 0.95
    assert weights == sorted(weights, reverse=True)
    assert weights[-1] < 0.5


def test_models_that_are_right_leave_nothing_to_correct() -> None:
    runs = np.array([0.9, 1.1, 1.9, 2.1])
    trust = Trust.of(runs, np.array([1.0, 1.0, 2.0, 2.0]), np.array([0, 0, 1, 1]))
    assert trust.model == 0.0
    assert trust.weight(np.array([5.0])) == [0.0]


def rows() -> Rows:
    return Rows(np.array([1.0, 2.0]), np.array([512.0, 512.0]), np.array([4.0, 4.0]))


def anchors() -> Anchors:
    means, weights = {"time": np.array([8.0, np.nan])}, {"time": np.array([0.5, 0.5])}
    return Anchors(places_of(rows()), np.array([3, 4]), means, weights)


def test_values_are_drawn_towards_the_measured_mean_in_logarithms() -> None:
    known = anchors()
    found = known.find(rows())
    assert found.tolist() == [0, 1]
    assert known.pull("time", np.array([2.0, 2.0]), found) == pytest.approx([4.0, 2.0])
    assert known.pull("energy", np.array([2.0, 2.0]), found).tolist() == [2.0, 2.0]


def test_a_held_out_group_is_forgotten() -> None:
    assert anchors().find(rows(), without=3).tolist() == [-1, 1]
    assert no_anchors().find(rows(), without=3).tolist() == [-1, -1]


def test_a_run_is_predicted_from_the_other_runs_of_its_condition() -> None:
    runs = np.array([2.0, 4.0, 4.0, 9.0, np.nan])
    conditions = np.array([0, 0, 0, 1, 0])
    sure = Trust(model=1.0, noise=0.0)
    repeated = repeated_prediction(runs, np.full(5, 3.0), conditions, sure)
    assert repeated[:3] == pytest.approx([4.0, 3.0, 3.0])
    assert np.isnan(repeated[3:]).all()
