"""What a predictor is: something fitted that maps configurations to a positive quantity."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from flexecutor_energy.prediction.rows import FloatArray, Rows, Samples


@runtime_checkable
class Predictor(Protocol):
    """A fitted predictor. It is a value: predicting changes nothing in it."""

    @property
    def family(self) -> str:
        """The name of the family that fitted it."""
        ...

    def predict(self, rows: Rows) -> FloatArray:
        """Return the expected value of each row: array (rows,), finite and above 0."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return everything needed to predict as plain JSON values."""
        ...


@runtime_checkable
class Family(Protocol):
    """A way to fit predictors."""

    @property
    def name(self) -> str:
        """Its name in reports and model files."""
        ...

    def fit(self, samples: Samples) -> Predictor:
        """Return a predictor fitted on the samples (at least one)."""
        ...


Loader = Callable[[Mapping[str, Any]], Predictor]
