"""What the workers of the ML workflow run.

The functions without a context are the computation itself, used by the single-process version
too. Nothing here depends on how many workers or threads there are: boosters are seeded by their
number, sums are taken in their order, and what a BLAS adds up in an order of its own is rounded.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from flexecutor_energy.workflow.context import StageContext

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.floating[Any]]
    Whole = npt.NDArray[np.integer[Any]]


def pca(context: StageContext) -> None:
    """Find the principal components of the training images; write both sets in them."""
    import numpy as np

    training, held_out = (
        np.load(context.get_input_paths(name)[0]) for name in ("training", "held_out")
    )
    mean, components = principal_components(training[:, :-1], context.get_param("components"))
    for name, table in (("ml/training", training), ("ml/held_out", held_out)):
        np.savez(
            context.next_output_path(name),
            features=projected(table[:, :-1], mean, components),
            labels=table[:, -1],
        )


def train(context: StageContext) -> None:
    """Train this worker's boosters and write each as LightGBM's text."""
    import numpy as np

    lightgbm = lean_lightgbm()
    with np.load(context.get_input_paths("ml/training")[0]) as data:
        features, labels = data["features"], data["labels"]
    rounds = context.get_param("rounds")
    mine = range(context.worker_id, context.get_param("boosters"), context.num_workers)
    with ThreadPoolExecutor(threads(context)) as pool:
        texts = pool.map(lambda n: booster_text(lightgbm, features, labels, n, rounds), mine)
        for text in texts:
            Path(context.next_output_path("ml/models")).write_text(text)


def aggregate(context: StageContext) -> None:
    """Apply this worker's boosters to the held-out images; write their class probabilities."""
    import numpy as np

    lightgbm = lean_lightgbm()
    with np.load(context.get_input_paths("ml/held_out")[0]) as data:
        features = data["features"]
    models = [Path(path).read_text() for path in context.get_input_paths("ml/models")]
    with ThreadPoolExecutor(threads(context)) as pool:
        forest = list(pool.map(lambda text: booster_opinion(lightgbm, text, features), models))
    np.savez(
        context.next_output_path("ml/opinions"),
        boosters=np.array([number for number, _, _ in forest]),
        digests=np.array([digest for _, digest, _ in forest]),
        probabilities=np.array([probabilities for _, _, probabilities in forest]),
    )


def test(context: StageContext) -> None:
    """Let all boosters vote, compare with the labels, and write the answer."""
    import numpy as np

    opinions: dict[int, tuple[str, Floats]] = {}
    for path in context.get_input_paths("ml/opinions"):
        with np.load(path) as part:
            parts = (part["boosters"].tolist(), part["digests"].tolist(), part["probabilities"])
        opinions |= {n: (digest, votes) for n, digest, votes in zip(*parts, strict=True)}
    with np.load(context.get_input_paths("ml/held_out")[0]) as data:
        labels = data["labels"]
    answer = verdict(opinions, context.get_param("boosters"), labels)
    Path(context.next_output_path("ml/answer")).write_text(json.dumps(answer))


def threads(context: StageContext) -> int:
    """Return how many boosters to work on at once: as many as the worker has whole cores.

    LightGBM's own threads meet after every split of a tree: two of them took twice to four times
    as long as one on a host of two cores, where two boosters side by side take half.
    """
    return max(1, int(context.cpu))


def principal_components(images: Whole, count: int) -> tuple[Floats, Floats]:
    """Return the mean image and the leading principal components, strongest first.

    Parameters
    ----------
    images : array (rows, pixels), whole grey levels: their products add up exactly in doubles,
        so that the covariance does not depend on the order in which threads add
    count : components wanted

    Returns
    -------
    Arrays (pixels,) and (pixels, count): eigenvectors of the covariance, each with its largest
    entry positive, since eigenvectors are defined up to their sign only.
    """
    import numpy as np

    pixels = images.astype(np.float64)
    rows, total = len(pixels), pixels.sum(axis=0)
    covariance = (pixels.T @ pixels - np.outer(total, total) / rows) / (rows - 1)
    _, vectors = np.linalg.eigh(covariance)  # in ascending order of variance
    leading = vectors[:, ::-1][:, :count]
    largest = np.take_along_axis(leading, np.abs(leading).argmax(axis=0)[None], axis=0)
    return total / rows, leading * np.sign(largest)


def projected(images: Whole, mean: Floats, components: Floats) -> Floats:
    """Return the images in the space of the components, to a thousandth of a grey level."""
    import numpy as np

    return np.round((images - mean) @ components, 3).astype(np.float32)


def booster_text(lightgbm: Any, features: Floats, labels: Whole, number: int, rounds: int) -> str:
    """Train one booster and return it in LightGBM's text format, its number as its seed."""
    settings = {
        "objective": "multiclass",
        "num_class": 10,
        "learning_rate": 0.3,
        "num_leaves": 15,
        "max_bin": 63,
        "feature_fraction": 0.6,
        "bagging_fraction": 0.6,
        "bagging_freq": 1,
        "seed": number,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(features, labels, params=settings)
    return cast(str, lightgbm.train(settings, data, num_boost_round=rounds).model_to_string())


def booster_opinion(lightgbm: Any, text: str, features: Floats) -> tuple[int, str, Floats]:
    """Return the number of a booster, the SHA-256 of its trees, and its class probabilities.

    The trees stand before the settings, which say nothing about what was learnt.
    """
    booster = lightgbm.Booster(model_str=text)
    trees, _, settings = text.partition("\nparameters:")
    if not settings:
        raise ValueError("the text of a model holds no settings; it cannot be told whose it is")
    digest = hashlib.sha256(trees.encode()).hexdigest()
    probabilities = booster.predict(features, num_threads=1)
    return int(booster.params["seed"]), digest, probabilities


def verdict(
    opinions: Mapping[int, tuple[str, Floats]], boosters: int, labels: Whole
) -> dict[str, Any]:
    """Return the answer from what all boosters say about the held-out images.

    Raises
    ------
    ValueError
        Opinions of some boosters are missing.
    """
    missing = set(range(boosters)) - set(opinions)
    if missing:
        raise ValueError(f"no opinions arrived of boosters {sorted(missing)}")
    votes = sum(opinions[number][1] for number in range(boosters))
    predicted = cast("Floats", votes).argmax(axis=1)
    correct = int((predicted == labels).sum())
    return {
        "accuracy": correct / len(labels),
        "correct": correct,
        "predicted": predicted.tolist(),
        "models": [opinions[number][0] for number in range(boosters)],
    }


def lean_lightgbm() -> Any:
    """Return LightGBM, imported without its interfaces to scikit-learn and pandas.

    They serve no stage here and cost 1.2 of the 1.5 s of CPU that a cold import takes in every
    worker. The import leaves no trace, so that whoever imports LightGBM next in this process gets
    all of it.
    """
    if "lightgbm" in sys.modules:
        return sys.modules["lightgbm"]
    modules = cast("dict[str, Any]", sys.modules)
    unused = [name for name in ("sklearn", "pandas") if name not in modules]
    modules.update(dict.fromkeys(unused))  # None makes importing them fail, which LightGBM expects
    try:
        return importlib.import_module("lightgbm")
    finally:
        for name in list(modules):
            if name in unused or name.partition(".")[0] == "lightgbm":
                del modules[name]
