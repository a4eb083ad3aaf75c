"""Which column each stage of a graph stands in, and in which order within it.

Sugiyama's method: columns by longest path, a point in every column that an edge crosses, and
sweeps that put everything at the mean place of its neighbours.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

Edge = tuple[str, str]

_SWEEPS = 12


@dataclass(frozen=True, slots=True)
class Point:
    """What stands in a column: a stage, or the place where an edge passes.

    Attributes
    ----------
    name : id of the stage; "" where an edge passes
    edge : the edge that passes, None for a stage
    column : counted from 0
    """

    name: str
    edge: Edge | None
    column: int


@dataclass(frozen=True, slots=True)
class Layers:
    """A graph in columns.

    Attributes
    ----------
    columns : the points of each column, top to bottom
    chains : for each edge the points it runs through, both of its ends included
    """

    columns: tuple[tuple[Point, ...], ...]
    chains: Mapping[Edge, tuple[Point, ...]]


def layered(names: Sequence[str], edges: Iterable[Edge]) -> Layers:
    """Return a graph without cycles in columns, with few crossings.

    Parameters
    ----------
    names : ids of the stages; their order decides where nothing else does
    edges : pairs of ids, parent first
    """
    edges = list(dict.fromkeys(edges))
    depth = _depths(names, edges)
    stages = {name: Point(name, None, depth[name]) for name in names}
    chains = {}
    for above, below in edges:
        between = range(depth[above] + 1, depth[below])
        passed = (Point("", (above, below), column) for column in between)
        chains[above, below] = (stages[above], *passed, stages[below])
    columns: list[list[Point]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for point in stages.values():
        columns[point.column].append(point)
    for chain in chains.values():
        for point in chain[1:-1]:
            columns[point.column].append(point)
    return Layers(_ordered(columns, _neighbours(chains.values())), chains)


def neighbours(layers: Layers) -> dict[Point, tuple[list[Point], list[Point]]]:
    """Return for each point those next to it in the column before and in the column after."""
    return _neighbours(layers.chains.values())


def _depths(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    parents: dict[str, list[str]] = {name: [] for name in names}
    for above, below in edges:
        parents[below].append(above)
    depth: dict[str, int] = {}
    for name in TopologicalSorter(parents).static_order():
        depth[name] = 1 + max((depth[parent] for parent in parents[name]), default=-1)
    return depth


def _neighbours(
    chains: Iterable[tuple[Point, ...]],
) -> dict[Point, tuple[list[Point], list[Point]]]:
    found: dict[Point, tuple[list[Point], list[Point]]] = {}
    for chain in chains:
        for left, right in itertools.pairwise(chain):
            found.setdefault(left, ([], []))[1].append(right)
            found.setdefault(right, ([], []))[0].append(left)
    return found


def _ordered(
    columns: list[list[Point]], near: Mapping[Point, tuple[list[Point], list[Point]]]
) -> tuple[tuple[Point, ...], ...]:
    """Return the columns in the best order that the sweeps come by."""
    best, fewest = [list(column) for column in columns], _crossings(columns, near)
    for sweep in range(_SWEEPS):
        forwards = sweep % 2 == 0
        for column in columns if forwards else reversed(columns):
            _sort(column, columns, near, side=0 if forwards else 1)
        crossings = _crossings(columns, near)
        if crossings < fewest:
            best, fewest = [list(column) for column in columns], crossings
        if fewest == 0:
            break
    return tuple(tuple(column) for column in best)


def _sort(
    column: list[Point],
    columns: Sequence[Sequence[Point]],
    near: Mapping[Point, tuple[list[Point], list[Point]]],
    side: int,
) -> None:
    """Order a column by the mean place of its neighbours on one side; others stay put."""
    place = {p: i for other in columns for i, p in enumerate(other)}
    here = {point: float(i) for i, point in enumerate(column)}

    def barycentre(point: Point) -> float:
        beside = near.get(point, ([], []))[side]
        return sum(place[p] for p in beside) / len(beside) if beside else here[point]

    column.sort(key=barycentre)


def _crossings(
    columns: Sequence[Sequence[Point]],
    near: Mapping[Point, tuple[list[Point], list[Point]]],
) -> int:
    """Count the pairs of edges between neighbouring columns that cross."""
    count = 0
    for left, right in itertools.pairwise(columns):
        place = {point: i for i, point in enumerate(right)}
        ends: list[int] = []
        for point in left:
            targets = sorted(place[p] for p in near.get(point, ([], []))[1])
            count += sum(1 for target in targets for end in ends if end > target)
            ends += targets
    return count
