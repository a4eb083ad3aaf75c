"""Scoring reviews, and what is told of the scores of a city.

The scores are those of VADER, a lexicon of words with rules: no text knows of another.
"""

import array
import math
import sys
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import Any, TypeAlias

from dags.airbnb.reviews import CITIES, UNITS, Review
from flexecutor_energy.errors import MissingExtraError

BINS = 20
"""Columns of the histogram of scores, from −1 to 1."""

MOOD_FROM = UNITS // 20
"""A score of at least this is positive, one of at most its opposite negative; between, neutral.

The ±0.05 is what the authors of VADER recommend.
"""

Scored: TypeAlias = "array.array[int]"
"""Score and rating of one review, then of the next, all in units."""


def require_tools() -> None:
    """Raise a MissingExtraError unless what scores texts and what draws is installed."""
    for package, extra in (("vaderSentiment", "nlp"), ("matplotlib", "reports")):
        if find_spec(package) is None:
            raise MissingExtraError(package, extra, "the workflow 'airbnb'")


def scored(reviews: Iterable[Review]) -> dict[str, Scored]:
    """Return the scores and ratings of each city's reviews, in their order."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyser = SentimentIntensityAnalyzer()
    found = {city: array.array("i") for city in CITIES}
    for review in reviews:
        score = analyser.polarity_scores(review.text)["compound"]  # has four decimals
        found[review.city].extend((round(score * UNITS), review.rating))
    return found


def to_bytes(values: Scored) -> bytes:
    """Return scores as they travel: numbers of four bytes, the least first."""
    return _little(values).tobytes()


def from_bytes(content: bytes) -> Scored:
    """Return the scores of ``to_bytes``."""
    values = array.array("i")
    values.frombytes(content)
    return _little(values)


def _little(values: Scored) -> Scored:
    if sys.byteorder == "big":
        values = values[:]
        values.byteswap()
    return values


def summary(values: Sequence[int]) -> dict[str, Any]:
    """Return what is told of a city.

    Parameters
    ----------
    values : score and rating of each of its reviews, in any order: only whole numbers are added

    Returns
    -------
    ``reviews``, and how many of them are ``positive``, ``neutral`` and ``negative``; a
    ``histogram`` of their scores; ``mean_score``; and ``correlation``, Pearson's, of scores and
    ratings.
    """
    scores, ratings = values[0::2], values[1::2]
    count = len(scores)
    positive = sum(score >= MOOD_FROM for score in scores)
    negative = sum(score <= -MOOD_FROM for score in scores)
    histogram = [0] * BINS
    for score in scores:
        histogram[min((score + UNITS) * BINS // (2 * UNITS), BINS - 1)] += 1
    return {
        "reviews": count,
        "positive": positive,
        "neutral": count - positive - negative,
        "negative": negative,
        "histogram": histogram,
        "mean_score": sum(scores) / (count * UNITS),
        "correlation": _correlation(scores, ratings),
    }


def _correlation(a: Sequence[int], b: Sequence[int]) -> float:
    count, sum_a, sum_b = len(a), sum(a), sum(b)
    shared = count * sum(x * y for x, y in zip(a, b, strict=True)) - sum_a * sum_b
    spread_a = count * sum(x * x for x in a) - sum_a**2
    spread_b = count * sum(y * y for y in b) - sum_b**2
    return shared / math.sqrt(spread_a * spread_b)
