"""Which runs are so far off that something else than the configuration made them so."""

import numpy as np
import numpy.typing as npt

from flexecutor_energy.prediction.loglinear import LogFeatures
from flexecutor_energy.prediction.rows import FloatArray, Rows

# Stragglers are part of what is predicted, so only absurd values go: off by this factor from
# the other runs of their condition, or by the larger one where there is no other run.
_FACTOR_BESIDE_OTHERS = 5.0
_FACTOR_ALONE = 20.0
# … and this many robust standard deviations off the trend over all configurations
_SPREADS = 8.0
# Two others or more tell by themselves what is usual: then as many times the width of their
# middle half, which is eight standard deviations of normal values.
_MIDDLE_HALVES = 6.0
# a trend that moves by less, in logarithms, has been found
_SETTLED = 1e-4


def outlying(
    rows: Rows, conditions: npt.NDArray[np.int64], values: FloatArray
) -> npt.NDArray[np.bool_]:
    """Return which runs are absurdly far from what their neighbours measured.

    Parameters
    ----------
    rows : the configuration of each run
    conditions : array (runs,), runs of equal number ran under equal conditions
    values : array (runs,), above 0

    Returns
    -------
    array (runs,); never all of a condition that was run more than once
    """
    logs = np.log(np.maximum(values, np.finfo(float).tiny))
    off = np.abs(logs - _trend(LogFeatures.of(rows).of_rows(rows), logs))
    far = _SPREADS * 1.4826 * float(np.median(off))
    strange = np.zeros(len(values), dtype=bool)
    for condition in np.unique(conditions):
        members = np.flatnonzero(conditions == condition)
        if len(members) > 2:
            strange[members] = _beside_others(logs[members])
        elif len(members) == 2:
            limit = np.log(_FACTOR_BESIDE_OTHERS)
            # one of the two at most: the one that is further off
            worse = members[np.argmax(off[members])]
            strange[worse] = np.ptp(logs[members]) > limit and off[worse] > max(limit, far)
        else:
            strange[members] = off[members] > max(np.log(_FACTOR_ALONE), far)
    return strange


def _beside_others(logs: FloatArray) -> npt.NDArray[np.bool_]:
    """Return which runs of one condition are absurd beside the others: array (runs,).

    Those are few: where a quarter of the others are like it, a value is one of two usual ones.
    """
    strange = np.zeros(len(logs), dtype=bool)
    least = np.log(_FACTOR_BESIDE_OTHERS)
    for i in np.flatnonzero(np.abs(logs - np.median(logs)) > least / 2):
        low, usual, high = np.percentile(np.delete(logs, i), (25, 50, 75))
        strange[i] = abs(logs[i] - usual) > max(least, _MIDDLE_HALVES * (high - low))
    return strange


def _trend(features: FloatArray, logs: FloatArray) -> FloatArray:
    """Return a power law through the bulk of the values, by reweighted least squares.

    Cauchy weights: a value far off counts in inverse proportion to its squared distance.
    """
    center = np.median(logs)
    design = np.column_stack([np.ones(len(logs)), features])
    penalty = 1e-3 * len(logs) * np.eye(design.shape[1])
    penalty[0, 0] = 1e-9
    fitted = np.full(len(logs), center)
    for _ in range(20):
        off = np.abs(logs - fitted)
        scale = max(2.0 * float(np.median(off)), 1e-6)
        weights = 1 / (1 + (off / scale) ** 2)
        moment = design.T * weights
        solved = np.linalg.solve(moment @ design + penalty, moment @ (logs - center))
        before, fitted = fitted, center + design @ solved
        if np.max(np.abs(fitted - before)) < _SETTLED:
            break
    return fitted
