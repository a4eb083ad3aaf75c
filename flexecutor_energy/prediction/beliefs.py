"""What a stage may take in configurations that were never run: draws, not one number.

A Gaussian process on the logarithm of measured over predicted, one for each metric, whose spread
is that of the models' errors on configurations they did not see. Close to what was measured the
draws agree; far from it they differ by as much as the models have been wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from flexecutor_energy.prediction.anchors import IntArray, no_anchors
from flexecutor_energy.prediction.families import CONSTANT
from flexecutor_energy.prediction.physics import CORES, LEAN, PHASES, WATTS
from flexecutor_energy.prediction.predictor import Family
from flexecutor_energy.prediction.results import stage_energy_j
from flexecutor_energy.prediction.rows import FloatArray, Rows, memory_tells
from flexecutor_energy.prediction.samples import StageData
from flexecutor_energy.prediction.stage_model import StageModel

# What is assumed before anything else is known: errors of predictors that saw a handful of
# configurations, and noise between runs, as standard deviations of the logarithm. They are those
# of the reference profiles (benchmarks/prediction.py), and count as much as so many observations.
_ERROR, _NOISE, _WEIGHT = 0.15, 0.04, 3.0
# errors agree over about half of the range of a column, but for this share of their variance,
# which every configuration has to itself
_REACH, _OWN = 0.5, 0.2
# correlation of the errors of energy with those of time, before any is seen
_TOGETHER = 0.5
# cosines that stand for one draw of the process
_FEATURES = 256
_FEW = 4


def light(target: str, groups: int) -> tuple[Family, ...]:
    """Return the one family that predicts a target, so that training takes no comparison."""
    if target == "energy_startup":
        return (CONSTANT,)
    if target.startswith("energy"):
        return (WATTS,)
    if groups < 2:
        return (CONSTANT,)
    if target == "cpu_time":
        return (CORES,)
    return (PHASES if groups >= _FEW else LEAN,)


@dataclass(frozen=True, slots=True, eq=False)
class Beliefs:
    """What a stage may take over n rows.

    Attributes
    ----------
    expected : metric → array (n,): ``time`` (s), ``worker_seconds`` and, where measured,
        ``energy`` (J)
    drawn : the same, arrays (draws, n), each row a world that what was measured allows
    doubt : array (n,), standard deviation of the logarithm of the mean time
    noise : of the logarithm of one run about its mean
    """

    expected: Mapping[str, FloatArray]
    drawn: Mapping[str, FloatArray]
    doubt: FloatArray
    noise: float


def believed(
    data: StageData,
    model: StageModel,
    rows: Rows,
    draws: int,
    generator: np.random.Generator,
    scope: str = "provisioned",
) -> Beliefs:
    """Draw what a stage may take, given what was measured of it.

    Conditioning a draw on the measurements is the pathwise rule of Wilson et al. (Efficiently
    Sampling Functions from Gaussian Process Posteriors, ICML 2020), with draws of the process by
    random cosines (Rahimi and Recht, NIPS 2007), so that thousands of rows stay cheap.

    Parameters
    ----------
    data : what was measured
    model : fitted on it, with the families of ``light`` or better ones
    rows : n configurations, as of ``model.rows``
    draws : how many worlds
    generator : of the draws
    scope : of energy

    Raises
    ------
    MissingEnergyError
        The scope needs dynamic energy by itself, and only the total was measured.
    """
    bare = replace(model, anchors=no_anchors())
    seen = model.rows_of(data.rows)
    at, points = _places([rows, seen])
    waves = _Waves([at, points], draws, generator)
    first = np.unique(data.run_rows, return_index=True)[1]
    unseen = {t: column[first] for t, column in model.runs.predicted.items()}
    measured = _metrics(data.values, scope, data.stage)
    held_out = _metrics(unseen, scope, data.stage) if unseen else {}
    runs = _metrics(data.run_values, scope, data.stage)
    fitted = _metrics(bare.evaluate(seen), scope, data.stage)
    wanted = _metrics(bare.evaluate(rows), scope, data.stage)
    together = _Errors.of(measured, held_out)
    expected, drawn = {}, {}
    doubt, noise_s = np.zeros(len(rows)), _NOISE
    for metric, values in wanted.items():
        noise = _noise(runs[metric], data)
        process = _Process(points, at, together.spread[metric], noise, data)
        residual = np.log(measured[metric] / fitted[metric])
        correlation = together.correlation if metric == "energy" else None
        expected[metric] = values * np.exp(process.mean(residual))
        drawn[metric] = values * np.exp(process.draw(residual, waves, correlation, generator))
        if metric == "time":
            doubt, noise_s = process.doubt(), noise
    return Beliefs(expected, drawn, doubt, noise_s)


def _metrics(values: Mapping[str, FloatArray], scope: str, stage: str) -> dict[str, FloatArray]:
    found = {name: values[name] for name in ("time", "worker_seconds") if name in values}
    joules = stage_energy_j(values, scope, stage)
    return found if joules is None else {**found, "energy": joules}


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Rows as the process sees them.

    Attributes
    ----------
    points : array (rows, columns), logarithms of what varies, divided by its range
    own : array (rows,), equal where the configuration is
    """

    points: FloatArray
    own: IntArray

    def kernel(self, other: "_Places") -> FloatArray:
        """Return the covariances with other rows, for unit variance: array (rows, others)."""
        apart = np.sum((self.points[:, None, :] - other.points[None, :, :]) ** 2, axis=2)
        shared = (1 - _OWN) * np.exp(-0.5 * apart / _REACH**2)
        kernel: FloatArray = shared + _OWN * (self.own[:, None] == other.own[None, :])
        return kernel


def _places(tables: Sequence[Rows]) -> list[_Places]:
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
        keys = zip(rows.cpu, rows.memory_mb, rows.workers, strict=True)
        own = np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
        points = np.stack(listed, axis=1) if listed else np.zeros((len(rows), 0))
        found.append(_Places(points, own))
    return found


@dataclass(frozen=True, slots=True)
class _Errors:
    """How wrong models were on configurations that they did not see.

    Attributes
    ----------
    spread : metric → standard deviation of log measured/predicted
    correlation : of the errors of energy and time
    """

    spread: Mapping[str, float]
    correlation: float

    @classmethod
    def of(cls, measured: Mapping[str, FloatArray], predicted: Mapping[str, FloatArray]) -> Self:
        logs = {}
        for metric, values in measured.items():
            off = np.log(values / predicted[metric]) if metric in predicted else np.array([])
            logs[metric] = np.where(np.isnan(off), 0.0, off), int(np.sum(~np.isnan(off)))
        spread = {
            metric: float(np.sqrt((_WEIGHT * _ERROR**2 + off @ off) / (_WEIGHT + count)))
            for metric, (off, count) in logs.items()
        }
        correlation: float = _TOGETHER
        if "energy" in logs:
            (time, _), (energy, count) = logs["time"], logs["energy"]
            common = _WEIGHT * _TOGETHER * spread["time"] * spread["energy"] + time @ energy
            correlation = float(common / (_WEIGHT + count) / spread["time"] / spread["energy"])
        return cls(spread, float(np.clip(correlation, 0.0, 0.99)))


def _noise(runs: FloatArray, data: StageData) -> float:
    """Return the standard deviation of the log of one run about the mean of its condition."""
    known = runs > 0
    logs, conditions = np.log(runs[known]), data.run_rows[known]
    size = len(data.rows)
    counts = np.bincount(conditions, minlength=size)
    means = np.bincount(conditions, weights=logs, minlength=size) / np.maximum(counts, 1)
    freedom = len(logs) - int(np.sum(counts > 0))
    spread = float(np.sum((logs - means[conditions]) ** 2))
    return float(np.sqrt((_WEIGHT * _NOISE**2 + spread) / (_WEIGHT + freedom)))


class _Waves:
    """Draws of two independent processes of unit variance."""

    def __init__(
        self, places: Sequence[_Places], draws: int, generator: np.random.Generator
    ) -> None:
        columns = places[0].points.shape[1]
        configurations = 1 + max(int(place.own.max()) for place in places)
        self._frequencies = generator.normal(size=(columns, _FEATURES)) / _REACH
        self._phases = generator.uniform(0, 2 * np.pi, _FEATURES)
        self._heights = generator.normal(size=(2, draws, _FEATURES))
        self._own = generator.normal(size=(2, draws, configurations))

    def at(self, places: _Places, correlation: float | None = None) -> FloatArray:
        """Return the first process, or one with this correlation to it: array (draws, rows)."""
        waves = np.sqrt(2 / _FEATURES) * np.cos(places.points @ self._frequencies + self._phases)
        both = np.sqrt(1 - _OWN) * self._heights @ waves.T
        both = both + np.sqrt(_OWN) * self._own[:, :, places.own]
        if correlation is None:
            return np.asarray(both[0], dtype=float)
        mixed = correlation * both[0] + np.sqrt(1 - correlation**2) * both[1]
        return np.asarray(mixed, dtype=float)


class _Process:
    """The process of one metric, given the n conditions that were measured."""

    def __init__(
        self, points: _Places, at: _Places, spread: float, noise: float, data: StageData
    ) -> None:
        counts = np.bincount(data.run_rows, minlength=len(data.rows))
        self._spread = spread
        self._points, self._at = points, at
        self._noise = noise / np.sqrt(counts)
        inside = points.kernel(points) + np.diag((self._noise / spread) ** 2)
        self._across = at.kernel(points)
        self._gain: FloatArray = np.linalg.solve(inside, self._across.T).T.astype(float)

    def mean(self, residual: FloatArray) -> FloatArray:
        """Return the expected log correction: array (rows,)."""
        values: FloatArray = self._gain @ np.where(np.isnan(residual), 0.0, residual)
        return values

    def draw(
        self,
        residual: FloatArray,
        waves: _Waves,
        correlation: float | None,
        generator: np.random.Generator,
    ) -> FloatArray:
        """Return draws of the log correction: array (draws, rows)."""
        before = self._spread * waves.at(self._points, correlation)
        before = before + self._noise * generator.normal(size=before.shape)
        off = np.where(np.isnan(residual), 0.0, residual - before)
        values: FloatArray = self._spread * waves.at(self._at, correlation) + off @ self._gain.T
        return values

    def doubt(self) -> FloatArray:
        """Return the standard deviation of the log correction: array (rows,)."""
        left = 1 - np.sum(self._gain * self._across, axis=1)
        deviation: FloatArray = self._spread * np.sqrt(np.maximum(left, 0.0))
        return deviation
