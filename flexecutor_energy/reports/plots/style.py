"""What all pictures share: fonts, sizes, grids."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from flexecutor_energy.drawing.figures import figure_class
from flexecutor_energy.drawing.palette import FAINT, INK, QUIET

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 7.0
"""Inches: two columns of a paper."""

MARKERS = ("o", "s", "^", "D", "v", "P")
LINES = ("-", "--", "-.", ":")

_RC: Any = {
    "font.size": 8.0,
    "axes.labelsize": 8.0,
    "axes.titlesize": 9.0,
    "legend.fontsize": 7.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "hatch.linewidth": 0.6,
    "text.parse_math": False,
}


@contextmanager
def new_figure(height: float, width: float = WIDTH) -> "Iterator[Figure]":
    """Lend a figure whose parts are laid out without overlaps, in the style of all pictures.

    Parameters
    ----------
    height, width : inches

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    """
    figure = figure_class("a picture")
    from matplotlib import rc_context

    with rc_context(_RC):
        yield figure(figsize=(width, height), layout="constrained")


def legend_below(figure: "Figure", parts: "Iterable[Axes]", columns: int = 5) -> None:
    """Put one legend of all parts below them, each name once."""
    found: dict[str, Artist] = {}
    for axes in parts:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    if found:
        columns = min(columns, len(found))
        figure.legend(found.values(), found, loc="outside lower center", ncols=columns)
