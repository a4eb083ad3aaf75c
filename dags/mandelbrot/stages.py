"""What the workers of the Mandelbrot workflow run.

Real and imaginary part are calculated one by one, as a product of complex numbers may be rounded
in more than one way: so the counts are the same everywhere, and the picture is symmetric to the
last bit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dags.mandelbrot.picture import png
from flexecutor_energy.workflow.context import StageContext

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Counts = npt.NDArray[np.uint16]

_LEFT, _SPAN = -2.5, 3.5  # of the real axis
_BLOCK = 4096  # points; what is known of them fits in the cache
_STEPS_BETWEEN = 16  # steps until points that have left are dropped


def tile(context: StageContext) -> None:
    """Count the steps of every point of this worker's tiles, and write one file for each tile."""
    import numpy as np

    width, height, limit, tiles = (
        context.get_param(name) for name in ("width", "height", "limit", "tiles")
    )
    for number in range(context.worker_id, tiles, context.num_workers):
        counts = tile_counts(width, height, limit, tiles, number)
        np.savez(context.next_output_path("mandelbrot/tiles"), number=number, counts=counts)


def stitch(context: StageContext) -> None:
    """Put all tiles together; write the answer and the picture."""
    import numpy as np

    parts: dict[int, Counts] = {}
    for path in context.get_input_paths("mandelbrot/tiles"):
        with np.load(path) as part:
            parts[int(part["number"])] = part["counts"]
    counts = stitched(parts, context.get_param("tiles"))
    limit = context.get_param("limit")
    Path(context.next_output_path("mandelbrot/answer")).write_text(
        json.dumps(summary(counts, limit))
    )
    Path(context.next_output_path("mandelbrot/picture")).write_bytes(png(counts, limit))


def tile_counts(width: int, height: int, limit: int, tiles: int, number: int) -> Counts:
    """Return the steps of each point of a tile, as (rows of the tile, width)."""
    import numpy as np

    first, last = height * number // tiles, height * (number + 1) // tiles
    x, y = (axis.ravel() for axis in points(width, height, first, last))
    blocks = [
        steps(x[start : start + _BLOCK], y[start : start + _BLOCK], limit)
        for start in range(0, len(x), _BLOCK)
    ]
    return np.concatenate(blocks).reshape(last - first, width)


def points(width: int, height: int, first: int, last: int) -> tuple[Floats, Floats]:
    """Return the real and imaginary part of the middle of each pixel of some rows.

    The distance of a row from the real axis is a whole number times half the side of a pixel, so
    that mirrored rows are exactly opposite.
    """
    import numpy as np

    half = _SPAN / width / 2
    x = _LEFT + (2 * np.arange(width) + 1) * half
    y = (2 * np.arange(first, last) + 1 - height) * half
    real, imaginary = np.broadcast_arrays(x[None, :], y[:, None])
    return real, imaginary


def steps(x: Floats, y: Floats, limit: int) -> Counts:
    """Return for points c how many of z = c, c² + c, … lie within 2 of 0 before one does not.

    Counting ends at ``limit``. A point that has left stays away, so counting goes on without
    asking who left before, and those who did are dropped from time to time.
    """
    import numpy as np

    counts = np.zeros(len(x), dtype=np.uint16)
    at = np.arange(len(x))
    zx, zy = x.copy(), y.copy()
    with np.errstate(over="ignore", invalid="ignore"):  # of points that have left
        for done in range(0, limit, _STEPS_BETWEEN):
            near = np.zeros(len(x), dtype=np.uint16)
            for _ in range(min(_STEPS_BETWEEN, limit - done)):
                xx, yy = zx * zx, zy * zy
                inside = xx + yy <= 4.0
                near += inside
                zy *= zx
                zy += zy
                zy += y
                np.subtract(xx, yy, out=zx)
                zx += x
            counts[at] += near
            if not inside.all():
                at = at[inside]
                x, y, zx, zy = (values[inside] for values in (x, y, zx, zy))
            if not len(at):
                break
    return counts


def stitched(parts: Mapping[int, Counts], tiles: int) -> Counts:
    """Return the whole array from its tiles.

    Raises
    ------
    ValueError
        Some tiles are missing.
    """
    import numpy as np

    missing = set(range(tiles)) - set(parts)
    if missing:
        raise ValueError(f"tiles {sorted(missing)} did not arrive")
    return np.concatenate([parts[number] for number in range(tiles)])


def summary(counts: Counts, limit: int) -> dict[str, Any]:
    """Return the answer: what identifies the array, and what is known of it otherwise."""
    import numpy as np

    rows = counts.sum(axis=1, dtype=np.int64).tolist()
    return {
        "shape": list(counts.shape),
        "sha256": hashlib.sha256(counts.astype("<u2").tobytes()).hexdigest(),
        "iterations": sum(rows),
        "inside": int(np.count_nonzero(counts == limit)),
        "row_iterations": rows,
    }
