"""A Gaussian process on what another predictor leaves over, in logarithms.

The base predictor carries the trend and the extrapolation; the process bends it where
neighbouring configurations agree that it is off, and fades to nothing far from the samples.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from flexecutor_energy.prediction.loglinear import LogFeatures
from flexecutor_energy.prediction.predictor import Family, Loader, Predictor
from flexecutor_energy.prediction.rows import FloatArray, Rows, Samples

# length scales in standard deviations of a feature, and noise as a share of the signal
_SCALES = (0.5, 1.0, 2.0, 4.0)
_NOISE = (0.05, 0.2, 0.5, 1.0, 3.0, 10.0, 100.0)
# samples that the search for them looks at; the process itself uses all
_SEARCHED = 24


@dataclass(frozen=True, slots=True, eq=False)
class HybridPredictor:
    """A base predictor times the exponential of a Gaussian process.

    Attributes
    ----------
    family : name of the family that fitted it
    base : the trend
    features : what the process is a function of
    scales : length scale of each feature
    points : array (n, features), the samples
    weights : array (n,), of the kernel at each sample
    limit : the largest absolute log correction seen on the samples
    """

    family: str
    base: Predictor
    features: LogFeatures
    scales: tuple[float, ...]
    points: FloatArray
    weights: FloatArray
    limit: float

    def predict(self, rows: Rows) -> FloatArray:
        """Return the expected value of each row: array (rows,)."""
        trend = self.base.predict(rows)
        if not self.scales:
            return trend
        kernel = _kernel(self.features.of_rows(rows), self.points, np.array(self.scales))
        correction = np.exp(np.clip(kernel @ self.weights, -self.limit, self.limit))
        value: FloatArray = trend * correction
        return value

    def to_dict(self) -> dict[str, Any]:
        """Return the predictor as plain JSON values."""
        return {
            "kind": "hybrid",
            "family": self.family,
            "base": self.base.to_dict(),
            "features": self.features.to_dict(),
            "scales": list(self.scales),
            "points": self.points.tolist(),
            "weights": self.weights.tolist(),
            "limit": self.limit,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], load: Loader) -> "HybridPredictor":
        """Return the predictor that ``to_dict`` described."""
        features = LogFeatures.from_dict(data["features"])
        points = np.array(data["points"], dtype=float).reshape(-1, len(features.columns))
        return cls(
            str(data["family"]),
            load(data["base"]),
            features,
            tuple(float(scale) for scale in data["scales"]),
            points,
            np.array(data["weights"], dtype=float),
            float(data["limit"]),
        )


@dataclass(frozen=True, slots=True)
class HybridFamily:
    """Another family, corrected by a Gaussian process on its log residual."""

    name: str
    base: Family

    def fit(self, samples: Samples) -> HybridPredictor:
        """Return the base family's predictor with the process on its residuals."""
        base = self.base.fit(samples)
        residual = np.log(samples.values / base.predict(samples.rows))
        features = LogFeatures.of(samples.rows)
        points = features.of_rows(samples.rows)
        limit = float(np.max(np.abs(residual)))
        if not features.columns or limit == 0:
            return HybridPredictor(self.name, base, features, (), points, residual * 0, limit)
        scales, noise = _likeliest(points, residual)
        kernel = _kernel(points, points, scales)
        noisy = kernel + noise * np.eye(len(points))
        weights: FloatArray = np.linalg.solve(noisy, residual).astype(float)
        found = tuple(float(scale) for scale in scales)
        return HybridPredictor(self.name, base, features, found, points, weights, limit)


def _kernel(left: FloatArray, right: FloatArray, scales: FloatArray) -> FloatArray:
    """Return exp(−d²/2) for scaled distances: array (left, right)."""
    a, b = left / scales, right / scales
    squared = np.sum(a * a, axis=1)[:, None] + np.sum(b * b, axis=1)[None, :] - 2 * a @ b.T
    kernel: FloatArray = np.exp(-0.5 * np.maximum(squared, 0.0))
    return kernel


def _likeliest(points: FloatArray, residual: FloatArray) -> tuple[FloatArray, float]:
    """Return length scales and noise with the greatest marginal likelihood on a grid.

    One scale for all features first, then each feature in turn: Rasmussen and Williams,
    Gaussian Processes for Machine Learning, 2006, eq. 5.8, with the signal variance profiled out.
    """
    some = np.linspace(0, len(points) - 1, min(len(points), _SEARCHED)).astype(int)
    points, residual = points[some], residual[some]
    apart = (points[:, None, :] - points[None, :, :]) ** 2
    best = _best_of(apart, residual, np.repeat(np.array(_SCALES)[:, None], points.shape[1], 1))
    for column in range(points.shape[1] if points.shape[1] > 1 else 0):
        trials = np.repeat(best[1][None, :], len(_SCALES), axis=0)
        trials[:, column] = _SCALES
        best = max(best, _best_of(apart, residual, trials), key=lambda scored: scored[0])
    return best[1], best[2]


def _best_of(
    apart: FloatArray, residual: FloatArray, trials: FloatArray
) -> tuple[float, FloatArray, float]:
    """Return the greatest log likelihood, its length scales and its noise.

    Parameters
    ----------
    apart : array (n, n, features), squared distances
    residual : array (n,)
    trials : array (trials, features), length scales
    """
    kernels = np.exp(-0.5 * np.einsum("ijf,tf->tij", apart, trials**-2.0))
    values, vectors = np.linalg.eigh(kernels)
    rotated = (residual @ vectors) ** 2
    spectrum = np.maximum(values, 0.0)[:, None, :] + np.array(_NOISE)[None, :, None]
    signal = np.mean(rotated[:, None, :] / spectrum, axis=2)
    score = -0.5 * (len(residual) * np.log(signal) + np.sum(np.log(spectrum), axis=2))
    score = np.round(score, 6)  # equally likely: the first, whatever the rounding
    trial, noise = np.unravel_index(int(np.argmax(score)), score.shape)
    return float(score[trial, noise]), trials[trial], _NOISE[noise]
