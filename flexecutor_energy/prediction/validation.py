"""Held-out error: each configuration is predicted by models that never saw it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexecutor_energy.prediction.blend import blended
from flexecutor_energy.prediction.predictor import Family, Predictor
from flexecutor_energy.prediction.rows import FloatArray, Samples

# No family is trusted as if it had less of an error than this.
_LEAST_ERROR = 1e-3
# Weights fall with this power of the error. On drawn and reference profiles anything from 4 to 8
# was better than one family alone, and than a test which families are as good as the best.
_POWER = 6.0
# A family with less than this share of the greatest weight only costs time.
_LEAST_WEIGHT = 0.05
# Covariates of held-out rows, as the models of that fold predict them: group → name → array
FoldCovariates = Mapping[int, Mapping[str, FloatArray]]


@dataclass(frozen=True, slots=True, eq=False)
class CrossValidation:
    """Families compared on configurations that they did not see.

    Attributes
    ----------
    families : the names compared
    predicted : array (families, rows), held-out predictions
    folds : family → group → the predictor fitted without that group
    mape : family → mean absolute percentage error over rows, 0…
    shares : family → its weight by all groups; families without are absent
    shares_without : group → the weights by the errors on the others; what predicts that group in
        an honest estimate of the error, since weighing is part of fitting. Models that were
        judged on those others did see the group: leaving it out there too would take as many
        times longer as there are groups
    """

    families: tuple[str, ...]
    predicted: FloatArray
    folds: Mapping[str, Mapping[int, Predictor]]
    mape: Mapping[str, float]
    shares: Mapping[str, float]
    shares_without: Mapping[int, Mapping[str, float]]

    def without(self, group: int) -> Predictor:
        """Return the blend of predictors that saw no run of a group, weighed by other groups."""
        shares = self.shares_without[group]
        return blended([(self.folds[name][group], share) for name, share in shares.items()])


def cross_validate(
    samples: Samples,
    groups: npt.NDArray[np.int64],
    families: Sequence[Family],
    covariates: FoldCovariates | None = None,
) -> CrossValidation:
    """Hold each group out in turn.

    Parameters
    ----------
    samples : n conditions
    groups : array (n,), rows of equal number are held out together; at least two groups
    families : in order of trust
    covariates : for the held-out rows of each group, instead of their measured ones
    """
    ids = [int(group) for group in np.unique(groups)]
    predicted = np.empty((len(families), len(samples)))
    folds: dict[str, dict[int, Predictor]] = {family.name: {} for family in families}
    for group in ids:
        out = groups == group
        seen, hidden = samples.take(~out), samples.rows.take(out)
        if covariates is not None:
            hidden = hidden.with_covariates(covariates[group])
        for i, family in enumerate(families):
            predictor = family.fit(seen)
            folds[family.name][group] = predictor
            predicted[i, out] = predictor.predict(hidden)
    names = [family.name for family in families]
    errors = _errors_by_group(predicted, samples.values, groups, ids)
    return CrossValidation(
        families=tuple(names),
        predicted=predicted,
        folds=folds,
        mape={n: mape(p, samples.values) for n, p in zip(names, predicted, strict=True)},
        shares=_named(names, weigh(errors)),
        shares_without={
            group: _named(names, weigh(np.delete(errors, column, axis=1)))
            for column, group in enumerate(ids)
        },
    )


def weigh(errors: FloatArray) -> FloatArray:
    """Return how much to trust each family: array (families,), together 1.

    Where data cannot tell families apart, picking one of them is luck, and their mean is better
    than most; where one is much better, it has nearly all of the weight.

    Parameters
    ----------
    errors : array (families, groups), held-out errors
    """
    mean = np.mean(errors, axis=1) + _LEAST_ERROR
    # rounding must not decide between families that are the same on these groups
    weight = np.round(mean / np.min(mean), 6) ** -_POWER
    weight[weight < _LEAST_WEIGHT] = 0.0
    shares: FloatArray = weight / np.sum(weight)
    return shares


def _named(names: Sequence[str], shares: FloatArray) -> dict[str, float]:
    """Return the families that have a share."""
    return {n: float(s) for n, s in zip(names, shares, strict=True) if s > 0}


def mape(predicted: FloatArray, measured: FloatArray) -> float:
    """Return the mean absolute percentage error as a share (0.05 is 5 %)."""
    return float(np.mean(np.abs(predicted / measured - 1)))


def _errors_by_group(
    predicted: FloatArray,
    measured: FloatArray,
    groups: npt.NDArray[np.int64],
    ids: Sequence[int],
) -> FloatArray:
    off = np.abs(np.log(predicted / measured))
    return np.stack([np.mean(off[:, groups == group], axis=1) for group in ids], axis=1)
