"""The reviews: real texts that people rated, each source of them standing for a city."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dags.airbnb.knobs import Knobs
from dags.rated import SOURCES, rated_texts
from dags.shuffle import shares

CITIES = tuple(sorted(SOURCES))
UNITS = 10_000
"""Scores and ratings are whole numbers of so many parts of one: their sums are exact."""


@dataclass(frozen=True, slots=True)
class Review:
    """What a guest wrote, and how people who read it rated it.

    Attributes
    ----------
    city : the city it is about
    rating : from −4 to 4, in units
    text : what was written
    """

    city: str
    rating: int
    text: str


def all_reviews(workspace: Path | str | None = None) -> list[Review]:
    """Return each review once, city by city.

    Parameters
    ----------
    workspace : where the archive that holds them is kept
    """
    texts = rated_texts(workspace)
    return [
        Review(city, round(rated.rating * UNITS), rated.text)
        for city in CITIES
        for rated in texts[city]
    ]


def objects(reviews: list[Review], knobs: Knobs) -> dict[str, bytes]:
    """Return the reviews as they lie in the object store: pieces of as many reviews each."""
    lines = [json.dumps([r.city, r.rating, r.text], ensure_ascii=False) for r in reviews]
    total = len(lines) * knobs.copies
    contents = {}
    for piece in range(knobs.pieces):
        own = (lines[number % len(lines)] for number in shares(total, knobs.pieces, piece))
        contents[f"reviews/{piece:04d}.jsonl"] = "".join(f"{line}\n" for line in own).encode()
    return contents


def read_reviews(lines: Iterable[str]) -> Iterator[Review]:
    """Yield the reviews of a piece."""
    for line in lines:
        yield Review(*json.loads(line))
