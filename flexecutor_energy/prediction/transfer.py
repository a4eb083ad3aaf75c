"""What another machine, or another input, taught about a stage, fitted to a few new runs.

The predictor of the past profile keeps its shape; new runs fit by how much it is off, as a factor
that may lean with the cores and the workers of a configuration. Both are shrunk: one run gives a
factor alone, several whether it leans.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from flexecutor_energy.errors import ModelFormatError
from flexecutor_energy.prediction.predictor import Loader, Predictor
from flexecutor_energy.prediction.rows import FloatArray, Rows, Samples

# Standard deviations of the logarithm before any new run: of the factor (another input may be
# twenty times as large), of its lean over the whole range of a column, and of a run about it.
_FACTOR, _LEAN, _NOISE = 3.0, 0.2, 0.05


@dataclass(frozen=True, slots=True)
class Lean:
    """How the factor changes along a column.

    Attributes
    ----------
    column : ``k`` for the cores of a worker, ``w`` for workers
    center : log of the value at which the factor is the plain one
    slope : change of the log of the factor for each unit of the log of the column
    """

    column: str
    center: float
    slope: float


@dataclass(frozen=True, slots=True)
class TransferPredictor:
    """A predictor of another profile, times a factor.

    Attributes
    ----------
    family : name of the family that fitted it
    source : the predictor of the past profile
    factor : of this machine or input to that one, in the middle of the new configurations
    leans : how the factor changes with the configuration
    """

    family: str
    source: Predictor
    factor: float
    leans: tuple[Lean, ...]

    def predict(self, rows: Rows) -> FloatArray:
        """Return the expected value of each row: array (rows,)."""
        off = np.full(len(rows), np.log(self.factor))
        for lean in self.leans:
            off += lean.slope * (_column(lean.column, rows) - lean.center)
        values: FloatArray = self.source.predict(rows) * np.exp(off)
        return values

    def to_dict(self) -> dict[str, Any]:
        """Return the predictor as plain JSON values."""
        return {
            "kind": "transfer",
            "family": self.family,
            "source": self.source.to_dict(),
            "factor": self.factor,
            "leans": [[lean.column, lean.center, lean.slope] for lean in self.leans],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], load: Loader) -> "TransferPredictor":
        """Return the predictor that ``to_dict`` described."""
        leans = tuple(Lean(str(c), float(x), float(slope)) for c, x, slope in data["leans"])
        factor = float(data["factor"])
        if not factor > 0 or any(lean.column not in ("k", "w") for lean in leans):
            raise ModelFormatError("the model has a transfer of another version")
        return cls(str(data["family"]), load(data["source"]), factor, leans)


@dataclass(frozen=True, slots=True, eq=False)
class TransferFamily:
    """Fits factors to a predictor of another profile.

    Attributes
    ----------
    source : the predictor
    sizes : column → range of its logarithm in the past profile; columns that did not vary there
        are absent
    name : as reports show it
    """

    source: Predictor
    sizes: Mapping[str, float]
    name: str = "transfer"

    @classmethod
    def of(cls, source: Predictor, rows: Rows) -> "TransferFamily":
        """Return the family of a predictor that was fitted on these rows."""
        ranges = {name: float(np.ptp(_column(name, rows))) for name in ("k", "w")}
        return cls(source, {name: size for name, size in ranges.items() if size > 1e-9})

    def fit(self, samples: Samples) -> TransferPredictor:
        """Return the source's predictor with the likeliest factor.

        A ridge on the log of measured over predicted: the mean of a Gaussian posterior with the
        standard deviations above.
        """
        off = np.log(samples.values / self.source.predict(samples.rows))
        design, inside = self._design(samples.rows, samples.rows)
        weights = np.linalg.solve(inside, design.T @ off / _NOISE**2)
        leans = (
            Lean(name, float(np.mean(_column(name, samples.rows))), float(slope))
            for name, slope in zip(self.sizes, weights[1:], strict=True)
        )
        return TransferPredictor(self.name, self.source, float(np.exp(weights[0])), tuple(leans))

    def doubt(self, new: Rows, rows: Rows) -> FloatArray:
        """Return how uncertain the factor is: array (rows,), standard deviation of its logarithm.

        Parameters
        ----------
        new : what it was fitted on
        rows : where it is used
        """
        _, inside = self._design(new, new)
        design, _ = self._design(rows, new)
        variance = np.einsum("ij,jk,ik->i", design, np.linalg.inv(inside), design)
        deviation: FloatArray = np.sqrt(variance + _NOISE**2)
        return deviation

    def _design(self, rows: Rows, new: Rows) -> tuple[FloatArray, FloatArray]:
        """Return the columns of some rows, and the precision of factors fitted on the new ones."""
        columns = [_column(name, rows) - np.mean(_column(name, new)) for name in self.sizes]
        design = np.stack([np.ones(len(rows)), *columns], axis=1)
        spread = np.array([_FACTOR, *(_LEAN / size for size in self.sizes.values())])
        return design, design.T @ design / _NOISE**2 + np.diag(spread**-2)


def _column(name: str, rows: Rows) -> FloatArray:
    values: FloatArray = np.log(rows.cpu if name == "k" else rows.workers)
    return values
