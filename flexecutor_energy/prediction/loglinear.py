"""Predictors without physics: a constant, and a ridge on logarithms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from flexecutor_energy.prediction.predictor import Loader
from flexecutor_energy.prediction.rows import (
    FloatArray,
    Rows,
    Samples,
    memory_tells,
    telling_parents,
)


@dataclass(frozen=True, slots=True)
class ConstantPredictor:
    """The same value everywhere: all that one configuration can tell."""

    family: str
    value: float

    def predict(self, rows: Rows) -> FloatArray:
        """Return the value for each row: array (rows,)."""
        return np.full(len(rows), self.value)

    def to_dict(self) -> dict[str, Any]:
        """Return the predictor as plain JSON values."""
        return {"kind": "constant", "family": self.family, "value": self.value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], _load: Loader) -> "ConstantPredictor":
        """Return the predictor that ``to_dict`` described."""
        return cls(str(data["family"]), float(data["value"]))


@dataclass(frozen=True, slots=True)
class ConstantFamily:
    """The mean of what was measured."""

    name: str = "constant"

    def fit(self, samples: Samples) -> ConstantPredictor:
        """Return the mean of the samples."""
        return ConstantPredictor(self.name, float(np.mean(samples.values)))


@dataclass(frozen=True, slots=True)
class LogFeatures:
    """Standardised logarithms of the columns that vary.

    Attributes
    ----------
    columns : ``k``, ``w``, ``m`` or ``f[parent]``
    center, spread : of the logarithms on the samples; spread above 0
    """

    columns: tuple[str, ...]
    center: tuple[float, ...]
    spread: tuple[float, ...]

    @classmethod
    def of(cls, rows: Rows) -> "LogFeatures":
        """Return the features that these rows can tell something about."""
        names = ["k", "w", *(f"f[{parent}]" for parent in telling_parents(rows))]
        if memory_tells(rows) and np.all(rows.memory_mb > 0):
            names.append("m")
        columns: dict[str, FloatArray] = {}
        for name in names:
            column = np.log(_raw(name, rows))
            if np.ptp(column) > 1e-9 and not _repeats(column, columns):
                columns[name] = column
        return cls(
            tuple(columns),
            tuple(float(np.mean(column)) for column in columns.values()),
            tuple(float(np.std(column)) for column in columns.values()),
        )

    def of_rows(self, rows: Rows) -> FloatArray:
        """Return the features: array (rows, columns)."""
        if not self.columns:
            return np.zeros((len(rows), 0))
        raw = np.stack([np.log(_raw(name, rows)) for name in self.columns], axis=1)
        standardised: FloatArray = (raw - np.array(self.center)) / np.array(self.spread)
        return standardised

    def to_dict(self) -> dict[str, Any]:
        """Return the features as plain JSON values."""
        return {
            "columns": list(self.columns),
            "center": list(self.center),
            "spread": list(self.spread),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "LogFeatures":
        """Return the features that ``to_dict`` described."""
        return cls(
            tuple(str(name) for name in data["columns"]),
            tuple(float(value) for value in data["center"]),
            tuple(float(value) for value in data["spread"]),
        )


def _raw(name: str, rows: Rows) -> FloatArray:
    if name.startswith("f["):
        return rows.fan_in[name[2:-1]]
    if name == "m":
        # a model fitted on limits may be asked about no limit: as much as the most it can mean
        return np.where(rows.memory_mb > 0, rows.memory_mb, 1e6)
    return rows.cpu if name == "k" else rows.workers


def _repeats(column: FloatArray, others: Mapping[str, FloatArray]) -> bool:
    own = column - np.mean(column)
    for other in others.values():
        theirs = other - np.mean(other)
        if abs(own @ theirs) > 0.999 * np.sqrt((own @ own) * (theirs @ theirs)):
            return True
    return False


@dataclass(frozen=True, slots=True)
class RidgePredictor:
    """A polynomial of logarithms, kept near the range that was measured."""

    family: str
    features: LogFeatures
    degree: int
    coefficients: tuple[float, ...]
    low: float
    high: float

    def predict(self, rows: Rows) -> FloatArray:
        """Return the expected value of each row: array (rows,)."""
        design = _polynomial(self.features.of_rows(rows), self.degree)
        log_value = design @ np.array(self.coefficients)
        value: FloatArray = np.exp(np.clip(log_value, self.low, self.high))
        return value

    def to_dict(self) -> dict[str, Any]:
        """Return the predictor as plain JSON values."""
        return {
            "kind": "ridge",
            "family": self.family,
            "features": self.features.to_dict(),
            "degree": self.degree,
            "coefficients": list(self.coefficients),
            "low": self.low,
            "high": self.high,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], _load: Loader) -> "RidgePredictor":
        """Return the predictor that ``to_dict`` described."""
        return cls(
            str(data["family"]),
            LogFeatures.from_dict(data["features"]),
            int(data["degree"]),
            tuple(float(value) for value in data["coefficients"]),
            float(data["low"]),
            float(data["high"]),
        )


@dataclass(frozen=True, slots=True)
class RidgeFamily:
    """Ridge regression of the logarithm on logarithms (a power law at degree 1).

    Attributes
    ----------
    name : as reports show it
    degree : 1 or 2
    strength : penalty for each sample on standardised coefficients
    """

    name: str = "ridge"
    degree: int = 2
    strength: float = 1e-2

    def fit(self, samples: Samples) -> RidgePredictor:
        """Return the polynomial with the least penalised squared log error."""
        features = LogFeatures.of(samples.rows)
        design = _polynomial(features.of_rows(samples.rows), self.degree)
        target = np.log(samples.values)
        penalty = np.eye(design.shape[1]) * self.strength * len(samples)
        penalty[0, 0] = 0.0
        weights = np.linalg.solve(design.T @ design + penalty, design.T @ target)
        # as far beyond the measured range as that range is wide, and a factor e
        reach = float(np.ptp(target)) + 1.0
        return RidgePredictor(
            self.name,
            features,
            self.degree,
            tuple(float(weight) for weight in weights),
            float(target.min()) - reach,
            float(target.max()) + reach,
        )


def _polynomial(features: FloatArray, degree: int) -> FloatArray:
    columns = [np.ones(len(features)), *features.T]
    if degree == 2:
        width = features.shape[1]
        columns += [features[:, i] * features[:, j] for i in range(width) for j in range(i, width)]
    return np.stack(columns, axis=1)
