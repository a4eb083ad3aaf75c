"""What all charts of the page share.

Charts are plain values in the form that Plotly takes. Colours are names such as ``@c0``, which
the page replaces by those of its light or dark theme.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

_STANDOFF_PX = 10

Trace = dict[str, Any]

COLORS = 6
SYMBOLS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross")
DASHES = ("solid", "dash", "dashdot", "dot")


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart of the page.

    Attributes
    ----------
    name : of its place in the page
    description : what it shows, for those who cannot see it
    traces, layout : as Plotly takes them
    """

    name: str
    description: str
    traces: tuple[Trace, ...]
    layout: dict[str, Any]


def color(number: int, *, faint: bool = False) -> str:
    """Return the name of a series' colour, or of its faint variant for areas."""
    return f"@c{number % COLORS}{'f' if faint else ''}"


def hover(*lines: str) -> str:
    """Return the text of a mark, line by line; none of them can hold markup."""
    return "<br>".join(escape(line) for line in lines)


def axis_title(label: str) -> dict[str, str | int]:
    """Return the title of an axis."""
    return {"text": escape(label).replace("\n", "<br>"), "standoff": _STANDOFF_PX}


def boxes(
    ends: Sequence[tuple[float, float, float, float]], name: str, number: int, **more: Any
) -> Trace:
    """Return rectangles (low x, high x, low y, high y) as one trace."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    for low_x, high_x, low_y, high_y in ends:
        xs += [low_x, high_x, high_x, low_x, low_x, None]
        ys += [low_y, low_y, high_y, high_y, low_y, None]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": xs,
        "y": ys,
        "fill": "toself",
        "fillcolor": color(number, faint=True),
        "line": {"color": color(number), "width": 0.5},
        "hoverinfo": "skip",
        "name": escape(name),
        **more,
    }
