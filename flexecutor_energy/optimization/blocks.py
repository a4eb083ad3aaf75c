"""What blocks of stages in series or in parallel can do at best, in exact arithmetic.

A block takes from the earliest start of its stages to their latest finish. In series durations
add up, as every first stage of a member follows all last ones of the member before it; in
parallel the longest counts. Prices add up. So each block has a frontier of durations and least
prices, and what it costs at least is found without looking at its stages again. Frontiers that
get long are thinned, rounded down, so that what they say stays true.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

Steps = Sequence[tuple[str, Sequence[int]]]
"""``("series" | "parallel", members)`` each: stages are numbered from 0, and every step makes the
block of the next number out of stages and blocks that are in no block yet."""

Frontier = list[tuple[int, int]]
"""Pairs (duration, price) in whole numbers."""

CAP = 20_000
"""Points of a frontier beyond which it is thinned."""

PRODUCT = 1_000_000
"""Pairs of points that are added up at most to put two frontiers in series."""


@dataclass(frozen=True, slots=True)
class Block:
    """Which stages of a block there are, and which come first and last."""

    stages: frozenset[int]
    first: frozenset[int]
    last: frozenset[int]

    def follows(self, other: "Block", after: Sequence[int]) -> bool:
        """Tell whether the block starts when all of another one has finished."""
        return all(after[i] >> j & 1 for i in other.last for j in self.first)


def arrange(steps: Steps, after: Sequence[int]) -> dict[int, Block] | None:
    """Return the blocks that are part of no other, by number; None where steps make no sense.

    Parameters
    ----------
    steps : how the blocks are made
    after : for each stage the set of stages that follow it, as the bits of a number
    """
    alone = [frozenset({i}) for i in range(len(after))]
    blocks = {i: Block(own, own, own) for i, own in enumerate(alone)}
    for number, (kind, members) in enumerate(steps, start=len(after)):
        if kind not in ("series", "parallel") or not members:
            return None
        if len({*members} & blocks.keys()) < len(members):
            return None
        parts = [blocks.pop(member) for member in members]
        if kind == "series" and not all(y.follows(x, after) for x, y in pairwise(parts)):
            return None
        beside = parts if kind == "parallel" else ()
        blocks[number] = Block(
            frozenset().union(*(part.stages for part in parts)),
            parts[0].first.union(*(part.first for part in beside)),
            parts[-1].last.union(*(part.last for part in beside)),
        )
    return blocks


def frontiers(steps: Steps, rows: Sequence[Frontier]) -> dict[int, Frontier]:
    """Return the frontiers of the blocks that are part of no other, given those of all stages."""
    found = dict(enumerate(rows))
    for number, (kind, members) in enumerate(steps, start=len(rows)):
        parts = [staircase(found.pop(member)) for member in members]
        found[number] = _in_series(parts) if kind == "series" else _in_parallel(parts)
    return found


def staircase(points: Iterable[tuple[int, int]]) -> Frontier:
    """Return the points that no other one is as short and as cheap as, the shortest first."""
    steps: Frontier = []
    for duration, price in sorted(points):
        if not steps or price < steps[-1][1]:
            steps.append((duration, price))
    return steps


def _in_series(parts: Sequence[Frontier]) -> Frontier:
    total = parts[0]
    for part in parts[1:]:
        shorter, longer = sorted((total, part), key=len)
        shorter = _thinned(shorter, 1_000)
        longer = _thinned(longer, min(CAP, PRODUCT // len(shorter)))
        total = staircase((t + own_t, v + own_v) for t, v in longer for own_t, own_v in shorter)
    return total


def _in_parallel(parts: Sequence[Frontier]) -> Frontier:
    shortest = max(part[0][0] for part in parts)
    changes = [(shortest, part[0][1]) for part in parts]
    for part in parts:
        changes += [(max(t, shortest), v - before) for (_, before), (t, v) in pairwise(part)]
    total: Frontier = []
    price = 0
    for duration, change in sorted(changes):
        price += change
        if total and total[-1][0] == duration:
            total.pop()
        total.append((duration, price))
    return staircase(total)


def _thinned(frontier: Frontier, cap: int) -> Frontier:
    """Return at most `cap` points, none above what it stands for in either number."""
    size = -(-len(frontier) // cap)
    if size == 1:
        return frontier
    groups = (frontier[i : i + size] for i in range(0, len(frontier), size))
    return [(group[0][0], group[-1][1]) for group in groups]
