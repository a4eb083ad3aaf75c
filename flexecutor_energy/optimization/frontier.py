"""Trade-offs of blocks of stages as arrays: every combination that can be part of an optimum.

Links are kept: within each combination of labels that stages outside can see, the frontier is
complete. A frontier that gets too long is thinned: a point then stands for its neighbours up to
the next one kept, with its own values for plans and with the least of theirs for bounds.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from flexecutor_energy.optimization.problem import FloatArray, IntArray, Problem

PAIRS = 2_000_000
"""Pairs of points that are looked at for one block; blocks that need more are not joined."""

FEW_PAIRS = 4_000
"""Likewise where two values count beside the time, as there is no sorting them then."""

LABELLINGS = 2_000
"""Pairs of label combinations likewise."""


class Parts(NamedTuple):
    """Where the points of a block come from: positions in the frontiers of its two parts."""

    left: "Points"
    right: "Points"
    left_at: IntArray
    right_at: IntArray


@dataclass(frozen=True, slots=True)
class Points:
    """The frontier of a stage or a block.

    Attributes
    ----------
    time : array (points,), seconds
    value : array (metrics, points), the additive metrics that count
    floor : likewise, at most the values of all that each point stands for
    labels : for each link with one end inside, the label of each point, as a number
    stage : the stage whose candidates these are; -1 for a block
    candidates : those candidates
    parts : what a block is made of
    """

    time: FloatArray
    value: FloatArray
    floor: FloatArray
    labels: Mapping[int, IntArray]
    stage: int = -1
    candidates: IntArray | None = None
    parts: Parts | None = None

    @property
    def exact(self) -> bool:
        """Whether no point stands for others."""
        return self.floor is self.value

    def choice(self, point: int) -> dict[int, int]:
        """Return the candidate of each stage at a point."""
        found: dict[int, int] = {}
        todo = [(self, point)]
        while todo:
            points, at = todo.pop()
            if points.candidates is not None:
                found[points.stage] = int(points.candidates[at])
            elif points.parts is not None:
                left, right, left_at, right_at = points.parts
                todo += [(left, int(left_at[at])), (right, int(right_at[at]))]
        return found

    def take(self, at: IntArray) -> "Points":
        """Return some of the points."""
        value = self.value[:, at]
        own = self.candidates
        parts = self.parts
        return replace(
            self,
            time=self.time[at],
            value=value,
            floor=value if self.exact else self.floor[:, at],
            labels=_shared(self.labels, at),
            candidates=None if own is None else own[at],
            parts=parts and parts._replace(left_at=parts.left_at[at], right_at=parts.right_at[at]),
        )


def in_series(left: Points, right: Points, problem: Problem) -> Points | None:
    """Return the block in which one part follows the other; None where it is too large."""
    return _paired(left, right, problem, series=True)


def in_parallel(left: Points, right: Points, problem: Problem) -> Points | None:
    """Return the block of two parts side by side; None where it is too large."""
    return _paired(left, right, problem, series=False)


def undominated(points: Points) -> Points:
    """Return the points that no other one with the same labels is as good as in everything."""
    kept = []
    for members in _grouped(points):
        columns = points.floor[:, members]
        order = members[np.lexsort((*columns[::-1], points.time[members]))]
        if len(columns) > 1:
            kept.append(order[_skyline(points.floor[:, order])])
            continue
        least = np.minimum.accumulate(points.floor[0, order])
        kept.append(order[np.concatenate(([True], least[1:] < least[:-1]))])
    return points.take(np.concatenate(kept))


def thinned(points: Points, cap: int) -> Points:
    """Return at most about `cap` points (one value besides the time), standing for all."""
    if len(points.time) <= cap or len(points.value) != 1:
        return points
    members = _grouped(points)
    size = -(-len(points.time) // max(1, cap - len(members)))
    at = np.concatenate([np.append(group[::size], group[-1]) for group in members])
    floor = np.concatenate(
        [
            np.append(
                np.minimum.reduceat(points.floor[0, group], np.arange(0, len(group), size)),
                points.floor[0, group[-1]],
            )
            for group in members
        ]
    )
    return replace(points.take(at), floor=floor[None, :])


def _paired(left: Points, right: Points, problem: Problem, *, series: bool) -> Points | None:
    inside = left.labels.keys() & right.labels.keys()
    joint = _same_other(left, right, problem)
    equal = [*((number, number) for number in inside), *joint]
    groups = [
        (mine, yours)
        for mine in _grouped(left)
        for yours in _grouped(right)
        if all(left.labels[a][mine[0]] == right.labels[b][yours[0]] for a, b in equal)
    ]
    swept = not series and len(left.value) == 1
    if len(groups) > LABELLINGS:
        return None
    most = PAIRS if len(left.value) == 1 else FEW_PAIRS
    if not swept and sum(len(mine) * len(yours) for mine, yours in groups) > most:
        return None
    chosen = [_swept(left, right, *pair) if swept else _crossed(*pair) for pair in groups]
    nothing = np.empty(0, dtype=np.intp)
    left_at = np.concatenate([nothing, *(mine for mine, _ in chosen)])
    right_at = np.concatenate([nothing, *(yours for _, yours in chosen)])
    times = left.time[left_at], right.time[right_at]
    value = left.value[:, left_at] + right.value[:, right_at]
    exact = left.exact and right.exact
    if not len(left_at):
        return None
    labels = _shared({n: own for n, own in left.labels.items() if n not in inside}, left_at)
    twins = {other: number for number, other in joint if number in labels}
    others = {n: own for n, own in right.labels.items() if n not in inside}
    labels |= _shared({n: own for n, own in others.items() if n not in twins}, right_at)
    labels |= {n: labels[twins[n]] for n in others if n in twins}
    return undominated(
        Points(
            time=times[0] + times[1] if series else np.maximum(*times),
            value=value,
            floor=value if exact else left.floor[:, left_at] + right.floor[:, right_at],
            labels=labels,
            parts=Parts(left, right, left_at, right_at),
        )
    )


def _crossed(mine: IntArray, yours: IntArray) -> tuple[IntArray, IntArray]:
    return np.repeat(mine, len(yours)), np.tile(yours, len(mine))


def _swept(
    left: Points, right: Points, mine: IntArray, yours: IntArray
) -> tuple[IntArray, IntArray]:
    """Return the best pair for each duration; both groups get cheaper as they get slower."""
    own, other = left.time[mine], right.time[yours]
    times = np.union1d(own, other)
    times = times[times >= max(own[0], other[0])]
    return (
        mine[np.searchsorted(own, times, side="right") - 1],
        yours[np.searchsorted(other, times, side="right") - 1],
    )


def _same_other(left: Points, right: Points, problem: Problem) -> list[tuple[int, int]]:
    """Return pairs of links whose labels must agree, as the same parent decides them."""
    known: dict[Hashable, int] = {}
    for number in left.labels:
        known.setdefault(_parent(problem, number), number)
    return [
        (known[key], number)
        for number in right.labels
        if number not in left.labels and (key := _parent(problem, number)) in known
    ]


def _parent(problem: Problem, number: int) -> Hashable:
    """Return what decides the label of a link: the parent's candidates."""
    link = problem.couplings[number]
    return link.parent, link.parent_labels


def _grouped(points: Points) -> list[IntArray]:
    """Return positions in groups of equal labels, by time within each."""
    columns = list({id(own): own for own in points.labels.values()}.values())
    if not columns:
        return [np.arange(len(points.time))]
    _, inverse = np.unique(np.array(columns), axis=1, return_inverse=True)
    order = np.argsort(inverse.ravel(), kind="stable")
    return np.split(order, np.flatnonzero(np.diff(inverse.ravel()[order])) + 1)


def _skyline(columns: FloatArray) -> IntArray:
    """Return which of many points, ordered by time, no earlier one is as good as."""
    kept: list[int] = []
    best = np.empty((len(columns), 0))
    for position, column in enumerate(columns.T):
        if not np.any(np.all(best <= column[:, None], axis=0)):
            kept.append(position)
            best = np.column_stack([best, column])
    return np.array(kept, dtype=np.intp)


def _shared(labels: Mapping[int, IntArray], at: IntArray) -> dict[int, IntArray]:
    """Return columns at some positions; those that were one array stay one array."""
    taken = {id(own): own[at] for own in labels.values()}
    return {number: taken[id(own)] for number, own in labels.items()}
