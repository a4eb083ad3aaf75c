"""The images: scikit-learn's digits, some held out, the others multiplied by shifting them."""

import io
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dags.sizes import check_whole

Bytes = npt.NDArray[np.uint8]

HELD_OUT = 450
CLASSES = 10
_SIDE = 8
_PIXELS = _SIDE * _SIDE
_TRAINING_IMAGES = 1797 - HELD_OUT
_SHIFTS = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
_SPLIT_SEED = 0


@dataclass(frozen=True, slots=True)
class Knobs:
    """Size of the data and of the models.

    Attributes
    ----------
    rows : training images, of which 1,347 are as drawn and the others are shifted by a pixel
    boosters : models trained; more workers than boosters do not help
    rounds : rounds of boosting of each
    components : principal components kept of the 64 pixels
    """

    rows: int
    boosters: int
    rounds: int
    components: int = 24

    def __post_init__(self) -> None:
        check_whole("rows", self.rows, least=100, most=_TRAINING_IMAGES * len(_SHIFTS))
        check_whole("boosters", self.boosters, least=1, most=1000)
        check_whole("rounds", self.rounds, least=1, most=10_000)
        check_whole("components", self.components, least=2, most=_PIXELS)


PRESETS = {
    "small": Knobs(rows=4_041, boosters=8, rounds=10),
    "medium": Knobs(rows=12_123, boosters=8, rounds=30),
}


def training_set(rows: int) -> Bytes:
    """Return the training images as (rows, 65): 64 grey levels from 0 to 16, then the label."""
    drawn = _shuffled()[HELD_OUT:]
    images = drawn[:, :_PIXELS].reshape(-1, _SIDE, _SIDE)
    framed = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    shifted = [
        framed[:, 1 - down : 1 - down + _SIDE, 1 - right : 1 - right + _SIDE]
        for down, right in _SHIFTS[: -(-rows // len(drawn))]
    ]
    pixels = np.concatenate(shifted).reshape(-1, _PIXELS)
    labels = np.tile(drawn[:, _PIXELS:], (len(shifted), 1))
    return np.hstack([pixels, labels])[:rows]


def held_out_set() -> Bytes:
    """Return the 450 held-out images, none of which is in the training set, likewise."""
    return _shuffled()[:HELD_OUT]


def npy_bytes(table: Bytes) -> bytes:
    """Return an array as the content of a ``.npy`` file."""
    file = io.BytesIO()
    np.save(file, table)
    return file.getvalue()


def _shuffled() -> Bytes:
    digits = all_digits(_shipped_file())
    order = np.argsort(np.random.default_rng(_SPLIT_SEED).random(len(digits)), kind="stable")
    return digits[order]


def all_digits(file: Path) -> Bytes:
    """Return the 1,797 digits as scikit-learn ships them.

    Parameters
    ----------
    file : the file in which it ships them. Read directly it costs 0.02 s of CPU, where importing
        scikit-learn costs 1.6 s, which would swamp what this workflow computes. A release that
        keeps its digits elsewhere is asked for them in the documented way.
    """
    if file.is_file():
        return np.loadtxt(file, delimiter=",", dtype=np.uint8)
    from sklearn.datasets import load_digits

    digits = load_digits()
    return np.hstack([digits.data, digits.target[:, None]]).astype(np.uint8)


def _shipped_file() -> Path:
    found = find_spec("sklearn")  # a top-level package is found without importing it
    places = (found.submodule_search_locations if found else None) or [""]
    return Path(places[0], "datasets", "data", "digits.csv.gz")
