"""What the workers of the reviews workflow run."""

import json
from pathlib import Path
from typing import Any

from dags.airbnb import picture, scores
from dags.airbnb.reviews import CITIES, read_reviews
from dags.shuffle import read_segments, shares, write_block
from flexecutor_energy.workflow.context import StageContext


def block_id(block: int) -> str:
    """Return the name of the data that holds the scores of a piece, city by city."""
    return f"airbnb/scores/{block:04d}"


def score(context: StageContext) -> None:
    """Score this worker's pieces, and put the scores of each in the order of cities."""
    blocks = shares(context.get_param("pieces"), context.num_workers, context.worker_id)
    for block, path in zip(blocks, context.get_input_paths("reviews"), strict=True):
        with Path(path).open(encoding="utf-8") as lines:
            found = scores.scored(read_reviews(lines))
        segments = [scores.to_bytes(found[city]) for city in CITIES]
        write_block(context.next_output_path(block_id(block)), segments)


def reduce(context: StageContext) -> None:
    """Say of each of this worker's cities what its reviews are like."""
    blocks = range(context.get_param("pieces"))
    files = [read_segments(context.get_input_paths(block_id(block))[0]) for block in blocks]
    mine = shares(len(CITIES), context.num_workers, context.worker_id)
    for place, *segments in zip(mine, *files, strict=True):
        told = scores.summary(scores.from_bytes(b"".join(segments)))
        file = Path(context.next_output_path("airbnb/cities"))
        file.write_text(json.dumps({CITIES[place]: told}))


def plot(context: StageContext) -> None:
    """Put the cities together; write the answer and the picture."""
    cities: dict[str, Any] = {}
    for path in context.get_input_paths("airbnb/cities"):
        cities |= json.loads(Path(path).read_text())
    Path(context.next_output_path("airbnb/answer")).write_text(json.dumps(cities))
    Path(context.next_output_path("airbnb/picture")).write_bytes(picture.png(cities))
