"""Physics-form predictors: non-negative sums of terms that mean something.

A stage's time is a sum of work that shrinks with cores and workers, work that does not, and
coordination that grows (the terms of Ernest, Venkataraman et al., NSDI 2016, and of Jolteon,
Zhang et al., NSDI 2024). Four kinds go beyond those: single-threaded work does not gain from
cores beyond the first but slows down on less than one (``s``), work on a share of the data may
grow faster than the share (``1/w²``), reading depends on the workers of the parents (``f``), and
workers that ask for more cores than their host has get into each other's way (``o``).
Non-negative coefficients keep every prediction positive and extrapolate sanely.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import nnls

from flexecutor_energy.errors import ModelFormatError
from flexecutor_energy.prediction import terms
from flexecutor_energy.prediction.predictor import Loader
from flexecutor_energy.prediction.rows import FloatArray, Rows, Samples

# Terms that the samples cannot tell apart share the weight instead of one taking all of it:
# a ridge this small leaves well-determined fits unchanged (a factor 100 either way moves the
# median held-out error of the reference profiles by less than half a point).
_RIDGE = 1e-4
# No prediction falls below this share of the smallest measured value.
_FLOOR = 1e-3


@dataclass(frozen=True, slots=True)
class TermsPredictor:
    """A non-negative sum of terms.

    Attributes
    ----------
    family : name of the family that fitted it
    names : its terms, as in ``terms.py``
    coefficients : their weights, in the unit of the target
    floor : the least value it predicts
    """

    family: str
    names: tuple[str, ...]
    coefficients: tuple[float, ...]
    floor: float

    def predict(self, rows: Rows) -> FloatArray:
        """Return the expected value of each row: array (rows,)."""
        total = terms.design_matrix(self.names, rows) @ np.array(self.coefficients)
        return _at_least(self.floor, total)

    def to_dict(self) -> dict[str, Any]:
        """Return the predictor as plain JSON values."""
        return {
            "kind": "terms",
            "family": self.family,
            "terms": dict(zip(self.names, self.coefficients, strict=True)),
            "floor": self.floor,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], _load: Loader) -> "TermsPredictor":
        """Return the predictor that ``to_dict`` described."""
        table = {str(name): float(value) for name, value in data["terms"].items()}
        unknown = [name for name in table if not terms.is_known(name)]
        if unknown:
            raise ModelFormatError(f"the model has terms of another version: {unknown}")
        return cls(str(data["family"]), tuple(table), tuple(table.values()), float(data["floor"]))


def summed(
    family: str, shares: Sequence[tuple[TermsPredictor, float]], floor: float
) -> TermsPredictor:
    """Return the sum of predictors, each times its share, as one sum of terms."""
    table: dict[str, float] = {}
    for predictor, share in shares:
        for name, coefficient in zip(predictor.names, predictor.coefficients, strict=True):
            table[name] = table.get(name, 0.0) + share * coefficient
    return TermsPredictor(family, tuple(table), tuple(table.values()), floor)


@dataclass(frozen=True, slots=True)
class TermsFamily:
    """Non-negative least squares on named terms.

    Attributes
    ----------
    name : as reports show it
    own : terms of the stage's own resources
    fan_in : terms of each parent whose worker count varies
    """

    name: str
    own: tuple[str, ...]
    fan_in: tuple[str, ...] = ()

    def fit(self, samples: Samples) -> TermsPredictor:
        """Return the sum of terms with the least relative error on the samples."""
        names = terms.applicable(self.own, self.fan_in, samples.rows)
        values = samples.values
        return fit_terms(self.name, names, samples.rows, values, values, _floor(values))


PHYSICS = TermsFamily("physics", terms.STAGE, terms.FAN_IN)
LEAN = TermsFamily("lean", terms.LEAN, ("f", "f/w"))
STARTUP = TermsFamily("startup", terms.STARTUP)
CORES = TermsFamily("cores", terms.CPU_TIME, ("f", "f/w"))


@dataclass(frozen=True, slots=True)
class PhasesFamily:
    """Each phase with terms of its own: computing scales with cpu, moving data need not.

    Without parts it is the plain physics form.

    Attributes
    ----------
    name : as reports show it
    terms_of : the terms of a phase, given the rows
    ridge : see ``fit_terms``
    """

    name: str
    terms_of: Callable[[str, Rows], tuple[str, ...]]
    ridge: float = _RIDGE

    def fit(self, samples: Samples) -> TermsPredictor:
        """Return the sum over phases, each fitted to the error it causes in the total."""
        rows = samples.rows
        parts = [
            fit_terms(
                self.name, self.terms_of(phase, rows), rows, part, samples.values, ridge=self.ridge
            )
            for phase, part in samples.parts.items()
            if np.any(part > 0)
        ]
        if not parts:
            return TermsFamily(self.name, terms.STAGE, terms.FAN_IN).fit(samples)
        return summed(self.name, [(part, 1.0) for part in parts], _floor(samples.values))


def _full(phase: str, rows: Rows) -> tuple[str, ...]:
    if phase == "cold_start":  # waiting to be started does not depend on the work
        return terms.applicable(terms.START, (), rows)
    if phase == "compute":
        plain = terms.applicable(terms.COMPUTE, terms.FAN_IN_COMPUTE, rows)
        return (*plain, *terms.THREADS, *terms.cliffs(rows))
    return terms.applicable(terms.TRANSFER, terms.FAN_IN, rows)


def _frugal(phase: str, rows: Rows) -> tuple[str, ...]:
    if phase == "cold_start":  # as if it depended on nothing; few points say what it depends on
        return ("1",)
    if phase == "compute":
        return terms.applicable(terms.FRUGAL_COMPUTE, ("f/k",), rows)
    return terms.applicable(terms.FRUGAL_TRANSFER, ("f", "f/w"), rows)


PHASES = PhasesFamily("phases", _full)
FRUGAL = PhasesFamily("frugal", _frugal, ridge=1e-3)


@dataclass(frozen=True, slots=True)
class WattsFamily:
    """Joules from CPU seconds and seconds, at a price that depends on how full the hosts are."""

    name: str = "watts"

    def fit(self, samples: Samples) -> TermsPredictor:
        """Return the sum of terms with the least relative error on the samples."""
        values = samples.values
        names = terms.with_load(samples.rows)
        return fit_terms(self.name, names, samples.rows, values, values, _floor(values))


WATTS = WattsFamily()


def _at_least(floor: float, values: FloatArray) -> FloatArray:
    raised: FloatArray = np.maximum(values, floor)
    return raised


def _floor(values: FloatArray) -> float:
    return float(np.min(values)) * _FLOOR


def fit_terms(
    family: str,
    names: tuple[str, ...],
    rows: Rows,
    values: FloatArray,
    scale: FloatArray,
    floor: float = 0.0,
    ridge: float = _RIDGE,
) -> TermsPredictor:
    """Fit the weights of terms by non-negative least squares of errors relative to ``scale``.

    Parameters
    ----------
    family, names : what the predictor will say of itself
    rows : n configurations
    values : array (n,), what was measured, not below 0
    scale : array (n,), above 0; an error counts in proportion to ``1/scale``
    floor : the least value to predict
    ridge : penalty on terms, relative to their size on the rows
    """
    matrix = terms.design_matrix(names, rows) / scale[:, None]
    size = np.sqrt(np.mean(matrix**2, axis=0))
    used = size > 0
    matrix, size = matrix[:, used] / size[used], size[used]
    shrink = np.sqrt(ridge * len(rows)) * np.eye(len(size))
    target = np.concatenate([values / scale, np.zeros(len(size))])
    weights, _ = nnls(np.vstack([matrix, shrink]), target, maxiter=100 * max(len(size), 1))
    positive = weights > 0
    kept = np.flatnonzero(used)[positive]
    return TermsPredictor(
        family,
        tuple(names[i] for i in kept),
        tuple(float(c) for c in weights[positive] / size[positive]),
        floor,
    )
