"""How far configurations deviate from a law: a Gaussian process, rough as measured times are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexecutor_energy.prediction.anchors import IntArray
from flexecutor_energy.prediction.rows import FloatArray, Rows, memory_tells

# deviations agree over most of the range of a column, but for this share of their
# variance, which every configuration has to itself
_REACH, _OWN = 0.8, 0.2
# cosines that stand for one draw of the process
_FEATURES = 128


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Rows as the process sees them.

    Attributes
    ----------
    points : array (rows, columns), logarithms of what varies, divided by its range
    own : array (rows,), equal where the configuration is
    """

    points: FloatArray
    own: IntArray

    def take(self, known: npt.NDArray[np.bool_]) -> "Places":
        """Return the places at a mask."""
        return Places(self.points[known], self.own[known])

    def kernel(self, other: "Places") -> FloatArray:
        """Return the covariances with other rows, for unit variance: array (rows, others)."""
        ours, theirs = (np.sum(p.points**2, axis=1) for p in (self, other))
        apart = ours[:, None] + theirs[None, :] - 2 * self.points @ other.points.T
        shared = (1 - _OWN) * np.exp(-0.5 * apart / _REACH**2)
        kernel: FloatArray = shared + _OWN * (self.own[:, None] == other.own[None, :])
        return kernel


def places(tables: Sequence[Rows]) -> list[Places]:
    """Return the places of tables of rows, on one scale."""
    names = ["cpu", "workers"]
    if any(memory_tells(rows) and np.all(rows.memory_mb > 0) for rows in tables):
        names.append("memory_mb")
    columns = [[np.log(getattr(rows, name)) for rows in tables] for name in names]
    for parent in tables[0].fan_in:
        columns.append([np.log(rows.fan_in[parent]) for rows in tables])
    scaled: list[list[FloatArray]] = [[] for _ in tables]
    for column in columns:
        together = np.concatenate(column)
        size = float(np.ptp(together))
        if size > 1e-9:
            for listed, values in zip(scaled, column, strict=True):
                listed.append((values - together.min()) / size)
    numbers: dict[tuple[float, ...], int] = {}
    found = []
    for listed, rows in zip(scaled, tables, strict=True):
        keys = zip(rows.cpu.tolist(), rows.memory_mb.tolist(), rows.workers.tolist(), strict=True)
        own = np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
        points = np.stack(listed, axis=1) if listed else np.zeros((len(rows), 0))
        found.append(Places(points, own))
    return found


class Deviations:
    """A process of one size, given noisy values at n places.

    Conditioning a draw on the measurements is the pathwise rule of Wilson et al. (Efficiently
    Sampling Functions from Gaussian Process Posteriors, ICML 2020), with draws of the process by
    random cosines (Rahimi and Recht, NIPS 2007), so that thousands of rows stay cheap.

    Attributes
    ----------
    covariance : of what is measured there: array (n, n)
    """

    def __init__(self, points: Places, size: float, noise: FloatArray) -> None:
        self._points, self._size = points, size
        self.covariance: FloatArray = size**2 * points.kernel(points) + np.diag(noise**2)

    def mean(self, off: FloatArray, at: Places) -> FloatArray:
        """Return what is expected elsewhere: array (draws, rows), from measured (draws, n)."""
        solved = np.linalg.solve(self.covariance, off.T)
        values: FloatArray = (self._size**2 * at.kernel(self._points) @ solved).T
        return values

    def variance(self, at: Places) -> FloatArray:
        """Return how uncertain the process stays elsewhere: array (rows,)."""
        size = self._size**2
        across = size * at.kernel(self._points)
        explained = np.sum(across * np.linalg.solve(self.covariance, across.T).T, axis=1)
        left: FloatArray = np.maximum(size - explained, 0.0)
        return left

    def before(
        self, here: Places, there: Places, draws: int, generator: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Return one draw of the process before any measurement, at two tables of rows.

        Returns
        -------
        arrays (draws, rows)
        """
        frequencies = generator.normal(size=(here.points.shape[1], _FEATURES)) / _REACH
        phases = generator.uniform(0, 2 * np.pi, _FEATURES)
        heights = generator.normal(size=(draws, _FEATURES))
        count = 1 + max(int(np.max(place.own, initial=0)) for place in (here, there))
        own = generator.normal(size=(draws, count))
        drawn = []
        for place in (here, there):
            waves = np.sqrt(2 / _FEATURES) * np.cos(place.points @ frequencies + phases)
            smooth = np.sqrt(1 - _OWN) * heights @ waves.T
            drawn.append(self._size * (smooth + np.sqrt(_OWN) * own[:, place.own]))
        return drawn[0], drawn[1]
