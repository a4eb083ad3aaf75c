"""Join stages in series and in parallel into blocks with exact frontiers.

The relaxation of what is left is tighter, since it may mix whole blocks but no longer their
stages; a workflow that is series-parallel becomes a single block. Blocks in series are joined
where that leads to a parallel block or to the end, as it makes nothing tighter by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from heapq import heapify, heappop, heappush
from typing import Literal

import numpy as np

from flexecutor_energy.optimization.certificate import Multipliers
from flexecutor_energy.optimization.frontier import (
    Points,
    in_parallel,
    in_series,
    thinned,
    undominated,
)
from flexecutor_energy.optimization.objective import Objective
from flexecutor_energy.optimization.problem import (
    Choice,
    FloatArray,
    IntArray,
    Label,
    Link,
    Metric,
    Problem,
)
from flexecutor_energy.optimization.prune import used
from flexecutor_energy.optimization.structure import Group, groups, reduced_edges

CAP = 4_000
"""Points beyond which the frontier of blocks in series is thinned, inside a parallel block."""

WHOLE = 60_000
"""Points that the frontier of the whole workflow may have; it is never thinned."""

Step = tuple[Literal["series", "parallel"], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Contraction:
    """A problem whose stages are blocks of stages of another one.

    Attributes
    ----------
    problem : the problem of the blocks
    floor : the same with values that are below all that its candidates stand for; the problem
        itself where no frontier was thinned
    blocks : the frontier of each block
    steps : how the blocks are made, for the proof
    edges : for each edge between blocks one between their stages
    ends : a last stage of each block
    links : for each link between blocks the one between stages that it stands for
    row : the blocks in a row that were joined to a single one, as they were before
    pairs : pairs of points that it takes to join them
    """

    problem: Problem
    floor: Problem
    blocks: tuple[Points, ...]
    steps: tuple[Step, ...]
    edges: Mapping[tuple[int, int], tuple[int, int]]
    ends: tuple[int, ...]
    links: tuple[int, ...]
    row: "Contraction | None" = None
    pairs: int = 0

    @property
    def exact(self) -> bool:
        """Whether bounds of the problem are bounds of the original one."""
        return self.floor is self.problem

    def expanded(self, choice: Sequence[int]) -> Choice:
        """Return the candidates of all stages."""
        found: dict[int, int] = {}
        for block, point in zip(self.blocks, choice, strict=True):
            found |= block.choice(point)
        return tuple(found[stage] for stage in sorted(found))

    def lifted(self, multipliers: Multipliers, links: int) -> Multipliers:
        """Return multipliers of the blocks as those of the original problem."""
        last = len(self.blocks)
        stages = sum(len(block.choice(0)) for block in self.blocks)
        flow = tuple(
            (*(self.edges[i, j] if j < last else (self.ends[i], stages)), phi)
            for i, j, phi in multipliers.flow
        )
        nu: list[tuple[tuple[Label, float], ...]] = [()] * links
        for number, pairs in zip(self.links, multipliers.links, strict=False):
            nu[number] = pairs
        return replace(multipliers, flow=flow, links=tuple(nu), blocks=self.steps)


def contract(
    problem: Problem, objective: Objective, kept: Sequence[IntArray]
) -> Contraction | None:
    """Return the problem of the blocks; None where there are none, or they get too large.

    Parameters
    ----------
    problem : the problem
    objective : what is minimised
    kept : the candidates to choose from
    """
    if problem.capacity is not None:
        return None
    metrics = [metric for metric in used(problem, objective) if metric != "time"]
    leaves = _leaves(problem, kept, metrics)
    tops = groups(problem)
    whole = len(tops) == 1
    tops = [part for top in tops for part in (top.members if top.kind == "series" else (top,))]
    if len(tops) == len(leaves):
        return None
    blocks = []
    for top in tops:
        points = _joined(top, leaves, problem)
        if points is None:
            return None
        blocks.append(points)
    chains = [[top] for top in tops]
    apart = _assembled(problem, metrics, blocks, chains)
    joined = _end_to_end(blocks, problem) if whole and len(blocks) > 1 else None
    if joined is None:
        return apart
    end_to_end = _assembled(problem, metrics, [joined], [tops])
    return replace(end_to_end, row=apart, pairs=_pairs(joined, len(blocks) - 1))


def _leaves(problem: Problem, kept: Sequence[IntArray], metrics: Sequence[Metric]) -> list[Points]:
    known = _codes(problem)
    labels: list[dict[int, IntArray]] = [{} for _ in kept]
    for number, link in enumerate(problem.couplings):
        for stage, given in ((link.parent, link.parent_labels), (link.child, link.child_labels)):
            codes = [known[given[candidate]] for candidate in kept[stage].tolist()]
            labels[stage][number] = np.array(codes, dtype=np.intp)
    leaves = []
    for stage, own in enumerate(kept):
        tables = [values for metric in metrics if (values := problem.values(metric)) is not None]
        rows = [values[stage][own] for values in tables] or [np.zeros(len(own))]
        value = np.array(rows)
        points = Points(problem.times[stage][own], value, value, labels[stage], stage, own)
        leaves.append(undominated(points))
    return leaves


def _joined(group: Group, leaves: Sequence[Points], problem: Problem) -> Points | None:
    """Return the frontier of a group; None where it gets too large."""
    if group.kind == "stage":
        return leaves[group.stage]
    members = [_joined(member, leaves, problem) for member in group.members]
    parts = [member for member in members if member is not None]
    if len(parts) < len(members):
        return None
    if group.kind == "series":
        return reduce(
            lambda total, part: total and _bounded(in_series(total, part, problem)),
            parts[1:],
            _bounded(parts[0]),
        )
    heap = [(len(part.time), number, part) for number, part in enumerate(parts)]
    heapify(heap)
    while len(heap) > 1:  # the smallest first
        (_, _, left), (_, number, right) = heappop(heap), heappop(heap)
        pair = in_parallel(left, right, problem)
        if pair is None:
            return None
        heappush(heap, (len(pair.time), number, pair))
    return heap[0][2]


def _bounded(points: Points | None) -> Points | None:
    return points and thinned(points, CAP)


def _end_to_end(blocks: Sequence[Points], problem: Problem) -> Points | None:
    """Return the frontier of all blocks in a row, not thinned; None where it gets too large."""
    total: Points | None = blocks[0]
    for block in blocks[1:]:
        total = total and in_series(total, block, problem)
        if total is None or len(total.time) > WHOLE:
            return None
    return total


def _pairs(points: Points, joints: int) -> int:
    """Return how many pairs of points the last joints of a row looked at."""
    total = 0
    for _ in range(joints):
        assert points.parts is not None
        total += len(points.parts.left.time) * len(points.parts.right.time)
        points = points.parts.left
    return total


def _assembled(
    problem: Problem,
    metrics: Sequence[Metric],
    blocks: Sequence[Points],
    chains: Sequence[Sequence[Group]],
) -> Contraction:
    home = {
        stage: number
        for number, chain in enumerate(chains)
        for group in chain
        for stage in group.stages
    }
    edges = {(home[i], home[j]): (i, j) for i, j in reduced_edges(problem) if home[i] != home[j]}
    inner = {i for i, j in reduced_edges(problem) if home[i] == home[j]}
    ends = {number: stage for stage, number in home.items() if stage not in inner}
    numbers, links = _links(problem, blocks, home)

    def column(metric: Metric, values: Sequence[FloatArray]) -> list[FloatArray] | None:
        if metric not in metrics:
            return None
        return [own[metrics.index(metric)] for own in values]

    def stated(values: Sequence[FloatArray]) -> Problem:
        return replace(
            problem,
            times=[points.time for points in blocks],
            energies=column("energy", values),
            costs=column("cost", values),
            edges=list(edges),
            links=links,
            cores=None,
        )

    exact = all(points.exact for points in blocks)
    real = stated([points.value for points in blocks])
    return Contraction(
        problem=real,
        floor=real if exact else stated([points.floor for points in blocks]),
        blocks=tuple(blocks),
        steps=_steps(chains, len(home)),
        edges=edges,
        ends=tuple(ends[number] for number in range(len(blocks))),
        links=numbers,
    )


def _links(
    problem: Problem, blocks: Sequence[Points], home: Mapping[int, int]
) -> tuple[tuple[int, ...], list[Link]]:
    """Return the links between blocks, each kind once, and their numbers in the problem."""
    names = list(_codes(problem))
    numbers, links, seen = [], [], set()
    for number, link in enumerate(problem.couplings):
        parent, child = home[link.parent], home[link.child]
        if parent == child:
            continue
        above, below = blocks[parent].labels[number], blocks[child].labels[number]
        key = (parent, child, id(below), link.parent, link.parent_labels)
        if key not in seen:
            seen.add(key)
            numbers.append(number)
            links.append(
                Link(
                    parent,
                    child,
                    tuple(names[code] for code in above.tolist()),
                    tuple(names[code] for code in below.tolist()),
                )
            )
    return tuple(numbers), links


def _codes(problem: Problem) -> dict[Label, int]:
    """Return a number for each label; labels that are equal get the same one."""
    codes: dict[Label, int] = {}
    for link in problem.couplings:
        for label in (*link.parent_labels, *link.child_labels):
            codes.setdefault(label, len(codes))
    return codes


def _steps(chains: Sequence[Sequence[Group]], stages: int) -> tuple[Step, ...]:
    steps: list[Step] = []

    def add(group: Group) -> int:
        if group.kind == "stage":
            return group.stage
        members = tuple(add(member) for member in group.members)
        steps.append((group.kind, members))
        return stages + len(steps) - 1

    for chain in chains:
        names = tuple(add(group) for group in chain)
        if len(names) > 1:
            steps.append(("series", names))
    return tuple(steps)
