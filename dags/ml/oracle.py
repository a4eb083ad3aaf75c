"""What an answer of the ML workflow must be."""

import re
from typing import Any

from dags.answers import require, require_fields, require_type, same_when_sound
from dags.ml.digits import CLASSES, HELD_OUT, PRESETS, Knobs, held_out_set
from dags.sizes import Size, resolve

_FIELDS = {"accuracy": float, "correct": int, "predicted": list, "models": list}
_ACCURACY_FLOORS = (  # at least so many rows, boosters and rounds: at least this accuracy
    (12_123, 8, 30, 0.96),
    (4_041, 8, 10, 0.93),
    (1_347, 1, 1, 0.60),
)
_LEAST_ACCURACY = 0.30  # guessing gets a tenth


def same(a: Any, b: Any) -> bool:
    """Return whether two answers are sound in themselves and equal, models included."""
    return same_when_sound(a, b, _require_sound)


def check(answer: Any, size: Size) -> None:
    """Raise an AssertionError that names what is wrong with an answer of this size."""
    knobs = resolve(size, PRESETS)
    _require_sound(answer)
    models, predicted = answer["models"], answer["predicted"]
    require(len(models) == knobs.boosters, f"{len(models)} boosters, not {knobs.boosters}")
    labels = held_out_set()[:, -1].tolist()
    correct = sum(a == b for a, b in zip(predicted, labels, strict=True))
    require(
        correct == answer["correct"],
        f"{answer['correct']} images are said to be told right, but {correct} are",
    )
    floor = accuracy_floor(knobs)
    require(
        answer["accuracy"] >= floor,
        f"the accuracy {answer['accuracy']:.3f} is below {floor:g}, which this size must reach",
    )


def accuracy_floor(knobs: Knobs) -> float:
    """Return the held-out accuracy that models of this size must reach."""
    for rows, boosters, rounds, accuracy in _ACCURACY_FLOORS:
        if knobs.rows >= rows and knobs.boosters >= boosters and knobs.rounds >= rounds:
            return accuracy
    return _LEAST_ACCURACY


def _require_sound(answer: Any) -> None:
    require_fields(answer, _FIELDS)
    predicted, models = answer["predicted"], answer["models"]
    require(len(predicted) == HELD_OUT, f"{len(predicted)} images were told, not {HELD_OUT}")
    for row, label in enumerate(predicted):
        require_type(f"the label of image {row}", label, int)
        require(0 <= label < CLASSES, f"the label of image {row} is {label}")
    correct = answer["correct"]
    require(0 <= correct <= HELD_OUT, f"{correct} of {HELD_OUT} images cannot be told right")
    require(
        answer["accuracy"] == correct / HELD_OUT,
        f"the accuracy {answer['accuracy']} does not follow from {correct} of {HELD_OUT}",
    )
    for number, digest in enumerate(models):
        require_type(f"the checksum of booster {number}", digest, str)
        hexadecimal = re.fullmatch("[0-9a-f]{64}", digest)
        require(hexadecimal is not None, f"the checksum of booster {number} is {digest!r}")
    require(len(models) > 0, "no booster took part")
    require(len(set(models)) == len(models), "two boosters are the same model")
