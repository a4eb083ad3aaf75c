"""Conditions that were measured: there, the measurement itself is the better half of the answer.

A model's error at one condition is the same in each of its runs, while noise is not. With the
variance τ² of the one and σ² of the other, the best guess from a model's value and the mean of n
runs weighs the mean by τ²/(τ² + σ²/n), in logarithms (the usual shrinkage of random effects:
Searle, Casella and McCulloch, Variance Components, 1992).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexecutor_energy.prediction.rows import FloatArray, Rows

IntArray = npt.NDArray[np.int64]


# Standard deviation of the logarithm between runs of one condition, before any was repeated; it
# counts as so many observations.
NOISE, OBSERVATIONS = 0.04, 3.0


@dataclass(frozen=True, slots=True)
class Scatter:
    """How runs of the same condition differ.

    Attributes
    ----------
    squares : sum of squared logarithms about the mean of each condition
    freedom : how many of them are free
    """

    squares: float
    freedom: int

    @classmethod
    def of(cls, measured: FloatArray, conditions: IntArray) -> "Scatter":
        """Return the scatter of m runs; NaN is left out."""
        known = measured > 0
        logs, at = np.log(measured[known]), conditions[known]
        _, inverse, counts = np.unique(at, return_inverse=True, return_counts=True)
        means = np.bincount(inverse, weights=logs) / counts
        return cls(float(np.sum((logs - means[inverse]) ** 2)), len(logs) - len(counts))

    def __add__(self, other: "Scatter") -> "Scatter":
        return Scatter(self.squares + other.squares, self.freedom + other.freedom)

    def deviation(self, usual: float) -> float:
        """Return the standard deviation of noise, given what is usual."""
        total = OBSERVATIONS * usual**2 + self.squares
        return math.sqrt(total / (OBSERVATIONS + self.freedom))


NOTHING = Scatter(0.0, 0)


@dataclass(frozen=True, slots=True)
class Trust:
    """The two variances that decide how far to trust a measured mean.

    Attributes
    ----------
    model : variance of the log error of models that did not see a condition, over conditions
    noise : variance of the logarithm over runs of one condition; infinite if there are none
    """

    model: float
    noise: float

    @classmethod
    def of(
        cls,
        runs: FloatArray,
        predicted: FloatArray,
        conditions: IntArray,
        elsewhere: Scatter = NOTHING,
    ) -> "Trust":
        """Estimate both from runs.

        Where nothing was repeated anywhere, half of the error is taken for noise.

        Parameters
        ----------
        runs : array (runs,), measured; NaN where unmeasured
        predicted : array (runs,), by models that did not see the condition; NaN where unknown
        conditions : array (runs,), number of the condition of each run
        elsewhere : of runs of the other stages of the workflow
        """
        known = (runs > 0) & (predicted > 0)
        if not np.any(known):
            return cls(0.0, np.inf)
        logs = np.log(runs[known])
        _, inverse, counts = np.unique(conditions[known], return_inverse=True, return_counts=True)
        means = np.bincount(inverse, weights=logs) / counts
        error = means - np.bincount(inverse, weights=np.log(predicted[known])) / counts
        own = Scatter.of(runs[known], conditions[known])
        if own.freedom + elsewhere.freedom == 0:
            half = float(np.mean(error**2)) / 2
            return cls(half, half)
        noise = own.deviation(elsewhere.deviation(NOISE)) ** 2
        model = float(np.mean(error**2 - noise / counts))
        return cls(max(model, 0.0), noise)

    def weight(self, counts: FloatArray) -> FloatArray:
        """Return the weight, 0…1, of the mean of so many runs."""
        if self.model == 0 or not np.isfinite(self.noise):
            return np.zeros_like(counts)
        noise = np.divide(self.noise, counts, out=np.full_like(counts, np.inf), where=counts > 0)
        weight: FloatArray = self.model / (self.model + noise)
        return weight


@dataclass(frozen=True, slots=True, eq=False)
class Anchors:
    """The n measured conditions of a stage.

    Attributes
    ----------
    places : (cpu, memory, workers, workers of each parent that matters) → number
    groups : array (n,), what is held out together
    means : target → array (n,), mean over the runs, whole-stage totals; NaN where unmeasured
    weights : target → array (n,), 0…1
    """

    places: Mapping[tuple[float, ...], int]
    groups: IntArray
    means: Mapping[str, FloatArray]
    weights: Mapping[str, FloatArray]

    def find(self, rows: Rows, without: int | None = None) -> IntArray:
        """Return the number of each row's condition: array (rows,), -1 if it was not measured.

        Parameters
        ----------
        rows : configurations
        without : a group to forget
        """
        columns = (rows.cpu, rows.memory_mb, rows.workers, *rows.fan_in.values())
        keys = zip(*(column.tolist() for column in columns), strict=True)
        found = np.array([self.places.get(key, -1) for key in keys], dtype=np.int64)
        if without is not None and len(self.groups):
            found[self.groups[found] == without] = -1
        return found

    def pull(self, target: str, values: FloatArray, found: IntArray) -> FloatArray:
        """Return modelled values, drawn towards what was measured under the same conditions.

        Parameters
        ----------
        target : the quantity
        values : array (rows,), as modelled
        found : array (rows,), from ``find``
        """
        if target not in self.weights or not np.any(found >= 0):
            return values
        mean, weight = self.means[target][found], self.weights[target][found]
        use = (found >= 0) & (weight > 0) & (mean > 0) & (values > 0)
        pulled = values.copy()
        pulled[use] = np.exp(
            (1 - weight[use]) * np.log(values[use]) + weight[use] * np.log(mean[use])
        )
        return pulled


def no_anchors() -> Anchors:
    """Return the anchors of a stage that nothing is known of."""
    return Anchors({}, np.array([], dtype=np.int64), {}, {})


def places_of(rows: Rows) -> dict[tuple[float, ...], int]:
    """Return the key of each row, as ``Anchors.places`` wants it; rows are all different."""
    columns = (rows.cpu, rows.memory_mb, rows.workers, *rows.fan_in.values())
    keys = zip(*(column.tolist() for column in columns), strict=True)
    return {key: number for number, key in enumerate(keys)}


def repeated_prediction(
    runs: FloatArray, predicted: FloatArray, conditions: IntArray, trust: Trust
) -> FloatArray:
    """Return what each run would have been predicted as, had the others of its condition run.

    Parameters
    ----------
    runs : array (runs,), measured; NaN where unmeasured
    predicted : array (runs,), by models that did not see the condition
    conditions : array (runs,), number of the condition of each run
    trust : how far to trust the mean of the others

    Returns
    -------
    array (runs,), NaN for runs that nothing was measured beside
    """
    result = np.full(len(runs), np.nan)
    for condition in np.unique(conditions):
        members = np.flatnonzero((conditions == condition) & (runs > 0) & (predicted > 0))
        if len(members) < 2:
            continue
        others = (np.sum(runs[members]) - runs[members]) / (len(members) - 1)
        weight = trust.weight(np.full(len(members), len(members) - 1.0))
        logs = (1 - weight) * np.log(predicted[members]) + weight * np.log(others)
        result[members] = np.exp(logs)
    return result
