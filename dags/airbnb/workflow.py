"""The reviews workflow, its input, its answer, and the same computation in one process."""

import functools
import json
from pathlib import Path
from typing import Any

from dags.airbnb import reviews, scores, stages
from dags.airbnb.knobs import PRESETS, Knobs
from dags.airbnb.reviews import CITIES
from dags.answers import FinishedRun
from dags.inputs import InputSet, upload_once
from dags.shuffle import cut_between_partitions
from dags.sizes import Size, resolve
from flexecutor_energy import DAG, Chunker, ConfigSpace, FlexData, Stage

SPACE = ConfigSpace(
    cpu=[0.5, 1],
    memory=[256],
    workers=[1, 2, 3, 4],
    stages={
        "reduce": ConfigSpace(cpu=[0.5, 1], memory=[256], workers=[1, 3]),
        "plot": ConfigSpace(cpu=[0.5, 1, 2], memory=[512], workers=[1]),
    },
)
"""What is worth trying: scoring runs on one core, however many a worker has."""


def build(size: Size = "small", workspace: Path | str | None = None) -> DAG:
    """Return the workflow score → reduce → plot.

    Raises
    ------
    MissingExtraError
        What scores the reviews, or what draws the picture, is not installed.
    """
    knobs = resolve(size, PRESETS)
    scores.require_tools()
    score, reduce, plot = _stages(knobs)
    score >> reduce >> plot
    dag = DAG("airbnb", workspace=workspace)
    dag.add_stages([score, reduce, plot])
    return dag


def prepare(
    size: Size = "small", workspace: Path | str | None = None, storage: Any = None
) -> None:
    """Upload the reviews, unless they are there already.

    Raises
    ------
    DownloadError
        The archive that holds them is not in the workspace, and could not be fetched.
    """
    knobs = resolve(size, PRESETS)
    upload_once(
        inputs(knobs),
        lambda: reviews.objects(reviews.all_reviews(workspace), knobs),
        workspace=workspace,
        storage=storage,
    )


def answer(run: FinishedRun) -> dict[str, Any]:
    """Return what is told of each city.

    The picture is the second output of ``plot``.
    """
    text, _picture = run.read("plot")
    found: dict[str, Any] = json.loads(text)
    return found


def native(size: Size = "small", workspace: Path | str | None = None) -> dict[str, Any]:
    """Return the answer, computed in this process alone."""
    knobs = resolve(size, PRESETS)
    scores.require_tools()
    texts = reviews.all_reviews(workspace)
    found = scores.scored(review for _ in range(knobs.copies) for review in texts)
    return {city: scores.summary(values) for city, values in found.items()}


def inputs(knobs: Knobs) -> InputSet:
    """Return where the pieces lie."""
    return InputSet("airbnb", f"v1-copies{knobs.copies}-pieces{knobs.pieces}")


def _stages(knobs: Knobs) -> tuple[Stage, Stage, Stage]:
    texts = FlexData(inputs(knobs).prefix("reviews"), custom_data_id="reviews")
    strategy = functools.partial(cut_between_partitions, partitions=len(CITIES))
    found = [
        FlexData(stages.block_id(block), chunker=Chunker(chunking_strategy=strategy))
        for block in range(knobs.pieces)
    ]
    cities = FlexData("airbnb/cities", suffix=".json")
    answers = FlexData("airbnb/answer", suffix=".json")
    drawn = FlexData("airbnb/picture", suffix=".png")
    pieces = {"pieces": knobs.pieces}
    return (
        Stage("score", stages.score, [texts], found, pieces),
        Stage("reduce", stages.reduce, found, [cities], pieces),
        Stage("plot", stages.plot, [cities], [answers, drawn], max_concurrency=1),
    )
