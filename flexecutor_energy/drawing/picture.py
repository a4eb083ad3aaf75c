"""A workflow as a picture for papers, by matplotlib."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from flexecutor_energy.drawing.boxes import Box
from flexecutor_energy.drawing.figures import figure_class
from flexecutor_energy.drawing.layout import BOX_HEIGHT, BOX_WIDTH, MARGIN, Layout
from flexecutor_energy.drawing.palette import INK, PAPER, QUIET, VERMILLION
from flexecutor_energy.drawing.svg import LINE_SIZE, TITLE_SIZE, text_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS_PER_INCH = 72.0

_NOTE_SIZE, _NOTE_STEP, _NOTE_LETTER = 6.5, 9.0, 3.5


def figure(layout: Layout, boxes: Mapping[str, Box], note: str = "") -> "Figure":
    """Return the picture as a matplotlib figure, one unit a point.

    Parameters
    ----------
    layout, boxes : what stands where
    note : what stands below it, in small letters

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    """
    lines = textwrap.wrap(note, int((layout.width - 2 * MARGIN) / _NOTE_LETTER))
    height = layout.height + len(lines) * _NOTE_STEP
    size = (layout.width / POINTS_PER_INCH, height / POINTS_PER_INCH)
    drawn = figure_class("drawing a workflow")(figsize=size, facecolor=PAPER)
    axes = drawn.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(0, layout.width)
    axes.set_ylim(height, 0)
    for route in layout.routes.values():
        _arrow(axes, route)
    for stage_id, box in boxes.items():
        _box(axes, box, *layout.centres[stage_id])
    for i, line in enumerate(lines):
        y = layout.height + i * _NOTE_STEP
        axes.text(MARGIN, y, line, color=QUIET, fontsize=_NOTE_SIZE, parse_math=False)
    return drawn


def _box(axes: "Axes", box: Box, x: float, y: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    axes.add_patch(
        FancyBboxPatch(
            (x - BOX_WIDTH / 2, y - BOX_HEIGHT / 2),
            BOX_WIDTH,
            BOX_HEIGHT,
            boxstyle="round,pad=0,rounding_size=6",
            facecolor=PAPER,
            edgecolor=VERMILLION if box.critical else QUIET,
            linewidth=1.8 if box.critical else 0.9,
            zorder=2,
        )
    )
    for dy, text, title in text_rows(box):
        axes.text(
            x,
            y + dy,
            text,
            ha="center",
            va="center_baseline",
            color=INK,
            fontsize=TITLE_SIZE - 1 if title else LINE_SIZE - 1,
            fontweight="bold" if title else "normal",
            zorder=3,
            parse_math=False,
        )


def _arrow(axes: "Axes", route: Sequence[tuple[float, float]]) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    x, y = route[0]
    vertices, codes = [(x, y)], [Path.MOVETO]
    for i, (to_x, to_y) in enumerate(route[1:]):
        if i % 2:  # past a column
            vertices.append((to_x, to_y))
            codes.append(Path.LINETO)
        else:
            middle = (x + to_x) / 2
            vertices += [(middle, y), (middle, to_y), (to_x, to_y)]
            codes += [Path.CURVE4] * 3
        x, y = to_x, to_y
    axes.add_patch(
        FancyArrowPatch(
            path=Path(vertices, codes),
            arrowstyle="-|>,head_length=4,head_width=2",
            color=QUIET,
            linewidth=0.9,
            shrinkA=0,
            shrinkB=0,
            zorder=1,
        )
    )
