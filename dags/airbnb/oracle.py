"""What an answer of the reviews workflow must be.

Scores must go with what people said of the texts, and the counts must be those of each text
scored once, times the number of copies.
"""

import functools
import math
from typing import Any

from dags.airbnb import scores
from dags.airbnb.knobs import PRESETS
from dags.airbnb.reviews import CITIES, all_reviews
from dags.answers import require, require_fields, require_type, same_when_sound
from dags.sizes import Size, resolve

CORRELATION_FLOORS = {"amazon": 0.55, "movie": 0.40, "nyt": 0.45}

_COUNTS = ("reviews", "positive", "neutral", "negative")
_FIELDS = {
    **dict.fromkeys(_COUNTS, int),
    "histogram": list,
    "mean_score": float,
    "correlation": float,
}


def same(a: Any, b: Any) -> bool:
    """Return whether two answers are sound in themselves and equal."""
    return same_when_sound(a, b, _require_sound)


def check(answer: Any, size: Size) -> None:
    """Raise an AssertionError that names what is wrong with an answer of this size.

    Raises
    ------
    DownloadError
        The texts are not where this process or the settings keep them, and could not be fetched.
    """
    copies = resolve(size, PRESETS).copies
    _require_sound(answer)
    for city, floor in CORRELATION_FLOORS.items():
        found, once = answer[city], _scored_once()[city]
        for name in _COUNTS:
            true = once[name] * copies
            require(found[name] == true, f"{city} has {found[name]} {name}, not {true}")
        histogram = [count * copies for count in once["histogram"]]
        require(
            found["histogram"] == histogram, f"the histogram of {city} is not that of its texts"
        )
        for name in ("mean_score", "correlation"):
            near = math.isclose(found[name], once[name], rel_tol=1e-12)
            require(near, f"the {name} of {city} is {found[name]}, not {once[name]}")
        require(
            found["correlation"] >= floor,
            f"scores and ratings of {city} have the correlation {found['correlation']:.3f}, "
            f"below {floor:g}",
        )


@functools.cache
def _scored_once() -> dict[str, dict[str, Any]]:
    """Return what is told of each city where each text counts once."""
    found = scores.scored(all_reviews())
    return {city: scores.summary(values) for city, values in found.items()}


def _require_sound(answer: Any) -> None:
    require_fields(answer, dict.fromkeys(CITIES, dict))
    for city, told in answer.items():
        require_fields(told, _FIELDS)
        histogram, reviews = told["histogram"], told["reviews"]
        require(len(histogram) == scores.BINS, f"{len(histogram)} bins of {city} are told")
        for count in histogram:
            require_type(f"a bin of {city}", count, int)
        counts = [*(told[name] for name in _COUNTS), *histogram]
        require(min(counts) >= 0, f"{city} has {min(counts)} reviews of some kind")
        require(reviews > 0, f"{city} has no reviews")
        for whole in (counts[1:4], histogram):
            require(
                sum(whole) == reviews, f"{sum(whole)} reviews of {city} are told, not {reviews}"
            )
        for name in ("mean_score", "correlation"):
            require(-1 <= told[name] <= 1, f"the {name} of {city} is {told[name]}")
