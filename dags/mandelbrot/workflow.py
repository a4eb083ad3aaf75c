"""The Mandelbrot workflow, its answer, and the same computation in one process."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dags.answers import FinishedRun
from dags.mandelbrot import stages
from dags.mandelbrot.knobs import PRESETS
from dags.sizes import Size, resolve
from flexecutor_energy import DAG, FlexData, Stage


def build(size: Size = "small", workspace: Path | str | None = None) -> DAG:
    """Return the workflow tile → stitch."""
    knobs = resolve(size, PRESETS)
    tiles = FlexData("mandelbrot/tiles", suffix=".npz")
    tile = Stage(
        "tile",
        stages.tile,
        outputs=[tiles],
        params=asdict(knobs),
        max_concurrency=knobs.tiles,
    )
    stitch = Stage(
        "stitch",
        stages.stitch,
        inputs=[tiles],
        outputs=[
            FlexData("mandelbrot/answer", suffix=".json"),
            FlexData("mandelbrot/picture", suffix=".png"),
        ],
        params={"tiles": knobs.tiles, "limit": knobs.limit},
        max_concurrency=1,
    )
    tile >> stitch
    dag = DAG("mandelbrot", workspace=workspace)
    dag.add_stages([tile, stitch])
    return dag


def prepare(
    size: Size = "small", workspace: Path | str | None = None, storage: Any = None
) -> None:
    """Check the size; the workflow has no inputs to upload."""
    del workspace, storage
    resolve(size, PRESETS)


def answer(run: FinishedRun) -> dict[str, Any]:
    """Return shape and SHA-256 of the array of steps, and the steps in all and by row.

    The picture is the second output of ``stitch``.
    """
    text, _picture = run.read("stitch")
    found: dict[str, Any] = json.loads(text)
    return found


def native(size: Size = "small", workspace: Path | str | None = None) -> dict[str, Any]:
    """Return the answer, computed in this process alone."""
    del workspace
    knobs = resolve(size, PRESETS)
    parts = {
        number: stages.tile_counts(knobs.width, knobs.height, knobs.limit, knobs.tiles, number)
        for number in range(knobs.tiles)
    }
    return stages.summary(stages.stitched(parts, knobs.tiles), knobs.limit)
