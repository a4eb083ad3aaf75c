"""How far a run of a stage may be from its prediction, by where it lies among what was measured.

Errors of models on configurations that they did not see are wider than noise, and widest far
from what was measured. A run's held-out error is therefore kept in units of what was to be
expected there, and comes back in the units of the configuration that is asked about (locally
weighted conformal prediction: Lei, G'Sell, Rinaldo, Tibshirani and Wasserman, JASA 2018). What
is to be expected is the spread of a Gaussian process given the measured conditions.
"""

import math
from collections.abc import Mapping

import numpy as np

from flexecutor_energy.prediction.anchors import NOISE, NOTHING, OBSERVATIONS, Scatter
from flexecutor_energy.prediction.deviations import Deviations, Places, places
from flexecutor_energy.prediction.rows import FloatArray, Rows
from flexecutor_energy.prediction.stage_model import StageModel

# Standard deviation of the logarithm of models' errors on conditions they did not see, which
# counts as ``OBSERVATIONS`` of them.
_ERROR = 0.1
_LEAST = 1e-6


class Doubt:
    """What held-out runs of a stage say about one quantity of any of its configurations.

    Parameters
    ----------
    model : the stage
    metric : ``time``, ``energy`` or ``cost`` (billed seconds)
    scope : of energy
    usual_noise : standard deviation of the logarithm between runs, as elsewhere in the workflow;
        None where nothing was repeated at all: then half of the error is taken for noise
    """

    def __init__(
        self, model: StageModel, metric: str, scope: str, usual_noise: float | None
    ) -> None:
        runs = model.runs
        self._model, self._metric, self._scope = model, metric, scope
        self._conditions = model.measured_rows()
        counts = np.bincount(runs.conditions, minlength=len(self._conditions))
        (points,) = places([self._conditions])
        off = np.log(model.ratio(metric, scope=scope)) / runs.stretch
        if usual_noise is None:
            known = off[~np.isnan(off)]
            usual_noise = math.sqrt(np.mean(known**2) / 2) if len(known) else NOISE
        self._noise = scatter(model, metric, scope).deviation(usual_noise)
        again = np.log(model.ratio(metric, scope=scope, seen=True))
        self._noises = self._noise / np.sqrt(np.maximum(counts, 1))
        self._size = self._error_size(off)
        held_out = self._variances_held_out(points)[runs.conditions]
        self._unseen = off / np.sqrt(held_out + self._noise**2)
        others = np.maximum(counts[runs.conditions] - 1, 0)
        left = 1 / (1 / np.maximum(held_out, _LEAST) + others / self._noise**2)
        self._again = again / np.sqrt(left + self._noise**2)

    def ratios(self, rows: Rows) -> FloatArray:
        """Return what each held-out run makes of a configuration, over what is predicted.

        Parameters
        ----------
        rows : the configuration, one row

        Returns
        -------
        array (runs,); NaN for runs that were not held out
        """
        here, points = places([rows, self._conditions])
        variance = Deviations(points, self._size, self._noises).variance(here)[0]
        beyond = float(self._model.untold(rows, self._metric, self._scope)[0])
        spread = math.sqrt(variance + self._noise**2 + beyond**2)
        unseen = self._unseen * self._model.runs.stretch
        if not self._model.seen(rows)[0]:
            return np.exp(unseen * spread)
        return np.exp(np.where(np.isnan(self._again), unseen, self._again) * spread)

    def _error_size(self, off: FloatArray) -> float:
        """Return the standard deviation of models' errors on conditions they did not see."""
        conditions = self._model.runs.conditions[~np.isnan(off)]
        counts = np.bincount(conditions, minlength=len(self._conditions))
        sums = np.bincount(
            conditions, weights=off[~np.isnan(off)], minlength=len(self._conditions)
        )
        known = counts > 0
        errors = (sums[known] / counts[known]) ** 2 - self._noises[known] ** 2
        total = OBSERVATIONS * _ERROR**2 + float(np.sum(np.maximum(errors, 0.0)))
        return math.sqrt(total / (OBSERVATIONS + int(np.sum(known))))

    def _variances_held_out(self, points: Places) -> FloatArray:
        """Return the variance at each condition, given those held out at other times."""
        if len(points.own) == 1:  # its runs were held out one by one
            return self._noises**2
        groups = self._model.anchors.groups
        found = np.zeros(len(groups))
        for group in np.unique(groups):
            inside = groups == group
            others = Deviations(points.take(~inside), self._size, self._noises[~inside])
            found[inside] = others.variance(points.take(inside))
        return found


def scatter(model: StageModel, metric: str, scope: str) -> Scatter:
    """Return how runs of the same condition of a stage differ."""
    return Scatter.of(model.measured(metric, scope), model.runs.conditions)


def doubts(stages: Mapping[str, StageModel], metric: str, scope: str) -> dict[str, Doubt]:
    """Return stage → its doubt; where little was repeated, noise is that of the other stages."""
    together = sum((scatter(model, metric, scope) for model in stages.values()), start=NOTHING)
    usual = together.deviation(NOISE) if together.freedom else None
    return {stage: Doubt(model, metric, scope, usual) for stage, model in stages.items()}
