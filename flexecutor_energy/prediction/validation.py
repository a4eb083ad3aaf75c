"""Held-out error: each configuration is predicted by models that never saw it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexecutor_energy.prediction.predictor import Family, Predictor
from flexecutor_energy.prediction.rows import FloatArray, Samples

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
    chosen : the family picked on all groups
    chosen_without : group → the family picked on the others; what predicts that group in an
        honest estimate of the error, since picking is part of fitting
    held_out : array (rows,), the predictions of ``chosen_without``
    """

    families: tuple[str, ...]
    predicted: FloatArray
    folds: Mapping[str, Mapping[int, Predictor]]
    mape: Mapping[str, float]
    chosen: str
    chosen_without: Mapping[int, str]
    held_out: FloatArray


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
    without = {
        group: names[choose(np.delete(errors, column, axis=1))] for column, group in enumerate(ids)
    }
    held_out = np.empty(len(samples))
    for group, name in without.items():
        held_out[groups == group] = predicted[names.index(name), groups == group]
    return CrossValidation(
        families=tuple(names),
        predicted=predicted,
        folds=folds,
        mape={n: mape(p, samples.values) for n, p in zip(names, predicted, strict=True)},
        chosen=names[choose(errors)],
        chosen_without=without,
        held_out=held_out,
    )


def choose(errors: FloatArray) -> int:
    """Return the index of the family to trust.

    The first one that is not worse than the best by more than one standard error of their
    paired difference (the one-standard-error rule of Breiman et al., Classification and
    Regression Trees, 1984): with few configurations, taking the bare minimum picks luck.

    Parameters
    ----------
    errors : array (families, groups), held-out errors; families in order of trust
    """
    groups = errors.shape[1]
    best = errors[int(np.argmin(np.round(np.mean(errors, axis=1), 9)))]
    excess = errors - best
    doubt = np.std(excess, axis=1) / np.sqrt(groups)
    # rounding must not decide between families that are the same on these groups
    return int(np.flatnonzero(np.mean(excess, axis=1) <= doubt + 1e-9)[0])


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
