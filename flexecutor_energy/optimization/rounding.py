"""A first plan from the linear relaxation: round durations down, then use up the slack.

Each stage of the relaxation has a window, from its start to the earliest start of a child. The
best candidate that fits into it gives a plan that keeps the makespan; what slack that leaves is
given to one stage after the other.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from flexecutor_energy.optimization.capacity import tails
from flexecutor_energy.optimization.model import Relaxation
from flexecutor_energy.optimization.pricing import prices
from flexecutor_energy.optimization.problem import FloatArray, IntArray, Label, Problem
from flexecutor_energy.optimization.schedule import Evaluation, evaluate
from flexecutor_energy.optimization.windows import heads

SWEEPS = 6
"""Passes over all stages that look for slack."""


@dataclass(frozen=True, slots=True)
class Stairs:
    """A stage's candidates that get cheaper as they get slower.

    Attributes
    ----------
    times : seconds, ascending
    candidates : likewise; the last one that is fast enough is the best one
    """

    times: list[float]
    candidates: list[int]

    def within(self, seconds: float) -> int:
        """Return the position of the best candidate that takes at most so long, or the fastest."""
        return max(0, bisect_right(self.times, seconds) - 1)


@dataclass(frozen=True, slots=True)
class Start:
    """A plan, and what it was chosen by.

    Attributes
    ----------
    plan : the plan
    stairs : what each stage chose from
    prices : for each stage what its candidates were taken to cost
    horizon_s : the makespan that could be used up
    """

    plan: Evaluation
    stairs: list[Stairs]
    prices: list[FloatArray]
    horizon_s: float


def rounded(
    problem: Problem,
    kept: Sequence[IntArray],
    corners: Sequence[IntArray],
    relaxed: Relaxation,
) -> Start | None:
    """Return a plan that is as fast as the relaxation; None where rounding finds no labels.

    It may take more energy or cost than the relaxation, and more than their bounds.

    Parameters
    ----------
    problem : the problem
    kept : the candidates to choose from
    corners : the candidates that the relaxation's shares are about
    relaxed : the relaxation
    """
    if relaxed.shares is None or relaxed.starts_s is None:
        return None
    allowed = agreed(problem, kept, corners, relaxed.shares)
    if allowed is None:
        return None
    priced = prices(problem, replace(relaxed.multipliers, area=0.0, links=()))
    stairs = staircases(problem, allowed, priced)
    windows = (_ends(problem, relaxed.starts_s) - relaxed.starts_s[:-1]) * (1 + 1e-12)
    positions = [own.within(room) for own, room in zip(stairs, windows, strict=True)]
    horizon = min(float(relaxed.starts_s[-1]), problem.limit("time"))
    plan = evaluate(problem, filled(problem, stairs, positions, horizon))
    return Start(plan, stairs, priced, horizon)


def filled(
    problem: Problem,
    stairs: Sequence[Stairs],
    positions: Sequence[int],
    horizon_s: float,
) -> list[int]:
    """Return the choice in which stages are slowed down for as long as that gains something.

    Parameters
    ----------
    problem : the problem
    stairs : the candidates of each stage
    positions : the step that each stage begins on
    horizon_s : makespan that may be used up; where the stages take longer, they stay as they are
    """
    at = list(positions)
    durations = [own.times[step] for own, step in zip(stairs, at, strict=True)]
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        other = tails(problem, durations) if forward else heads(problem, durations)
        if forward:  # without the stage itself
            other = [tail - own for tail, own in zip(other, durations, strict=True)]
        near, moved = [0.0] * len(at), False
        neighbours = problem.parents if forward else problem.children
        for stage in problem.order if forward else reversed(problem.order):
            near[stage] = max((near[i] + durations[i] for i in neighbours[stage]), default=0.0)
            step = stairs[stage].within(horizon_s - near[stage] - other[stage])
            if step > at[stage]:
                at[stage], durations[stage], moved = (
                    step,
                    stairs[stage].times[step],
                    True,
                )
        if not moved and sweep:
            break
    return [own.candidates[step] for own, step in zip(stairs, at, strict=True)]


def staircases(
    problem: Problem, kept: Sequence[IntArray], values: Sequence[FloatArray]
) -> list[Stairs]:
    """Return for each stage the kept candidates that are slower only where they are cheaper."""
    found = []
    for times, value, own in zip(problem.times, values, kept, strict=True):
        order = own[np.lexsort((value[own], times[own]))]
        least = np.minimum.accumulate(value[order])
        steps = order[np.concatenate(([True], least[1:] < least[:-1]))]
        found.append(Stairs(times[steps].tolist(), steps.tolist()))
    return found


def agreed(
    problem: Problem,
    kept: Sequence[IntArray],
    corners: Sequence[IntArray],
    shares: Sequence[FloatArray],
) -> list[IntArray] | None:
    """Return the candidates of each stage under one label for each link; None without success.

    Stages pick in topological order, among the labels that earlier picks leave, what the
    relaxation has most of.
    """
    if not problem.links:
        return list(kept)
    sides = [
        {link.parent: link.parent_labels, link.child: link.child_labels}
        for link in problem.couplings
    ]
    picked: list[Label | None] = [None] * len(sides)
    mine: list[list[int]] = [[] for _ in kept]
    for number, link in enumerate(problem.couplings):
        mine[link.parent].append(number)
        mine[link.child].append(number)
    allowed = list(kept)
    for stage in problem.order:
        weight = dict(zip(corners[stage].tolist(), shares[stage].tolist(), strict=True))
        groups: dict[tuple[Label, ...], list[int]] = {}
        for candidate in kept[stage].tolist():
            label = tuple(sides[number][stage][candidate] for number in mine[stage])
            if all(
                picked[n] is None or picked[n] == own
                for n, own in zip(mine[stage], label, strict=True)
            ):
                groups.setdefault(label, []).append(candidate)
        if not groups:
            return None
        best = max(groups, key=lambda key: sum(weight.get(c, 0.0) for c in groups[key]))
        for number, own in zip(mine[stage], best, strict=True):
            picked[number] = own
        allowed[stage] = np.array(groups[best])
    return allowed


def _ends(problem: Problem, starts_s: FloatArray) -> FloatArray:
    end = np.full(len(problem.times), starts_s[-1])
    for i, j in problem.edges:
        end[i] = min(end[i], starts_s[j])
    return end
