"""Telling liked from disliked: logistic regressions, of which the best is chosen.

All sums are taken in one fixed order, by SciPy's sparse product and NumPy, never by a BLAS, whose
threads share sums out differently. So the weights are the same for any number of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dags.nlp.terms import Floats, Rows, Vocabulary, Whole
from dags.nlp.texts import Part

_WEAKEST, _STRONGEST = 0.1, 30.0
_POWER_ROUNDS = 20
_MARGIN = 1.05  # the power iteration finds the largest singular value from below


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that may be chosen.

    Attributes
    ----------
    strength : how much the data count against small weights (scikit-learn's ``C``)
    pairs : whether pairs of words count too
    """

    strength: float
    pairs: bool


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted candidate.

    Attributes
    ----------
    weights : array (terms,)
    validation_correct : texts of the validation part that it tells right
    """

    weights: Floats
    validation_correct: int


def candidates(strengths: int) -> list[Candidate]:
    """Return what is tried: so many strengths, evenly spaced in ratio, without and with pairs."""
    spaced = np.geomspace(_WEAKEST, _STRONGEST, strengths).round(6).tolist()
    return [Candidate(strength, pairs) for strength in spaced for pairs in (False, True)]


class Task:
    """What all candidates are fitted to.

    Parameters
    ----------
    rows : of all texts, by number
    vocabulary : their columns
    """

    def __init__(self, rows: Rows, vocabulary: Vocabulary) -> None:
        self.rows = rows
        self.vocabulary = vocabulary
        self._pair = vocabulary.is_pair()
        matrix = rows.matrix(len(vocabulary.terms))
        train = (rows.parts == Part.TRAINING) & (rows.labels != 0)
        self._matrix, self._labels = matrix[train], rows.labels[train].astype(float)
        self._asked = {
            part: (matrix[rows.parts == part], rows.labels[rows.parts == part])
            for part in (Part.VALIDATION, Part.TEST)
        }

    def fit(self, candidate: Candidate, rounds: int) -> Fitted:
        """Return a candidate fitted in so many steps."""
        kept = np.flatnonzero(~self._pair | candidate.pairs)
        weights = np.zeros(len(self._pair))
        weights[kept] = descended(self._matrix[:, kept], self._labels, candidate.strength, rounds)
        told, labels = self.told(weights, Part.VALIDATION), self._asked[Part.VALIDATION][1]
        return Fitted(weights, int((told == labels).sum()))

    def told(self, weights: Floats, part: Part) -> Whole:
        """Return what a model says of the texts of a part: 1 or -1."""
        return np.where(self._asked[part][0] @ weights > 0, 1, -1)

    def labels(self, part: Part) -> Whole:
        """Return the truth."""
        truth: Whole = self._asked[part][1]
        return truth


def descended(matrix: Any, labels: Floats, strength: float, rounds: int) -> Floats:
    """Return weights w that make |w|²/2 + strength · Σ ln(1 + exp(−y x·w)) small.

    Nesterov's accelerated descent for a strongly convex function (Introductory Lectures on Convex
    Optimization, 2004, scheme 2.2.11): the curvature lies between 1 and ``largest``.

    Parameters
    ----------
    matrix : sparse (texts, terms)
    labels : array (texts,), each 1 or -1
    strength : weight of the data
    rounds : steps taken from weights of nought
    """
    across = matrix.T.tocsr()
    largest = 1 + strength / 4 * _MARGIN * _squared_norm(matrix, across)
    root = np.sqrt(largest)
    momentum = (root - 1) / (root + 1)
    weights = ahead = np.zeros(matrix.shape[1])
    for _ in range(rounds):
        margins = labels * (matrix @ ahead)
        slope = ahead - strength * (across @ (labels / (1 + np.exp(margins))))
        before, weights = weights, ahead - slope / largest
        ahead = weights + momentum * (weights - before)
    return weights


def _squared_norm(matrix: Any, across: Any) -> float:
    """Return the square of the largest singular value, nearly."""
    vector = np.ones(matrix.shape[1])
    norm = 1.0
    for _ in range(_POWER_ROUNDS):
        vector = across @ (matrix @ (vector / norm))
        norm = float(np.sqrt((vector**2).sum()))
    return norm
