"""What an answer of the Mandelbrot workflow must be.

Three facts need no iteration: the set is symmetric about the real axis, points further than 2
from 0 take no step, and points of the two largest disks of the set (the cardioid, and the circle
left of it) stay for ever. With them, only half of what lies near the edge is left to be
calculated for the whole array to be known, by a small part of the steps of the workflow.
"""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from dags.answers import require, require_fields, require_type, same_when_sound
from dags.mandelbrot.knobs import PRESETS, Knobs
from dags.mandelbrot.stages import points, steps, summary
from dags.sizes import Size, resolve

_FIELDS = {"shape": list, "sha256": str, "iterations": int, "inside": int, "row_iterations": list}
_BAND = 128  # rows


def same(a: Any, b: Any) -> bool:
    """Return whether two answers are sound in themselves and equal."""
    return same_when_sound(a, b, _require_sound)


def check(answer: Any, size: Size) -> None:
    """Raise an AssertionError that names what is wrong with an answer of this size."""
    knobs = resolve(size, PRESETS)
    _require_sound(answer)
    shape = [knobs.height, knobs.width]
    require(answer["shape"] == shape, f"the array is {answer['shape']}, not {shape}")
    rows = answer["row_iterations"]
    for row, (above, below) in enumerate(zip(rows, reversed(rows), strict=True)):
        require(above == below, f"row {row} has {above} iterations, its mirror image {below}")
    for row, least in enumerate(_least_of_rows(knobs)):
        require(rows[row] >= least, f"row {row} has {rows[row]} iterations of at least {least}")
    known = summary(known_counts(knobs), knobs.limit)
    for name, true in known.items():
        require(answer[name] == true, f"{name} is {_short(answer[name])}, not {_short(true)}")


def known_counts(knobs: Knobs) -> npt.NDArray[np.uint16]:
    """Return the whole array of steps, most of it without iterating."""
    upper = -(-knobs.height // 2)  # with the middle row, if there is one
    counts = np.concatenate([_known_rows(knobs, *band) for band in _bands(upper)])
    return np.concatenate([counts, counts[: knobs.height // 2][::-1]])


def _known_rows(knobs: Knobs, first: int, last: int) -> npt.NDArray[np.uint16]:
    x, y = points(knobs.width, knobs.height, first, last)
    counts = np.where(_staying(x, y), knobs.limit, 0).astype(np.uint16)
    unknown = (counts == 0) & (x * x + y * y <= 4.0)
    counts[unknown] = steps(x[unknown], y[unknown], knobs.limit)
    return counts


def _least_of_rows(knobs: Knobs) -> Iterator[int]:
    """Yield the steps of the points of each row that are known to stay."""
    for first, last in _bands(knobs.height):
        stays = _staying(*points(knobs.width, knobs.height, first, last))
        yield from (stays.sum(axis=1) * knobs.limit).tolist()


def _bands(height: int) -> Iterator[tuple[int, int]]:
    """Cut rows into bands, so that large pictures need little memory."""
    for first in range(0, height, _BAND):
        yield first, min(first + _BAND, height)


def _staying(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Return which points lie in the cardioid or in the circle of radius 1/4 around −1.

    They are the points whose iteration is drawn to one value, or to two in turn: c = w/2 − w²/4
    and c = w/4 − 1 for w within 1 of 0.
    """
    w = 1.0 - np.sqrt(1.0 - 4.0 * (x + 1j * y))
    cardioid = np.abs(w) < 1.0
    circle = np.abs(4.0 * (x + 1j * y) + 4.0) < 1.0
    stays: npt.NDArray[np.bool_] = cardioid | circle
    return stays


def _require_sound(answer: Any) -> None:
    require_fields(answer, _FIELDS)
    shape, rows = answer["shape"], answer["row_iterations"]
    require(len(shape) == 2, f"the array has {len(shape)} dimensions, not 2")
    for side in shape:
        require_type("a side of the array", side, int)
        require(side > 0, f"a side of the array is {side}")
    require(len(rows) == shape[0], f"{len(rows)} rows were counted of {shape[0]}")
    for row, count in enumerate(rows):
        require_type(f"the iterations of row {row}", count, int)
        require(count >= 0, f"row {row} has {count} iterations")
    total, inside = answer["iterations"], answer["inside"]
    require(total == sum(rows), f"{total} iterations are not the sum of the rows'")
    require(0 <= inside <= shape[0] * shape[1], f"{inside} points inside cannot be")
    hexadecimal = re.fullmatch("[0-9a-f]{64}", answer["sha256"])
    require(hexadecimal is not None, f"the checksum is {answer['sha256']!r}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
