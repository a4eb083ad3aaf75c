"""Which stages of a workflow form blocks in series or in parallel."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from flexecutor_energy.optimization.problem import Problem

Kind = Literal["stage", "series", "parallel"]


@dataclass(frozen=True, slots=True)
class Group:
    """A stage, or a block of groups.

    Attributes
    ----------
    kind : what it is
    stage : the number of the stage; -1 for a block
    members : the groups of a block, in order where they are in series
    """

    kind: Kind
    stage: int = -1
    members: tuple["Group", ...] = ()

    @property
    def stages(self) -> list[int]:
        """All stages in it."""
        if self.kind == "stage":
            return [self.stage]
        return [stage for member in self.members for stage in member.stages]


@dataclass(slots=True)
class _Node:
    group: Group
    above: set[int] = field(default_factory=set)
    below: set[int] = field(default_factory=set)


def reduced_edges(problem: Problem) -> list[tuple[int, int]]:
    """Return the edges that do not follow from others: the transitive reduction."""
    after = [0] * len(problem.times)
    for stage in reversed(problem.order):
        for child in problem.children[stage]:
            after[stage] |= after[child] | 1 << child
    needed = []
    for stage in problem.stages:
        indirect = 0
        for child in problem.children[stage]:
            indirect |= after[child]
        needed += [
            (stage, child) for child in problem.children[stage] if not indirect >> child & 1
        ]
    return needed


def groups(problem: Problem) -> list[Group]:
    """Return the groups that are left when all series and all parallel twins are joined.

    Twins have the same parents and the same children; in series, each is the only neighbour of
    the other on that side (Valdes, Tarjan and Lawler 1982).
    """
    nodes = {stage: _Node(Group("stage", stage)) for stage in problem.stages}
    for i, j in reduced_edges(problem):
        nodes[i].below.add(j)
        nodes[j].above.add(i)
    while _join_parallel(nodes) or _join_series(nodes):
        pass
    return [node.group for node in nodes.values()]


def _join_parallel(nodes: dict[int, _Node]) -> bool:
    twins: dict[tuple[frozenset[int], frozenset[int]], list[int]] = {}
    for name, node in nodes.items():
        twins.setdefault((frozenset(node.above), frozenset(node.below)), []).append(name)
    found = False
    for names in twins.values():
        if len(names) < 2:
            continue
        first, *others = names
        nodes[first].group = _joined("parallel", [nodes[name].group for name in names])
        for name in others:
            gone = nodes.pop(name)
            for other in gone.above:
                nodes[other].below.discard(name)
            for other in gone.below:
                nodes[other].above.discard(name)
        found = True
    return found


def _join_series(nodes: dict[int, _Node]) -> bool:
    found = False
    for name in list(nodes):
        if name not in nodes:
            continue
        while len(nodes[name].below) == 1:
            (following,) = nodes[name].below
            if len(nodes[following].above) != 1:
                break
            gone = nodes.pop(following)
            nodes[name].group = _joined("series", [nodes[name].group, gone.group])
            nodes[name].below = gone.below
            for other in gone.below:
                nodes[other].above.discard(following)
                nodes[other].above.add(name)
            found = True
    return found


def _joined(kind: Kind, members: Sequence[Group]) -> Group:
    flat: list[Group] = []
    for member in members:
        flat += member.members if member.kind == kind else (member,)
    return Group(kind, members=tuple(flat))
