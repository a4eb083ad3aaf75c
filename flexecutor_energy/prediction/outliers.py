"""Which runs are so far off that something else than the configuration made them so."""

import numpy as np
import numpy.typing as npt

from flexecutor_energy.prediction.loglinear import LogFeatures
from flexecutor_energy.prediction.rows import FloatArray, Rows

# Stragglers are part of what is predicted, so only absurd values go: off by this factor from
# every other run of their condition, or by the larger one where there is no other run.
_FACTOR_BESIDE_OTHERS = 5.0
_FACTOR_ALONE = 20.0
# … and this many robust standard deviations off the trend over all configurations
_SPREADS = 8.0


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
    spread = 1.4826 * np.median(off)
    strange = np.zeros(len(values), dtype=bool)
    for condition in np.unique(conditions):
        members = np.flatnonzero(conditions == condition)
        alone = len(members) == 1
        limit = np.log(_FACTOR_ALONE if alone else _FACTOR_BESIDE_OTHERS)
        for i in members:
            gap = np.min(np.abs(logs[members[members != i]] - logs[i])) if not alone else np.inf
            strange[i] = gap > limit and off[i] > max(limit, _SPREADS * spread)
        if np.all(strange[members]) and not alone:
            strange[members[np.argmin(off[members])]] = False
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
        fitted = center + design @ solved
    return fitted
