"""The ML workflow, its inputs, its answer, and the same computation in one process."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dags.answers import FinishedRun, final_answer
from dags.inputs import InputSet, upload_once
from dags.ml import digits, stages
from dags.ml.digits import PRESETS, Knobs
from dags.sizes import Size, resolve
from flexecutor_energy import DAG, FlexData, ReadStrategy, Stage
from flexecutor_energy.errors import MissingExtraError


def build(size: Size = "small", workspace: Path | str | None = None) -> DAG:
    """Return the workflow pca → train → aggregate → test, with pca before all.

    Raises
    ------
    MissingExtraError
        LightGBM is not installed.
    """
    knobs = resolve(size, PRESETS)
    _require_lightgbm()
    pca, train, aggregate, test = _stages(knobs)
    pca >> [train, aggregate, test]
    train >> aggregate >> test
    dag = DAG("ml", workspace=workspace)
    dag.add_stages([pca, train, aggregate, test])
    return dag


def prepare(
    size: Size = "small", workspace: Path | str | None = None, storage: Any = None
) -> None:
    """Upload the training and the held-out images, unless they are there already."""
    knobs = resolve(size, PRESETS)
    upload_once(_inputs(knobs), lambda: _objects(knobs), workspace=workspace, storage=storage)


def answer(run: FinishedRun) -> dict[str, Any]:
    """Return accuracy and predicted labels on the held-out images, and the models' checksums."""
    return final_answer(run, "test")


def native(size: Size = "small", workspace: Path | str | None = None) -> dict[str, Any]:
    """Return the answer, computed in this process alone, on one thread."""
    del workspace
    knobs = resolve(size, PRESETS)
    _require_lightgbm()
    lightgbm = stages.lean_lightgbm()
    training, held_out = digits.training_set(knobs.rows), digits.held_out_set()
    mean, components = stages.principal_components(training[:, :-1], knobs.components)
    features = stages.projected(training[:, :-1], mean, components)
    unseen = stages.projected(held_out[:, :-1], mean, components)
    opinions = {}
    for number in range(knobs.boosters):
        text = stages.booster_text(lightgbm, features, training[:, -1], number, knobs.rounds)
        _, digest, votes = stages.booster_opinion(lightgbm, text, unseen)
        opinions[number] = (digest, votes)
    return stages.verdict(opinions, knobs.boosters, held_out[:, -1])


def _stages(knobs: Knobs) -> tuple[Stage, Stage, Stage, Stage]:
    everyone = ReadStrategy.BROADCAST
    inputs = _inputs(knobs)
    images = [
        FlexData(inputs.prefix(name), custom_data_id=name, read_strategy=everyone)
        for name in ("training", "held_out")
    ]
    training = FlexData("ml/training", read_strategy=everyone, suffix=".npz")
    held_out = FlexData("ml/held_out", read_strategy=everyone, suffix=".npz")
    models = FlexData("ml/models", suffix=".txt")
    opinions = FlexData("ml/opinions", suffix=".npz")
    answers = FlexData("ml/answer", suffix=".json")
    boosters = {"boosters": knobs.boosters}
    return (
        Stage("pca", stages.pca, images, [training, held_out],
              {"components": knobs.components}, max_concurrency=1),
        Stage("train", stages.train, [training], [models],
              {**boosters, "rounds": knobs.rounds}, max_concurrency=knobs.boosters),
        Stage("aggregate", stages.aggregate, [models, held_out], [opinions],
              max_concurrency=knobs.boosters),
        Stage("test", stages.test, [opinions, held_out], [answers], boosters, max_concurrency=1),
    )  # fmt: skip


def _inputs(knobs: Knobs) -> InputSet:
    return InputSet("ml", f"v1-rows{knobs.rows}")


def _objects(knobs: Knobs) -> dict[str, bytes]:
    return {
        "training/images.npy": digits.npy_bytes(digits.training_set(knobs.rows)),
        "held_out/images.npy": digits.npy_bytes(digits.held_out_set()),
    }


def _require_lightgbm() -> None:
    if find_spec("lightgbm") is None:
        raise MissingExtraError("lightgbm", "ml", "the workflow 'ml'")
