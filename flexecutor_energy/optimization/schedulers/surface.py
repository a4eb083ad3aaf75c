"""Smooth stand-ins for the candidate table: sums of products of powers of cores and workers.

With non-negative coefficients these are posynomials, which are convex in the logarithms of their
variables (Boyd, Kim, Vandenberghe and Hassibi, A tutorial on geometric programming, 2007).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from flexecutor_energy.optimization.problem import FloatArray, Link
from flexecutor_energy.optimization.schedulers.space import Space

# exponents of (cores, workers of the stage, workers of a parent that its values depend on)
_TIME = ((0, 0), (-1, -1), (0, -1), (-1, 0), (0, 1))
_AMOUNT = (*_TIME, (1, 0), (1, 1), (1, -1), (-1, 1))
_SMALLEST = 1e-12  # relative weights need values above zero


@dataclass(frozen=True, slots=True, eq=False)
class Surfaces:
    """One posynomial for each stage, in shared variables.

    The variables are the logarithms of the cores of all stages, then of their workers.

    Attributes
    ----------
    coefficients : for each stage an array (terms,), non-negative
    exponents : for each stage an array (terms, variables)
    """

    coefficients: Sequence[FloatArray]
    exponents: Sequence[FloatArray]

    def at(self, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return values (stages,) and gradients (stages, variables) at a point (variables,)."""
        values, gradients = [], []
        for own, powers in zip(self.coefficients, self.exponents, strict=True):
            terms = own * np.exp(powers @ point)
            values.append(terms.sum())
            gradients.append(terms @ powers)
        return np.array(values), np.array(gradients)


def fit_times(space: Space) -> Surfaces:
    """Return surfaces of stage seconds, fitted to the means of the candidates."""
    return _fit(space, space.problem.times, _TIME)


def fit_amounts(space: Space, values: Sequence[FloatArray] | None) -> Surfaces | None:
    """Return surfaces of joules or USD above what the makespan adds; None where unknown."""
    return None if values is None else _fit(space, values, _AMOUNT)


def _fit(
    space: Space, values: Sequence[FloatArray], powers: Sequence[tuple[int, int]]
) -> Surfaces:
    """Fit by non-negative least squares of relative errors."""
    stages = len(values)
    coefficients, exponents = [], []
    for stage, own in enumerate(values):
        columns = [np.zeros(2 * stages) for _ in powers]
        for column, (cores, workers) in zip(columns, powers, strict=True):
            column[stage], column[stages + stage] = cores, workers
        for link in _telling(space, stage):
            for column in columns[: len(powers)]:
                more = column.copy()
                more[stages + link.parent] = 1
                columns.append(more)
        terms = np.array(columns)
        scale = np.maximum(own, max(_SMALLEST, _SMALLEST * float(own.max())))
        matrix = np.exp(_points(space, stage) @ terms.T) / scale[:, None]
        largest = np.max(matrix, axis=0)  # so that no column is lost to rounding
        found, _ = nnls(matrix / largest, own / scale)
        used = found > 0
        coefficients.append(found[used] / largest[used])
        exponents.append(terms[used])
    return Surfaces(coefficients, exponents)


def _points(space: Space, stage: int) -> FloatArray:
    """Return what the candidates of a stage are as variables: array (candidates, variables)."""
    configs = space.instance.configs[stage]
    stages = len(space.problem.times)
    points = np.zeros((len(configs), 2 * stages))
    points[:, stage] = np.log([config.cpu for config in configs])
    points[:, stages + stage] = np.log([config.workers for config in configs])
    for link in _telling(space, stage):
        points[:, stages + link.parent] = np.log(np.array(link.child_labels, dtype=np.float64))
    return points


def _telling(space: Space, stage: int) -> list[Link]:
    """Return the links of a stage whose labels are the worker counts of its parents."""
    return [
        link
        for link in space.problem.couplings
        if link.child == stage
        and len(set(link.child_labels)) > 1
        and all(isinstance(label, int | float) and label > 0 for label in link.child_labels)
        and all(
            label == config.workers
            for label, config in zip(
                link.parent_labels, space.instance.configs[link.parent], strict=True
            )
        )
    ]
