"""Raise the bound of a relaxation piece by piece.

At the prices of the relaxation, what a plan costs beyond the bound is a sum of terms, none of them
negative: the excess of each stage's candidate, the price of every second that a stage waits for
another one, starts late without need, or that is left of the deadline. The relaxation makes all of
them zero by mixing candidates. Stages between which there are several ways cannot, if each takes
one candidate. So the workflow is cut into pieces, branch-and-bound finds the least sum of terms
within each, and all these sums add to the bound (Lagrangian decomposition; Guignard and Kim 1987).
Pieces are joined in pairs as long as there is time: what a larger one says is at least as much.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from flexecutor_energy.optimization.capacity import tails
from flexecutor_energy.optimization.deadline import Deadline
from flexecutor_energy.optimization.model import Relaxation
from flexecutor_energy.optimization.pricing import excess
from flexecutor_energy.optimization.problem import FloatArray, IntArray, Problem
from flexecutor_energy.optimization.rows import Rows
from flexecutor_energy.optimization.silence import stdout_to_stderr
from flexecutor_energy.optimization.windows import heads

SMALLEST, LARGEST = 24, 200
"""Stages of the first pieces, and of the last ones at most."""

PRECISION = 0.1
"""Relative to what a piece adds, which is a small part of the bound."""

SCALE = 1e6
"""The bound in the units of a piece: HiGHS stops at an absolute gap of 1e-6."""

SURE = 1 - 1e-6
"""The share of what HiGHS says that is added, for its tolerances."""

PRICED, UNPRICED = 1e-12, 0.01
"""Prices of a second below this share of the largest one are none, and what such a way counts."""


def raised(
    problem: Problem,
    kept: Sequence[IntArray],
    relaxed: Relaxation,
    room: float,
    deadline: Deadline,
    smallest: int = SMALLEST,
) -> float:
    """Return a lower bound on all plans that cost less than the relaxation's bound and the room.

    Parameters
    ----------
    problem : the problem
    kept : the candidates to choose from
    relaxed : its relaxation
    room : by how much the best plan known exceeds the bound
    deadline : when to stop
    smallest : stages of the first pieces
    """
    if relaxed.bound <= 0:
        return relaxed.bound
    losses = _Losses.of(problem, kept, relaxed, max(room, 0.0))
    pieces = [_Piece([stage]) for stage in problem.order]
    while (pairs := _pairs(losses, pieces)) and not deadline.passed():
        joined = {id(piece) for pair in pairs for piece in pair}
        pieces = [piece for piece in pieces if id(piece) not in joined]
        for number, (one, other) in enumerate(pairs):
            stages, adds = [*one.stages, *other.stages], one.adds + other.adds
            if len(stages) >= smallest:
                seconds = deadline.left() / (len(pairs) - number)
                adds = max(adds, losses.least(stages, seconds))
            pieces.append(_Piece(stages, adds))
    return relaxed.bound + sum(piece.adds for piece in pieces)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some stages, and by how much they raise the bound."""

    stages: list[int]
    adds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Losses:
    """What a plan can lose against the relaxation.

    Attributes
    ----------
    problem : the problem
    options : candidates of each stage that may be part of a better plan
    excess : what each of them loses
    waiting : price of a second between the end of a stage and the start of another one; the
        number of stages stands for the end of the workflow
    late : price of a second before each stage starts
    left : price of a second that is left of the deadline
    head_s, tail_s : seconds that there must be before and after the start of each stage
    unit : of the objective, for the solver
    second : likewise of time
    """

    problem: Problem
    options: list[IntArray]
    excess: list[FloatArray]
    waiting: Mapping[tuple[int, int], float]
    late: FloatArray
    left: float
    head_s: FloatArray
    tail_s: FloatArray
    unit: float
    second: float

    @classmethod
    def of(
        cls, problem: Problem, kept: Sequence[IntArray], relaxed: Relaxation, room: float
    ) -> "_Losses":
        multipliers, end = relaxed.multipliers, len(kept)
        extra = excess(problem, kept, multipliers)
        waiting = dict.fromkeys(problem.edges, 0.0)
        waiting |= {(i, end): 0.0 for i in problem.stages if not problem.children[i]}
        waiting |= {(i, j): phi for i, j, phi in multipliers.flow}
        balance = np.zeros(end + 1)
        for (i, j), phi in waiting.items():
            balance[i] += phi
            balance[j] -= phi
        options = [own[lost <= room] for own, lost in zip(kept, extra, strict=True)]
        fast = [float(times[own].min()) for times, own in zip(problem.times, options, strict=True)]
        return cls(
            problem=problem,
            options=options,
            excess=[lost[lost <= room] for lost in extra],
            waiting=waiting,
            late=np.maximum(balance[:end], 0.0),
            left=multipliers.time_bound,
            head_s=np.array(heads(problem, fast)),
            tail_s=np.array(tails(problem, fast)),
            unit=relaxed.bound / SCALE,
            second=max(fast) or 1.0,
        )

    def ways(self) -> Iterator[tuple[int, int, float]]:
        """Yield pairs of stages that follow each other, and how much that says about them."""
        priced = PRICED * max(self.waiting.values(), default=0.0)
        for (i, j), phi in self.waiting.items():
            if j < len(self.options):
                yield i, j, 1.0 if phi > priced else UNPRICED

    def least(self, stages: Sequence[int], seconds: float) -> float:
        """Return what the stages of a piece lose at least, as far as that is found in time."""
        end, inside = len(self.options), {*stages, len(self.options)}
        edges = [edge for stage in stages for edge in self._out(stage) if edge[1] in inside]
        sizes = [len(self.options[stage]) for stage in stages]
        first = np.concatenate([[0], np.cumsum(sizes)])
        begin = {stage: int(first[-1]) + number for number, stage in enumerate((*stages, end))}
        wait = int(first[-1]) + len(begin)
        width = wait + len(edges) + 1
        cells = {
            stage: np.arange(*first[number : number + 2]) for number, stage in enumerate(stages)
        }
        cost, upper, lower = np.zeros(width), np.full(width, np.inf), np.zeros(width)
        equal = Rows()
        horizon = self.problem.limit("time") / self.second
        for stage in stages:
            own = cells[stage]
            cost[own], upper[own] = self.excess[stage] / self.unit, 1.0
            cost[begin[stage]] = self.late[stage] * self.second / self.unit
            lower[begin[stage]] = self.head_s[stage] / self.second
            latest = horizon - self.tail_s[stage] / self.second
            upper[begin[stage]] = max(latest, lower[begin[stage]])
            equal.add([own], [np.ones(len(own))], 1.0)
        for number, (i, j) in enumerate(edges, start=wait):
            took = self.problem.times[i][self.options[i]] / self.second
            ends = np.array([begin[i], number, begin[j]])
            equal.add([cells[i], ends], [took, np.array([1.0, 1.0, -1.0])], 0.0)
            cost[number] = self.waiting[i, j] * self.second / self.unit
        ending = sum(self.waiting[edge] for edge in edges if edge[1] == end)
        if np.isfinite(horizon) and ending:
            rest = np.array([begin[end], width - 1])
            equal.add([rest], [np.ones(2)], horizon)
            share = ending / sum(phi for (_, j), phi in self.waiting.items() if j == end)
            cost[-1] = share * self.left * self.second / self.unit
        integral = np.arange(width) < first[-1]
        return _least(cost, lower, upper, integral, equal, seconds) * self.unit

    def _out(self, stage: int) -> list[tuple[int, int]]:
        children = self.problem.children[stage] or (len(self.options),)
        return [(stage, child) for child in children]


def _least(
    cost: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    integral: NDArray[np.bool_],
    equal: Rows,
    seconds: float,
) -> float:
    """Return a lower bound on the cost; 0 where nothing was found in time."""
    matrix: Any = equal.matrix(len(cost))
    right = np.array(equal.right)
    with stdout_to_stderr():
        answer = milp(
            cost,
            integrality=integral.astype(np.intp),
            bounds=Bounds(lower, upper),
            constraints=[LinearConstraint(matrix, right, right)],
            options={"mip_rel_gap": PRECISION, "time_limit": max(seconds, 0.01)},
        )
    found = answer.mip_dual_bound
    return float(found) * SURE if found is not None and 0 < found < np.inf else 0.0


def _pairs(losses: _Losses, pieces: Sequence[_Piece]) -> list[tuple[_Piece, _Piece]]:
    """Return pieces to join, those with most ways between them for their size first."""
    home = {stage: at for at, piece in enumerate(pieces) for stage in piece.stages}
    sizes = [len(piece.stages) for piece in pieces]
    between: dict[tuple[int, int], float] = {}
    for i, j, way in losses.ways():
        a, b = sorted((home[i], home[j]))
        if a != b and sizes[a] + sizes[b] <= LARGEST:
            between[a, b] = between.get((a, b), 0.0) + way / min(sizes[a], sizes[b])
    if not between:  # the end of the workflow is common to all
        neighbours = pairwise(range(len(pieces)))
        between = {(a, b): 0.0 for a, b in neighbours if sizes[a] + sizes[b] <= LARGEST}
    taken: set[int] = set()
    found = []
    for a, b in sorted(between, key=lambda pair: -between[pair]):
        if taken.isdisjoint((a, b)):
            taken |= {a, b}
            found.append((pieces[a], pieces[b]))
    return found
