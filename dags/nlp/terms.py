"""From texts to numbers: terms, how often they occur, and TF-IDF.

A term is a word or a pair of neighbouring words, in lower case. Its weight in a text is
(1 + ln tf) · (ln((1 + n) / (1 + df)) + 1), for a term that occurs tf times there and in df of n
training texts; the weights of a text are divided by the root of the sum of their squares.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from dags.nlp.texts import LabelledText, Part

Floats = npt.NDArray[np.floating[Any]]
Whole = npt.NDArray[np.integer[Any]]

LEAST_DOCUMENTS = 2
"""Training texts in which a term must occur to be in the vocabulary."""

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


def words_of(text: str) -> list[str]:
    """Return the words of a text."""
    return _WORD.findall(text.lower())


def terms_of(words: Sequence[str]) -> list[str]:
    """Return the terms of a text with these words."""
    return [*words, *(f"{first} {second}" for first, second in pairwise(words))]


@dataclass(frozen=True, slots=True)
class Counts:
    """How often terms occur in training texts.

    Attributes
    ----------
    texts : how many these are
    terms : for each term how often it occurs, and in how many texts
    """

    texts: int
    terms: dict[str, tuple[int, int]]

    @classmethod
    def of(cls, texts: Iterable[Sequence[str]]) -> Counts:
        """Count texts, each given by its words."""
        number, occurrences, documents = 0, Counter[str](), Counter[str]()
        for words in texts:
            terms = terms_of(words)
            occurrences.update(terms)
            documents.update(set(terms))
            number += 1
        return cls(number, {term: (n, documents[term]) for term, n in occurrences.items()})

    @classmethod
    def merged(cls, parts: Iterable[Counts]) -> Counts:
        """Add counts up."""
        texts, terms = 0, dict[str, tuple[int, int]]()
        for part in parts:
            texts += part.texts
            for term, (occurrences, documents) in part.terms.items():
                before = terms.get(term, (0, 0))
                terms[term] = (before[0] + occurrences, before[1] + documents)
        return cls(texts, terms)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The terms that texts are described by.

    Attributes
    ----------
    texts : training texts that were counted
    terms : in order
    counts, documents : array (terms,), how often each occurs, and in how many texts
    """

    texts: int
    terms: list[str]
    counts: list[int]
    documents: list[int]

    @classmethod
    def of(cls, counts: Counts) -> Vocabulary:
        """Return the terms that occur in enough texts."""
        kept = sorted(
            (term, *both) for term, both in counts.terms.items() if both[1] >= LEAST_DOCUMENTS
        )
        terms, occurrences, documents = (list(column) for column in zip(*kept, strict=True))
        return cls(counts.texts, terms, occurrences, documents)

    def idf(self) -> Floats:
        """Return the inverse document frequency of each term, smoothed."""
        return np.array([math.log((1 + self.texts) / (1 + n)) + 1 for n in self.documents])

    def is_pair(self) -> npt.NDArray[np.bool_]:
        """Return which terms are pairs of words."""
        return np.array([" " in term for term in self.terms])


@dataclass(frozen=True, slots=True)
class Rows:
    """Weights of the terms of texts, row by row, as in a sparse matrix by rows.

    Attributes
    ----------
    numbers, parts, labels : array (texts,), of each text
    ends : array (texts,), where its weights end
    columns, weights : array (weights,), place in the vocabulary, rising within a text, and TF-IDF
    """

    numbers: Whole
    parts: Whole
    labels: Whole
    ends: Whole
    columns: Whole
    weights: Floats

    @classmethod
    def joined(cls, pieces: Sequence[Rows]) -> Rows:
        """Return the rows of all pieces by number of text, whatever order they come in."""
        numbers = np.concatenate([piece.numbers for piece in pieces])
        order = np.argsort(numbers)
        lengths = np.concatenate([np.diff(piece.ends, prepend=0) for piece in pieces])
        starts = np.cumsum(lengths) - lengths
        taken = _ranges(starts[order], lengths[order])
        return cls(
            numbers=numbers[order],
            parts=np.concatenate([piece.parts for piece in pieces])[order],
            labels=np.concatenate([piece.labels for piece in pieces])[order],
            ends=np.cumsum(lengths[order]),
            columns=np.concatenate([piece.columns for piece in pieces])[taken],
            weights=np.concatenate([piece.weights for piece in pieces])[taken],
        )

    def matrix(self, terms: int) -> Any:
        """Return SciPy's sparse matrix (texts, terms)."""
        from scipy.sparse import csr_array

        ends = np.concatenate([[0], self.ends])
        return csr_array((self.weights, self.columns, ends), shape=(len(self.ends), terms))


def tfidf(texts: Sequence[LabelledText], vocabulary: Vocabulary) -> Rows:
    """Return the weights of the terms of texts."""
    places = {term: place for place, term in enumerate(vocabulary.terms)}
    columns: list[int] = []
    frequencies: list[int] = []
    ends: list[int] = []
    for entry in texts:
        found = Counter(places[t] for t in terms_of(words_of(entry.text)) if t in places)
        for place in sorted(found):
            columns.append(place)
            frequencies.append(found[place])
        ends.append(len(columns))
    where = np.array(columns, dtype=np.int64)
    weights = (1 + np.log(np.array(frequencies, dtype=float))) * vocabulary.idf()[where]
    lengths = np.diff(ends, prepend=0)
    owners = np.repeat(np.arange(len(texts)), lengths)
    squares = np.bincount(owners, weights**2, minlength=len(texts))
    return Rows(
        numbers=np.array([entry.number for entry in texts]),
        parts=np.array([entry.part.value for entry in texts]),
        labels=np.array([entry.label for entry in texts]),
        ends=np.array(ends),
        columns=where,
        weights=weights / np.sqrt(squares)[owners],
    )


def training_words(texts: Iterable[LabelledText]) -> list[list[str]]:
    """Return the words of each training text."""
    return [words_of(entry.text) for entry in texts if entry.part is Part.TRAINING]


def _ranges(starts: Whole, lengths: Whole) -> Whole:
    """Return the numbers from each start on, so many each, one range after another."""
    ends = np.cumsum(lengths)
    shifts: Whole = np.repeat(starts - (ends - lengths), lengths)
    return np.arange(len(shifts)) + shifts
