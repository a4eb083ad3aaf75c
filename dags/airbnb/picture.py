"""A picture of the scores in all cities, as a PNG file."""

import io
from collections.abc import Mapping
from typing import Any

from flexecutor_energy.drawing.figures import figure_class

_INCHES = (9.0, 3.2)
_DPI = 100
_BAD, _SO_SO, _GOOD = "#d55e00", "#999999", "#0072b2"  # told apart by the colour-blind too


def png(cities: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return the histograms of scores, one city beside the other, as shares of its reviews.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    """
    figure = figure_class("the workflow 'airbnb'")(figsize=_INCHES, layout="constrained")
    for axes, (city, told) in zip(
        figure.subplots(1, len(cities), sharey=True, squeeze=False)[0], cities.items(), strict=True
    ):
        histogram = told["histogram"]
        width = 2 / len(histogram)
        middles = [-1 + width * (place + 0.5) for place in range(len(histogram))]
        shares = [count / told["reviews"] for count in histogram]
        axes.bar(middles, shares, width * 0.9, color=[_colour(middle) for middle in middles])
        axes.axvline(told["mean_score"], color="black", linewidth=0.8, linestyle="--")
        axes.set_title(f"{city}: {told['reviews']:,} reviews", fontsize=10)
        axes.set_xlabel(f"score, mean {told['mean_score']:+.3f}")
    figure.axes[0].set_ylabel("share of reviews")
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=_DPI)
    return content.getvalue()


def _colour(score: float) -> str:
    if abs(score) < 0.1:  # the two bins about zero hold what is neutral
        return _SO_SO
    return _GOOD if score > 0 else _BAD
