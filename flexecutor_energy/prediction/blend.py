"""Several predictors as one: their weighted mean, and predictors on cores that workers share."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from flexecutor_energy.errors import ModelFormatError
from flexecutor_energy.prediction.physics import TermsPredictor, summed
from flexecutor_energy.prediction.predictor import Family, Loader, Predictor
from flexecutor_energy.prediction.rows import FloatArray, Rows, Samples


@dataclass(frozen=True, slots=True)
class BlendPredictor:
    """The weighted mean of predictors.

    Attributes
    ----------
    family : names of the families that fitted them
    parts : the predictors
    shares : their weights, above 0, together 1
    """

    family: str
    parts: tuple[Predictor, ...]
    shares: tuple[float, ...]

    def predict(self, rows: Rows) -> FloatArray:
        """Return the expected value of each row: array (rows,)."""
        values = [s * part.predict(rows) for part, s in zip(self.parts, self.shares, strict=True)]
        total: FloatArray = np.sum(values, axis=0)
        return total

    def to_dict(self) -> dict[str, Any]:
        """Return the predictor as plain JSON values."""
        parts = [part.to_dict() for part in self.parts]
        return {
            "kind": "blend",
            "family": self.family,
            "parts": parts,
            "shares": list(self.shares),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], load: Loader) -> "BlendPredictor":
        """Return the predictor that ``to_dict`` described."""
        parts = tuple(load(part) for part in data["parts"])
        shares = tuple(float(share) for share in data["shares"])
        if len(parts) != len(shares) or not parts or min(shares) <= 0:
            raise ModelFormatError("the model blends predictors without a weight for each")
        return cls(str(data["family"]), parts, shares)


def blended(parts: Sequence[tuple[Predictor, float]]) -> Predictor:
    """Return the weighted mean of predictors, in as few parts as possible.

    Sums of terms are added up into one, which predicts as fast as any of them.

    Parameters
    ----------
    parts : predictors with their weights, above 0, together 1; at least one
    """
    if len(parts) == 1:
        return parts[0][0]
    ordered = sorted(parts, key=lambda part: -part[1])
    family = "+".join(part.family for part, _ in ordered)
    terms = [(p, share) for p, share in ordered if isinstance(p, TermsPredictor)]
    others = [(p, share) for p, share in ordered if not isinstance(p, TermsPredictor)]
    if terms:
        weight = sum(share for _, share in terms)
        name = "+".join(predictor.family for predictor, _ in terms)
        floor = sum(share * predictor.floor for predictor, share in terms) / weight
        together = summed(name, [(p, share / weight) for p, share in terms], floor)
        others.insert(0, (together, weight))
    if len(others) == 1:
        return others[0][0]
    return BlendPredictor(family, tuple(p for p, _ in others), tuple(s for _, s in others))


def pieces(predictor: Predictor) -> Iterator[Predictor]:
    """Yield a predictor and all those that it is made of."""
    yield predictor
    inside = getattr(predictor, "parts", None) or [getattr(predictor, "base", None)]
    for piece in inside:
        if piece is not None:
            yield from pieces(piece)


@dataclass(frozen=True, slots=True)
class SharedPredictor:
    """A predictor for workers that get no more cores than their hosts have for each of them.

    Attributes
    ----------
    family : name of the family that fitted it
    base : predicts from the cores that a worker can get
    """

    family: str
    base: Predictor

    def predict(self, rows: Rows) -> FloatArray:
        """Return the expected value of each row: array (rows,)."""
        return self.base.predict(rows.with_held_cpu())

    def to_dict(self) -> dict[str, Any]:
        """Return the predictor as plain JSON values."""
        return {"kind": "shared", "family": self.family, "base": self.base.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], load: Loader) -> "SharedPredictor":
        """Return the predictor that ``to_dict`` described."""
        return cls(str(data["family"]), load(data["base"]))


@dataclass(frozen=True, slots=True)
class SharedFamily:
    """Another family, fitted to the cores that workers can get instead of those they ask for.

    Cores in use together are at most those there are: min(k·w, C). Time
    beyond the crowded range then follows from what was measured without a crowd.
    """

    base: Family

    @property
    def name(self) -> str:
        """Its name in reports and model files."""
        return f"shared {self.base.name}"

    def fit(self, samples: Samples) -> SharedPredictor:
        """Return the base family's predictor on held cores."""
        rows = samples.rows.with_held_cpu()
        base = self.base.fit(Samples(rows, samples.values, samples.parts))
        return SharedPredictor(self.name, base)


@dataclass(frozen=True, slots=True)
class CrowdFamily:
    """Another family that learns from crowded runs what a crowd costs; without any, it is told.

    Held-out errors of a configuration that is the only crowded one would otherwise be those of
    a model that takes cores for endless.
    """

    base: Family

    @property
    def name(self) -> str:
        """Its name in reports and model files."""
        return self.base.name

    def fit(self, samples: Samples) -> Predictor:
        """Return the base family's predictor, on held cores if no sample is crowded."""
        crowded = bool(np.any(samples.rows.overload > 0))
        return (self.base if crowded else SharedFamily(self.base)).fit(samples)
