import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dags import ml
from dags.ml import digits, stages
from dags.ml.digits import Knobs
from dags.ml.oracle import accuracy_floor
from flexecutor_energy.errors import ConfigurationError
from tests.unit.dag_runs import assert_refused

TINY = {"rows": 600, "boosters": 4, "rounds": 3, "components": 12}


@pytest.fixture(scope="module")
def sound() -> dict[str, Any]:
    return ml.native(TINY)


@pytest.mark.parametrize(("size", "accuracy"), [("small", 0.93), ("medium", 0.96)])
def test_each_size_reaches_the_accuracy_asked_of_it(size: str, accuracy: float) -> None:
    found = ml.native(size)
    assert found["accuracy"] >= accuracy
    ml.check(found, size)


def test_the_workflow_has_the_shape_of_jolteons() -> None:
    edges = set(ml.build().edges)
    assert edges == {
        ("pca", "train"),
        ("pca", "aggregate"),
        ("pca", "test"),
        ("train", "aggregate"),
        ("aggregate", "test"),
    }


LEAN_IMPORT = """
import runpy, sys

lean_lightgbm = runpy.run_path(sys.argv[1])["lean_lightgbm"]
lean = lean_lightgbm()
assert lean.Booster and lean.Dataset and lean.train
for package in ("sklearn", "pandas", "lightgbm"):
    assert package not in sys.modules, package

import lightgbm
from sklearn.base import BaseEstimator

assert issubclass(lightgbm.LGBMClassifier, BaseEstimator)
assert lean_lightgbm() is lightgbm
"""


def test_importing_lightgbm_lean_loads_no_scikit_learn_and_leaves_no_trace() -> None:
    command = [sys.executable, "-c", LEAN_IMPORT, stages.__file__]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_digits_read_from_the_file_are_those_of_scikit_learn(tmp_path: Path) -> None:
    direct = digits.all_digits(digits._shipped_file())
    documented = digits.all_digits(tmp_path / "digits kept elsewhere")
    assert direct.shape == (1797, 65)
    assert np.array_equal(direct, documented)


def test_held_out_images_are_not_trained_on() -> None:
    drawn = digits.training_set(1347)
    held_out = digits.held_out_set()
    together = np.vstack([drawn, held_out])
    everything = digits.all_digits(digits._shipped_file())
    assert np.array_equal(np.unique(together, axis=0), np.unique(everything, axis=0))
    assert len(together) == len(everything)


def test_the_training_set_grows_by_shifted_images() -> None:
    table = digits.training_set(4041)
    images = table[:, :64].reshape(3, 1347, 8, 8)
    assert np.array_equal(images[1][:, :, 1:], images[0][:, :, :-1])
    assert np.array_equal(images[2][:, :, :-1], images[0][:, :, 1:])
    assert not images[1][:, :, 0].any()
    assert np.array_equal(table[1347:2694, 64], table[:1347, 64])
    assert np.array_equal(digits.training_set(2000), table[:2000])
    assert len(np.unique(digits.training_set(12_123)[:, :64], axis=0)) > 12_000


def test_principal_components_are_those_of_scikit_learn() -> None:
    from sklearn.decomposition import PCA

    images = digits.training_set(1000)[:, :-1]
    mean, components = stages.principal_components(images, 12)
    reference = PCA(12, svd_solver="full").fit(images)
    assert np.allclose(mean, reference.mean_)
    assert np.allclose(np.abs(np.sum(components.T * reference.components_, axis=1)), 1.0)
    features = stages.projected(images, mean, components)
    expected = reference.explained_variance_
    assert np.allclose(features.var(axis=0, ddof=1), expected, rtol=1e-4)


def test_a_missing_booster_is_not_passed_over() -> None:
    votes = np.zeros((450, 10))
    with pytest.raises(ValueError, match=r"no opinions arrived of boosters \[1\]"):
        stages.verdict({0: ("a", votes), 2: ("b", votes)}, 3, np.zeros(450, dtype=np.uint8))


def test_a_model_of_unknown_settings_is_refused() -> None:
    lightgbm = stages.lean_lightgbm()
    features = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    labels = np.arange(200) % 10
    text = stages.booster_text(lightgbm, features, labels, 3, 1)
    number, digest, votes = stages.booster_opinion(lightgbm, text, features)
    assert (number, len(digest), votes.shape) == (3, 64, (200, 10))
    bare = text.partition("\nparameters:")[0]
    with pytest.raises(ValueError, match="whose it is"):
        stages.booster_opinion(lightgbm, bare, features)


def test_larger_models_must_be_more_accurate() -> None:
    sizes = [(12_123, 8, 30), (4_041, 8, 10), (4_041, 8, 9), (1_000, 8, 10)]
    floors = [accuracy_floor(Knobs(rows, boosters, rounds)) for rows, boosters, rounds in sizes]
    assert floors[:2] == [0.96, 0.93]
    assert floors == sorted(floors, reverse=True)


def _relabelled(answer: dict[str, Any], label: Any) -> dict[str, Any]:
    answer["predicted"][0] = label
    return answer


def _with_model(answer: dict[str, Any], digest: Any) -> dict[str, Any]:
    answer["models"][0] = digest
    return answer


SPOILED: dict[str, tuple[Any, str]] = {
    "accuracy is perfect": (lambda a: a | {"accuracy": 1.0}, r"accuracy 1.0 does not follow"),
    "accuracy above one": (lambda a: a | {"accuracy": 2.0, "correct": 900}, r"900 of 450 images"),
    "a label fewer": (lambda a: a | {"predicted": a["predicted"][1:]}, r"449 images were told"),
    "a wrong label under the old accuracy": (
        lambda a: _relabelled(a, (a["predicted"][0] + 1) % 10),
        r"images are said to be told right",
    ),
    "a label is ten": (lambda a: _relabelled(a, 10), r"label of image 0 is 10"),
    "no booster": (lambda a: a | {"models": []}, r"no booster took part"),
    "a checksum is short": (lambda a: _with_model(a, "abc"), r"checksum of booster 0 is 'abc'"),
    "a booster twice": (lambda a: _with_model(a, a["models"][1]), r"two boosters are the same"),
}


@pytest.mark.parametrize(("spoil", "problem"), SPOILED.values(), ids=SPOILED.keys())
def test_a_wrong_answer_fails_and_is_not_the_same(
    spoil: Any, problem: str, sound: dict[str, Any]
) -> None:
    assert_refused(ml, spoil(copy.deepcopy(sound)), sound, TINY, problem)


def test_another_model_is_another_answer(sound: dict[str, Any]) -> None:
    assert not ml.same(_with_model(copy.deepcopy(sound), "0" * 64), sound)


def test_honest_but_poor_predictions_fail(sound: dict[str, Any]) -> None:
    zeros = [0] * 450
    correct = int((digits.held_out_set()[:, -1] == 0).sum())
    poor = sound | {"predicted": zeros, "correct": correct, "accuracy": correct / 450}
    with pytest.raises(AssertionError, match=r"accuracy 0\.\d+ is below"):
        ml.check(poor, TINY)


@pytest.mark.parametrize("size", [{"rows": 0}, {"rows": 99_999}, {"components": 65}])
def test_knobs_that_do_not_go_together_are_refused(size: Any) -> None:
    with pytest.raises(ConfigurationError):
        ml.build(size)
