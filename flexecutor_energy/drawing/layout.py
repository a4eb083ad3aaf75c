"""Where the boxes of a workflow stand and how its arrows run, in points (1/72 inch)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flexecutor_energy.drawing.layers import Edge, Layers, Point, layered, neighbours

BOX_WIDTH = 126.0
BOX_HEIGHT = 62.0
COLUMN_GAP = 44.0
ROW_GAP = 18.0
MARGIN = 14.0

_LANE = 8.0
"""Height that an edge takes where it passes a column."""

_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Layout:
    """Places of boxes and arrows; x to the right, y downwards.

    Attributes
    ----------
    centres : the middle of each stage's box
    routes : the points that each arrow runs through, level at each of them
    width, height : of the whole, with a margin
    """

    centres: Mapping[str, tuple[float, float]]
    routes: Mapping[Edge, tuple[tuple[float, float], ...]]
    width: float
    height: float


def arrange(names: Sequence[str], edges: Sequence[Edge]) -> Layout:
    """Return a layout of a graph without cycles, from left to right.

    Parameters
    ----------
    names : ids of the stages
    edges : pairs of ids, parent first
    """
    layers = layered(names, edges)
    rows = _rows(layers)
    top = min((y - _height(p) / 2 for p, y in rows.items()), default=0.0)
    bottom = max((y + _height(p) / 2 for p, y in rows.items()), default=0.0)
    places = {
        p: (MARGIN + BOX_WIDTH / 2 + p.column * (BOX_WIDTH + COLUMN_GAP), MARGIN + y - top)
        for p, y in rows.items()
    }
    columns = len(layers.columns)
    return Layout(
        centres={p.name: place for p, place in places.items() if p.edge is None},
        routes={edge: _route(chain, places) for edge, chain in layers.chains.items()},
        width=2 * MARGIN + columns * BOX_WIDTH + max(columns - 1, 0) * COLUMN_GAP,
        height=2 * MARGIN + bottom - top,
    )


def _rows(layers: Layers) -> dict[Point, float]:
    """Return the y of every point: near its neighbours, and without overlaps."""
    near = neighbours(layers)
    rows: dict[Point, float] = {}
    for column in layers.columns:
        offsets = _offsets(column)
        middle = offsets[-1] / 2 if offsets else 0.0
        rows |= {p: offset - middle for p, offset in zip(column, offsets, strict=True)}
    for round_ in range(_ROUNDS):
        for column in layers.columns if round_ % 2 == 0 else reversed(layers.columns):
            wanted = []
            for point in column:
                beside = [p for side in near.get(point, ([], [])) for p in side]
                wanted.append(sum(rows[p] for p in beside) / len(beside) if beside else 0.0)
            rows |= dict(zip(column, _apart(wanted, _offsets(column)), strict=True))
    return rows


def _offsets(column: Sequence[Point]) -> list[float]:
    """Return the least distance of each point of a column from the first."""
    offsets: list[float] = []
    for i, point in enumerate(column):
        before = column[i - 1]
        gap = (_height(before) + _height(point)) / 2 + ROW_GAP
        offsets.append(offsets[-1] + gap if i else 0.0)
    return offsets


def _apart(wanted: Sequence[float], offsets: Sequence[float]) -> list[float]:
    """Return the places nearest to those wanted that keep order and distance.

    Least squares under ``y[i+1] - y[i] >= offsets[i+1] - offsets[i]`` is an isotonic regression
    of ``wanted - offsets``, solved by pooling adjacent violators.
    """
    pools: list[tuple[float, int]] = []  # (sum, count)
    for want, offset in zip(wanted, offsets, strict=True):
        total, count = want - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            total, count = total + pools[-1][0], count + pools[-1][1]
            pools.pop()
        pools.append((total, count))
    level = [total / count for total, count in pools for _ in range(count)]
    return [place + offset for place, offset in zip(level, offsets, strict=True)]


def _route(
    chain: Sequence[Point], places: Mapping[Point, tuple[float, float]]
) -> tuple[tuple[float, float], ...]:
    """Return the points of an arrow: out of a box, level past other columns, into a box."""
    half = BOX_WIDTH / 2
    route = []
    for i, point in enumerate(chain):
        x, y = places[point]
        if i > 0:
            route.append((x - half, y))
        if i < len(chain) - 1:
            route.append((x + half, y))
    return tuple(route)


def _height(point: Point) -> float:
    return BOX_HEIGHT if point.edge is None else _LANE
