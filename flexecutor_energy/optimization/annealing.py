"""Shift the moments at which stages may start, many at once, to save on the stages around them.

With the start of every stage fixed, each stage has a window of time and takes its best candidate
that fits. So a plan is a point in the space of moments, and each moment touches a few windows
only: moments that share no stage move at the same time, as arrays (simulated annealing;
Kirkpatrick, Gelatt and Vecchi 1983). Thousands of passes a minute find what choosing stage by
stage does not, because slack can wander along the workflow.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flexecutor_energy.optimization.deadline import Deadline
from flexecutor_energy.optimization.problem import FloatArray, IntArray, Problem
from flexecutor_energy.optimization.rounding import Stairs

WARMTH = 0.03
"""First temperature, relative to what a stage takes on average."""

BLUR = 1e-10
"""Windows are that much longer than they are, relative to the makespan: sums are rounded."""

PASSES = 20_000
"""Passes over all moments at most."""


def annealed(
    problem: Problem,
    stairs: Sequence[Stairs],
    prices: Sequence[FloatArray],
    starts_s: Sequence[float],
    horizon_s: float,
    deadline: Deadline,
) -> list[int]:
    """Return the steps of the stages in the best plan that was met within a horizon.

    Parameters
    ----------
    problem : the problem, without a capacity
    stairs : the candidates of each stage, from the fastest to the cheapest
    prices : likewise what each of them costs
    starts_s : when the stages of a feasible plan start
    horizon_s : when the last stage has to end
    deadline : when to stop
    """
    moments = _Moments.of(problem)
    windows = _Windows(moments, stairs, prices, horizon_s)
    times = np.append(np.zeros(len(moments.before)), np.inf)  # the last one for "never"
    times[moments.start] = starts_s
    times[moments.end] = horizon_s
    generator = np.random.default_rng(0)
    total, steps = windows.total(times)
    best, current, passes = total, total, 0
    warmth, seconds = WARMTH * abs(total) / len(stairs), deadline.left()
    while not deadline.passed() and passes < PASSES:
        progress = max(1 - deadline.left() / seconds, passes / PASSES)
        for layer in windows.layers:
            current += layer.move(times, warmth * (1 - progress) ** 2, generator)
        passes += 1
        if current < best:
            best, steps = windows.total(times)
            current = best
    return [int(step) for step in steps]


@dataclass(frozen=True, slots=True)
class _Moments:
    """The distinct moments of a workflow: stages with the same parents may start at the same.

    Attributes
    ----------
    before : for each moment the stages that have to end by it
    after : for each moment the stages that may start at it
    start : for each stage its moment
    ends : for each stage the moments by which it has to end
    end : the moment that ends the workflow
    """

    before: list[list[int]]
    after: list[list[int]]
    start: IntArray
    ends: list[list[int]]
    end: int

    @classmethod
    def of(cls, problem: Problem) -> "_Moments":
        names: dict[tuple[int, ...], int] = {}
        start = [names.setdefault(tuple(sorted(above)), len(names)) for above in problem.parents]
        before = [list(parents) for parents in names]
        before.append([stage for stage in problem.stages if not problem.children[stage]])
        after: list[list[int]] = [[] for _ in before]
        ends: list[list[int]] = [[] for _ in start]
        for stage, moment in enumerate(start):
            after[moment].append(stage)
        for moment, stages in enumerate(before):
            for stage in stages:
                ends[stage].append(moment)
        return cls(before, after, np.array(start), ends, len(before) - 1)

    def layers(self) -> list[list[int]]:
        """Return the moments that can move, in sets that share no stage."""
        around: list[set[int]] = [set() for _ in self.ends]
        for moment, (before, after) in enumerate(zip(self.before, self.after, strict=True)):
            for stage in (*before, *after):
                around[stage].add(moment)
        colours: list[int] = []
        for before, after in zip(self.before, self.after, strict=True):
            taken = {
                colours[other]
                for stage in (*before, *after)
                for other in around[stage]
                if other < len(colours)
            }
            colours.append(next(c for c in range(len(taken) + 1) if c not in taken))
        found: list[list[int]] = [[] for _ in range(max(colours) + 1)]
        for moment, colour in enumerate(colours):
            if self.before[moment] and moment != self.end:
                found[colour].append(moment)
        return [layer for layer in found if layer]


class _Windows:
    """What stages cost in the windows that moments leave them."""

    def __init__(
        self,
        moments: _Moments,
        stairs: Sequence[Stairs],
        prices: Sequence[FloatArray],
        horizon_s: float,
    ) -> None:
        self.sizes = np.array([len(own.times) for own in stairs])
        self.first = np.concatenate([[0], np.cumsum(self.sizes)[:-1]])
        self.times = np.concatenate([own.times for own in stairs])
        self.prices = np.concatenate(
            [price[own.candidates] for own, price in zip(stairs, prices, strict=True)]
        )
        self.start = moments.start
        # one sorted array for all stages: each has its own range of numbers
        self.span, self.blur = 4.0 * horizon_s + float(self.times.max()), BLUR * horizon_s
        self.keys = self.times + np.repeat(np.arange(len(stairs)), self.sizes) * self.span
        counts = [len(ends) for ends in moments.ends]
        self.ends = np.array([moment for ends in moments.ends for moment in ends])
        self.end_at = np.concatenate([[0], np.cumsum(counts)[:-1]])
        self.layers = [_Layer(self, moments, layer) for layer in moments.layers()]

    def step(self, stages: IntArray, windows_s: FloatArray) -> IntArray:
        """Return the position, among all stairs, of the best step within each window."""
        wanted = windows_s + (stages * self.span + self.blur)
        found: IntArray = np.searchsorted(self.keys, wanted, side="right") - 1
        at: IntArray = np.maximum(found, self.first[stages])
        return at

    def latest(self, times: FloatArray) -> FloatArray:
        """Return when each stage has to end."""
        latest: FloatArray = np.minimum.reduceat(times[self.ends], self.end_at)
        return latest

    def total(self, times: FloatArray) -> tuple[float, IntArray]:
        """Return what all stages cost together, and their steps."""
        stages = np.arange(len(self.sizes))
        at = self.step(stages, self.latest(times) - times[self.start])
        return float(self.prices[at].sum()), at - self.first


class _Layer:
    """Moments that move at the same time."""

    def __init__(self, windows: _Windows, moments: _Moments, layer: Sequence[int]) -> None:
        self.windows, self.moments = windows, np.array(layer)
        stages, owner, others, others_at = list[int](), list[int](), list[int](), list[int]()
        bounds, ending = [0], list[bool]()
        never = len(moments.before)
        for number, moment in enumerate(layer):
            for stage in moments.before[moment]:
                rest = [other for other in moments.ends[stage] if other != moment]
                others_at.append(len(others))
                others += rest or [never]
                stages.append(stage)
                ending.append(True)
            for stage in moments.after[moment]:
                others_at.append(len(others))
                others.append(never)
                stages.append(stage)
                ending.append(False)
            owner += [number] * (len(stages) - len(owner))
            bounds.append(len(stages))
        self.stages, self.owner = np.array(stages), np.array(owner)
        self.ending, self.others = np.array(ending), np.array(others)
        self.others_at, self.bounds = np.array(others_at), np.array(bounds)
        self.fastest = windows.times[windows.first[self.stages]]

    def move(self, times: FloatArray, warmth: float, generator: np.random.Generator) -> float:
        """Move some of the moments, and return what that adds to the total."""
        windows, stages, owner, count = self.windows, self.stages, self.owner, len(self.moments)
        latest = windows.latest(times)[stages]
        begin = times[windows.start[stages]]
        picked = self.bounds[:-1] + (generator.random(count) * np.diff(self.bounds)).astype(int)
        chosen = stages[picked]
        any_step = (generator.random(count) * windows.sizes[chosen]).astype(int)
        took = windows.times[windows.first[chosen] + any_step]
        # a moment moves to where one of its stages, in one of its candidates, just fits
        moved = np.where(self.ending[picked], begin[picked] + took, latest[picked] - took)
        otherwise = np.minimum.reduceat(times[self.others], self.others_at)
        new_begin = np.where(self.ending, begin, moved[owner])
        new_latest = np.where(self.ending, np.minimum(otherwise, moved[owner]), latest)
        room = new_latest - new_begin
        short = np.bincount(owner, room < self.fastest - windows.blur, count) > 0
        after = windows.prices[windows.step(stages, np.maximum(room, 0.0))]
        before = windows.prices[windows.step(stages, latest - begin)]
        added = np.bincount(owner, after - before, count)
        with np.errstate(divide="ignore"):
            allowed = -warmth * np.log(generator.random(count))
        accepted = ~short & (added <= allowed)
        times[self.moments[accepted]] = moved[accepted]
        return float(added[accepted].sum())
