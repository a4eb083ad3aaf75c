"""The continuous problem behind Jolteon: cores and workers of all stages as real numbers."""

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import Bounds, minimize

from flexecutor_energy.optimization.objective import bounded
from flexecutor_energy.optimization.problem import FloatArray, Metric, Problem
from flexecutor_energy.optimization.schedulers.space import Space
from flexecutor_energy.optimization.schedulers.surface import fit_amounts, fit_times

MOST_PATHS = 64
"""Paths through the workflow whose length is bounded; the others are left to probing."""

LOOSENING = 1.05
"""What bounds are multiplied by as long as the continuous problem has no solution."""

ATTEMPTS = 20

_FREE = 50.0  # e to this many seconds: no limit on the makespan
_LEAST = 1e-12  # logarithms need values above zero


@dataclass(frozen=True, slots=True, eq=False)
class Relaxed:
    """A point of the continuous problem.

    Attributes
    ----------
    cores, workers : arrays (stages,)
    loosened : what the bounds had to be multiplied by; more than 1 where no point kept them
    """

    cores: FloatArray
    workers: FloatArray
    loosened: float


class Relaxation:
    """Minimise the objective over real cores and workers, keeping the deadline in every draw.

    The variables are the logarithms of cores, workers and the makespan in the mean, so that
    objective and constraints are convex. A draw enters by how much longer or shorter it makes
    each stage, in the median of the stage's candidates.
    """

    def __init__(self, space: Space) -> None:
        problem = space.problem
        self._space, self._problem = space, problem
        self._times = fit_times(space)
        self._amounts = {
            "energy": fit_amounts(space, problem.energies),
            "cost": fit_amounts(space, problem.costs),
        }
        self._paths = paths(problem)
        factors = [
            np.median(own / np.maximum(mean, _LEAST), axis=1)
            for own, mean in zip(space.instance.seconds(), problem.times, strict=True)
        ]
        drawn = np.column_stack(factors)[:, None, :] * self._paths[None, :, :]
        self._drawn = undominated(drawn.reshape(-1, len(factors)))

    def solve(self) -> Relaxed:
        """Solve by sequential least squares, loosening the bounds where there is no solution."""
        low, high = self._ranges()
        start = (low + high) / 2
        start[-1] = np.log(np.max(self._paths @ self._times.at(start[:-1])[0]) + _LEAST)
        loosened = 1.0
        for attempt in range(ATTEMPTS):
            loosened = LOOSENING**attempt
            point, solved = self._attempt(start, Bounds(low, high), loosened)
            if solved:
                break
        cores, workers = np.split(np.exp(np.clip(point, low, high)[:-1]), 2)
        return Relaxed(cores, workers, loosened)

    def _attempt(self, start: FloatArray, box: Bounds, loosened: float) -> tuple[FloatArray, bool]:
        # the stubs of minimize know neither arrays of constraints nor arrays of any length
        goal: Any = self._goal
        constraints: Any = {
            "type": "ineq",
            "fun": lambda point: self._room(point, loosened)[0],
            "jac": lambda point: self._room(point, loosened)[1],
        }
        with warnings.catch_warnings():
            # steps that leave the box are clipped, which is what is wanted
            warnings.filterwarnings("ignore", "Values in x were outside bounds", RuntimeWarning)
            answer = minimize(
                goal,
                start,
                jac=True,
                method="SLSQP",
                bounds=box,
                constraints=constraints,
                options={"maxiter": 200, "ftol": 1e-6},
            )
        return np.asarray(answer.x), bool(answer.success)

    def _goal(self, point: FloatArray) -> tuple[float, FloatArray]:
        """Return the logarithm of the objective and its gradient."""
        name = self._space.instance.objective
        metrics: tuple[Metric, ...] = ("energy", "time") if name == "edp" else (name,)
        totals = [self._total(point, metric) for metric in metrics]
        logarithm = sum(math.log(value) for value, _ in totals)
        slope = np.array([gradient / value for value, gradient in totals]).sum(axis=0)
        return logarithm, slope

    def _room(self, point: FloatArray, loosened: float) -> tuple[FloatArray, FloatArray]:
        """Return how much room each constraint leaves, as logarithms, and the gradients."""
        seconds, gradients = self._times.at(point[:-1])
        lengths = [self._paths]
        limits = [np.full(len(self._paths), point[-1])]
        if self._problem.max_time is not None:
            lengths.append(self._drawn)
            limit = np.log(self._problem.max_time * loosened)
            limits.append(np.full(len(self._drawn), limit))
        weights = np.concatenate(lengths)
        used = weights @ seconds + _LEAST
        slope = -np.column_stack([weights @ gradients / used[:, None], np.zeros(len(used))])
        slope[: len(self._paths), -1] = 1.0
        room, slopes = [np.concatenate(limits) - np.log(used)], [slope]
        for metric in bounded(self._problem):
            if metric != "time":
                value, gradient = self._total(point, metric)
                bound = self._problem.bound(metric)
                assert bound is not None, "bounded() says so"
                room.append(np.array([np.log(bound * loosened) - np.log(value)]))
                slopes.append(-(gradient / value)[None, :])
        return np.concatenate(room), np.concatenate(slopes)

    def _total(self, point: FloatArray, metric: Metric) -> tuple[float, FloatArray]:
        """Return a metric of the workflow and its gradient."""
        span = float(np.exp(point[-1]))
        rate = self._problem.per_second(metric)
        gradient = np.zeros(len(point))
        gradient[-1] = rate * span
        if metric == "time":
            return span + _LEAST, gradient
        surfaces = self._amounts[metric]
        assert surfaces is not None, "the instance was checked"
        values, gradients = surfaces.at(point[:-1])
        gradient[:-1] = gradients.sum(axis=0)
        return float(values.sum()) + rate * span + _LEAST, gradient

    def _ranges(self) -> tuple[FloatArray, FloatArray]:
        """Return the least and the most of each variable; the makespan is left free."""
        configs = self._space.configs
        offered = [[c.cpu for c in own] for own in configs]
        offered += [[float(c.workers) for c in own] for own in configs]
        low = [math.log(min(own)) for own in offered]
        high = [math.log(max(own)) for own in offered]
        return np.array([*low, -_FREE]), np.array([*high, _FREE])


def paths(problem: Problem) -> FloatArray:
    """Return which stages lie on each path from a first to a last stage: (paths, stages).

    Of more than `MOST_PATHS` those that are found first are returned.
    """
    found: list[tuple[int, ...]] = []
    stack: list[tuple[int, ...]] = [(i,) for i in problem.stages if not problem.parents[i]]
    while stack and len(found) < MOST_PATHS:
        path = stack.pop()
        children = problem.children[path[-1]]
        stack += [(*path, child) for child in children]
        if not children:
            found.append(path)
    rows = np.zeros((len(found), len(problem.times)))
    for row, path in zip(rows, found, strict=True):
        row[list(path)] = 1.0
    return rows


def undominated(rows: FloatArray) -> FloatArray:
    """Return the rows that no other row exceeds or equals everywhere, each once.

    What keeps a bound with those weights keeps it with the rest.
    """
    unique = np.unique(rows, axis=0)[::-1]
    kept: list[FloatArray] = []
    for row in unique:  # in falling order, so that no later row can exceed an earlier one
        if not any(np.all(other >= row) for other in kept):
            kept.append(row)
    return np.array(kept)
