"""The answer: what the texts are, which models were tried, and what the best of them says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dags.nlp.models import Candidate, Fitted, Task
from dags.nlp.terms import Floats, Rows, Vocabulary
from dags.nlp.texts import Part

SAMPLES = 12
"""Test texts whose weights are told, at most."""

COMMON = 100
"""Terms whose counts are told one by one."""


def verdict(task: Task, tried: Sequence[Candidate], fitted: Sequence[Fitted]) -> dict[str, Any]:
    """Choose the best on the validation part, ask it about the test part, and return the answer.

    Of several that tell as many texts right the first counts.
    """
    scores = [model.validation_correct for model in fitted]
    chosen = scores.index(max(scores))
    told, labels = task.told(fitted[chosen].weights, Part.TEST), task.labels(Part.TEST)
    correct = int((told == labels).sum())
    return described(task.rows, task.vocabulary) | {
        "models": [
            {
                "strength": candidate.strength,
                "pairs": candidate.pairs,
                "validation_correct": model.validation_correct,
                "sha256": weights_digest(model.weights),
            }
            for candidate, model in zip(tried, fitted, strict=True)
        ],
        "chosen": chosen,
        "told": told.tolist(),
        "correct": correct,
        "accuracy": correct / len(labels),
    }


def described(rows: Rows, vocabulary: Vocabulary) -> dict[str, Any]:
    """Return what the answer says of the texts before any model is fitted."""
    counts = dict(zip(vocabulary.terms, vocabulary.counts, strict=True))
    documents = dict(zip(vocabulary.terms, vocabulary.documents, strict=True))
    frequent = sorted(counts, key=lambda term: (-counts[term], term))[:COMMON]
    return {
        "texts": len(rows.numbers),
        "terms": len(vocabulary.terms),
        "common": {term: counts[term] for term in frequent},
        "counts_sha256": counts_digest(counts, documents),
        "weight_sum": float(rows.weights.sum()),
        "samples": {
            str(number): _weights(rows, place, vocabulary.terms) for place, number in sampled(rows)
        },
    }


def counts_digest(counts: Mapping[str, int], documents: Mapping[str, int]) -> str:
    """Return the SHA-256 of all terms in order, with how often and in how many texts they are."""
    lines = (f"{term}\t{counts[term]}\t{documents[term]}\n" for term in sorted(counts))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def weights_digest(weights: Floats) -> str:
    """Return the SHA-256 of weights to a millionth: processors differ in what comes far behind."""
    rounded = np.round(weights * 1e6).astype(np.int64)
    return hashlib.sha256(rounded.tobytes()).hexdigest()


def sampled(rows: Rows) -> list[tuple[int, int]]:
    """Return place and number of some test texts, evenly spread."""
    places = np.flatnonzero(rows.parts == Part.TEST)
    some = places[:: -(-len(places) // SAMPLES)].tolist()
    return [(place, int(rows.numbers[place])) for place in some]


def _weights(rows: Rows, place: int, terms: Sequence[str]) -> dict[str, float]:
    start = int(rows.ends[place - 1]) if place else 0
    own = slice(start, int(rows.ends[place]))
    columns, weights = rows.columns[own].tolist(), rows.weights[own].tolist()
    return {terms[column]: weight for column, weight in zip(columns, weights, strict=True)}
