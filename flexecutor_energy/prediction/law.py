"""The law of one quantity of a stage, as far as few measurements tell it.

The logarithm of the quantity is that of a sum of terms with weights above 0, plus a smooth
deviation, one of each configuration's own, and noise. What is known of all of these is drawn
together.
"""

import numpy as np

from flexecutor_energy.prediction.anchors import NOISE, Scatter
from flexecutor_energy.prediction.deviations import Deviations, Places
from flexecutor_energy.prediction.rows import FloatArray
from flexecutor_energy.prediction.samples import StageData

# The standard deviation of the logarithm of a term's weight about an equal share, before anything
# is known.
_WEIGHT_SPREAD = 2.5
# Deviations from the sum of terms: their possible sizes, and how likely each is beforehand, as a
# normal distribution of the logarithm. Held-out errors of the reference profiles have this size.
_SIZES = (0.02, 0.035, 0.06, 0.1, 0.17, 0.3)
_USUAL, _FACTOR = 0.08, 2.0
# Gauss–Newton: steps to the likeliest weights, steps from there to those of a draw, and how far
# the logarithm of a weight may go in one.
_STEPS, _DRAWN_STEPS, _LONGEST_STEP = 12, 3, 1.0
_SETTLED = 1e-3


class Law:
    """What is known of the law of one quantity.

    Weights are found by Gauss–Newton on their logarithms; a draw of them is the solution for
    measurements and a prior that are perturbed by as much as each is uncertain
    (randomize-then-optimize, Bardsley et al., SIAM J. Sci. Comput. 2014), and its deviation is
    conditioned on what these weights leave.

    Parameters
    ----------
    data : what was measured of the stage
    values : array (conditions,), means of the quantity; NaN where unmeasured
    runs : array (runs,), the quantity in each run
    design : array (conditions, terms), none below 0
    points : where the conditions lie

    Attributes
    ----------
    noise : standard deviation of the logarithm of one run about its mean
    """

    def __init__(
        self,
        data: StageData,
        values: FloatArray,
        runs: FloatArray,
        design: FloatArray,
        points: Places,
    ) -> None:
        known = values > 0
        self.noise = Scatter.of(runs, data.run_rows).deviation(NOISE)
        counts = np.bincount(data.run_rows[runs > 0], minlength=len(values))[known]
        self._logs: FloatArray = np.log(values[known])
        self._noise: FloatArray = self.noise / np.sqrt(np.maximum(counts, 1))
        design = design[known]
        self._telling = np.any(design > 0, axis=0)
        design = design[:, self._telling]
        self._scale = np.mean(design, axis=0)
        self._design: FloatArray = design / self._scale
        self._points = points.take(known)
        middle = float(np.mean(self._logs)) - np.log(design.shape[1])
        self._prior = np.full(design.shape[1], middle)
        self._kernel = self._points.kernel(self._points)
        self._deviate(_USUAL)
        weights = self._solved(self._logs[None], self._prior[None], _STEPS)[0]
        self._deviate(self._likeliest(weights))
        self._weights = self._solved(self._logs[None], weights[None], _STEPS, self._prior)[0]

    def mean(self, design: FloatArray, at: Places) -> FloatArray:
        """Return what is expected: array (rows,)."""
        off = self._logs - _log_sum(self._design, self._weights)
        deviation = self._deviations.mean(off[None], at)[0]
        values: FloatArray = np.exp(self._at(design, self._weights[None])[0] + deviation)
        return values

    def draw(
        self, design: FloatArray, at: Places, draws: int, generator: np.random.Generator
    ) -> FloatArray:
        """Return draws of the mean: array (draws, rows).

        Parameters
        ----------
        design : the terms, array (rows, terms) or (draws, rows, terms)
        """
        here, there = self._deviations.before(self._points, at, draws, generator)
        measured = self._logs - here - self._noise * generator.normal(size=here.shape)
        priors = self._prior + _WEIGHT_SPREAD * generator.normal(size=(draws, len(self._prior)))
        start = np.tile(self._weights, (draws, 1))
        weights = self._solved(measured, start, _DRAWN_STEPS, priors)
        off = measured - _log_sum(self._design, weights)
        deviation = there + self._deviations.mean(off, at)
        values: FloatArray = np.exp(self._at(design, weights) + deviation)
        return values

    def _at(self, design: FloatArray, weights: FloatArray) -> FloatArray:
        return _log_sum(design[..., self._telling] / self._scale, weights)

    def _deviate(self, size: float) -> None:
        self._deviations = Deviations(self._points, size, self._noise)
        self._precision = np.linalg.inv(self._deviations.covariance)

    def _likeliest(self, weights: FloatArray) -> float:
        """Return the size of deviations that explains what the terms leave best."""
        shares = _shares_of(self._design, weights[None])[0]
        off = self._logs - _log_sum(self._design, weights) + shares @ (weights - self._prior)
        terms_alone = _WEIGHT_SPREAD**2 * shares @ shares.T + np.diag(self._noise**2)
        scores = []
        for size in _SIZES:
            covariance = terms_alone + size**2 * self._kernel
            _, volume = np.linalg.slogdet(covariance)
            told = off @ np.linalg.solve(covariance, off)
            unusual = (np.log(size / _USUAL) / np.log(_FACTOR)) ** 2
            scores.append(volume + told + unusual)
        return _SIZES[int(np.argmin(scores))]

    def _solved(
        self,
        logs: FloatArray,
        weights: FloatArray,
        steps: int,
        prior: FloatArray | None = None,
    ) -> FloatArray:
        """Return the likeliest log weights for each row of measurements: array (draws, terms)."""
        prior = self._prior if prior is None else prior
        own = np.eye(weights.shape[1]) / _WEIGHT_SPREAD**2
        for _ in range(steps):
            shares = _shares_of(self._design, weights)
            off = logs - _log_sum(self._design, weights)
            pulled = np.einsum("dnt,nm->dtm", shares, self._precision)
            slope = np.einsum("dtm,dm->dt", pulled, off) - (weights - prior) @ own
            step = np.linalg.solve(pulled @ shares + own, slope[..., None])[..., 0]
            step = np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
            weights = weights + step
            if np.max(np.abs(step)) < _SETTLED:
                break
        return weights


def _log_sum(design: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the log of the weighted sums of terms: array (…, rows)."""
    if design.ndim == 2:
        total = np.exp(weights) @ design.T
    else:
        total = np.einsum("drt,dt->dr", design, np.exp(weights))
    values: FloatArray = np.log(np.maximum(total, np.finfo(float).tiny))
    return values


def _shares_of(design: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the share of each term in each sum: array (draws, rows, terms)."""
    parts = np.exp(weights)[:, None, :] * design[None]
    shares: FloatArray = parts / np.maximum(np.sum(parts, axis=2, keepdims=True), 1e-300)
    return shares
