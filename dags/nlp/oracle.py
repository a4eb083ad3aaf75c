"""What an answer of the language workflow must be.

Terms are counted again with ``collections.Counter``, weights compared with those that
scikit-learn's ``TfidfVectorizer`` gives, and the models fitted again in one process.
"""

import dataclasses
import functools
import re
from collections import Counter
from typing import Any

from dags.answers import require, require_fields, require_type, same_when_sound
from dags.nlp.models import candidates
from dags.nlp.reference import answered_alone
from dags.nlp.summary import COMMON, SAMPLES, counts_digest
from dags.nlp.terms import LEAST_DOCUMENTS, terms_of, words_of
from dags.nlp.texts import PRESETS, Knobs, LabelledText, Part, labelled_texts
from dags.sizes import Size, resolve

_FIELDS = {
    "texts": int,
    "terms": int,
    "common": dict,
    "counts_sha256": str,
    "weight_sum": float,
    "samples": dict,
    "models": list,
    "chosen": int,
    "told": list,
    "correct": int,
    "accuracy": float,
}
_MODEL_FIELDS = {"strength": float, "pairs": bool, "validation_correct": int, "sha256": str}
_TOLERANCE = 1e-12
_ACCURACY_FLOORS = (  # of all texts, with at least so many strengths and rounds
    (8, 200, 0.85),
    (1, 50, 0.70),
)
_LEAST_ACCURACY = 0.60  # saying the same of all texts gets 0.55


def same(a: Any, b: Any) -> bool:
    """Return whether two answers are sound in themselves and equal, models included."""
    return same_when_sound(a, b, _require_sound)


def check(answer: Any, size: Size) -> None:
    """Raise an AssertionError that names what is wrong with an answer of this size."""
    knobs = resolve(size, PRESETS)
    _require_sound(answer)
    known = _known(dataclasses.replace(knobs, strengths=1, rounds=1, pieces=1))
    for name, true in known["counted"].items():
        require(answer[name] == true, f"{name} is {answer[name]!r:.100}, not {true!r:.100}")
    _require_weights(answer, known["weight_sum"], known["samples"])
    _require_task(answer, knobs, known["labels"])
    floor = accuracy_floor(knobs)
    require(
        answer["accuracy"] >= floor,
        f"the accuracy {answer['accuracy']:.3f} is below {floor:g}, which this size must reach",
    )
    _require_fits(answer, _expected(knobs))


def accuracy_floor(knobs: Knobs) -> float:
    """Return the accuracy on the test part that the chosen model of this size must reach."""
    for strengths, rounds, accuracy in _ACCURACY_FLOORS:
        if knobs.percent == 100 and knobs.strengths >= strengths and knobs.rounds >= rounds:
            return accuracy
    return _LEAST_ACCURACY


@functools.lru_cache(maxsize=2)
def _expected(knobs: Knobs) -> dict[str, Any]:
    return answered_alone(knobs)


@functools.lru_cache(maxsize=2)
def _known(knobs: Knobs) -> dict[str, Any]:
    """Return what counting and scikit-learn say of the texts, whatever is fitted to them."""
    texts = labelled_texts(knobs)
    training = [entry for entry in texts if entry.part is Part.TRAINING]
    counts, documents = Counter[str](), Counter[str]()
    for entry in training:
        terms = terms_of(words_of(entry.text))
        counts.update(terms)
        documents.update(set(terms))
    kept = {term: n for term, n in counts.items() if documents[term] >= LEAST_DOCUMENTS}
    frequent = sorted(kept, key=lambda term: (-kept[term], term))[:COMMON]
    weight_sum, samples = _scikit_learn(training, texts)
    return {
        "counted": {
            "texts": len(texts),
            "terms": len(kept),
            "common": {term: kept[term] for term in frequent},
            "counts_sha256": counts_digest(kept, documents),
        },
        "weight_sum": weight_sum,
        "samples": samples,
        "labels": [entry.label for entry in texts if entry.part is Part.TEST],
    }


def _scikit_learn(
    training: list[LabelledText], texts: list[LabelledText]
) -> tuple[float, dict[str, dict[str, float]]]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), min_df=LEAST_DOCUMENTS, sublinear_tf=True,
        token_pattern=r"[^\W\d_]+(?:'[^\W\d_]+)*",
    )  # fmt: skip
    vectorizer.fit([entry.text for entry in training])
    names = vectorizer.get_feature_names_out().tolist()
    test = [entry for entry in texts if entry.part is Part.TEST]
    asked = test[:: -(-len(test) // SAMPLES)]
    rows = vectorizer.transform([entry.text for entry in asked])
    samples = {
        str(entry.number): {
            names[column]: float(weight)
            for column, weight in zip(row.indices, row.data, strict=True)
        }
        for entry, row in zip(asked, rows, strict=True)
    }
    return float(vectorizer.transform([entry.text for entry in texts]).sum()), samples


def _require_weights(answer: Any, weight_sum: float, samples: dict[str, dict[str, float]]) -> None:
    found = answer["weight_sum"]
    require(
        abs(found - weight_sum) <= _TOLERANCE * weight_sum,
        f"all weights add up to {found!r}; those of scikit-learn to {weight_sum!r}",
    )
    told = answer["samples"]
    require(
        told.keys() == samples.keys(), f"weights are told of {list(told)}, not {list(samples)}"
    )
    for number, weights in samples.items():
        require(told[number].keys() == weights.keys(), f"text {number} has other terms")
        for term, weight in weights.items():
            off = abs(told[number][term] - weight)
            require(off <= _TOLERANCE, f"the weight of {term!r} in text {number} is off by {off}")


def _require_task(answer: Any, knobs: Knobs, labels: list[int]) -> None:
    tried = [(model["strength"], model["pairs"]) for model in answer["models"]]
    wanted = [(candidate.strength, candidate.pairs) for candidate in candidates(knobs.strengths)]
    require(tried == wanted, f"the models tried are {tried}, not {wanted}")
    told = answer["told"]
    require(len(told) == len(labels), f"{len(told)} texts were told, not {len(labels)}")
    correct = sum(a == b for a, b in zip(told, labels, strict=True))
    require(
        correct == answer["correct"],
        f"{answer['correct']} texts are said to be told right, but {correct} are",
    )


def _require_fits(answer: Any, expected: dict[str, Any]) -> None:
    for number, (found, true) in enumerate(zip(answer["models"], expected["models"], strict=True)):
        for name in ("validation_correct", "sha256"):
            require(
                found[name] == true[name],
                f"{name} of model {number} is {found[name]}, not {true[name]}",
            )
    both = zip(answer["told"], expected["told"], strict=True)
    wrong = [place for place, (found, true) in enumerate(both) if found != true]
    require(not wrong, f"the model chosen says something else of test texts {wrong[:5]}")


def _require_sound(answer: Any) -> None:
    require_fields(answer, _FIELDS)
    require(answer["texts"] > 0, "no text was read")
    _require_counts(answer)
    _require_samples(answer["samples"])
    require(answer["weight_sum"] > 0, f"all weights add up to {answer['weight_sum']}")
    _require_choice(answer)
    told, correct = answer["told"], answer["correct"]
    require(len(told) > 0, "the model was asked nothing")
    for place, label in enumerate(told):
        require_type(f"what is said of test text {place}", label, int)
        require(label in (1, -1), f"of test text {place} is said {label}")
    require(0 <= correct <= len(told), f"{correct} of {len(told)} texts cannot be told right")
    require(
        answer["accuracy"] == correct / len(told),
        f"the accuracy {answer['accuracy']} does not follow from {correct} of {len(told)}",
    )


def _require_counts(answer: Any) -> None:
    common, terms = answer["common"], answer["terms"]
    for term, count in common.items():
        require_type(f"the term {term!r}", term, str)
        require_type(f"the count of {term!r}", count, int)
        require(count >= LEAST_DOCUMENTS, f"the count of {term!r} is {count}")
    require(len(common) == min(terms, COMMON) > 0, f"{len(common)} of {terms} terms are told")
    _require_digest("counts_sha256", answer["counts_sha256"])


def _require_samples(samples: dict[str, Any]) -> None:
    require(0 < len(samples) <= SAMPLES, f"the weights of {len(samples)} texts are told")
    for number, weights in samples.items():
        require_type(f"the number of a text, {number!r},", number, str)
        require_type(f"the weights of text {number!r}", weights, dict)
        for term, weight in weights.items():
            require_type(f"the term {term!r}", term, str)
            require_type(f"the weight of {term!r}", weight, float)
            require(0 < weight < 1 + 1e-9, f"the weight of {term!r} is {weight}")
        length = sum(weight**2 for weight in weights.values())
        require(abs(length - 1) < 1e-9, f"the squared weights of text {number} sum to {length}")


def _require_choice(answer: Any) -> None:
    models, chosen = answer["models"], answer["chosen"]
    require(len(models) > 0, "no model was tried")
    for number, model in enumerate(models):
        require_fields(model, _MODEL_FIELDS)
        require(model["strength"] > 0, f"the strength of model {number} is {model['strength']}")
        right = model["validation_correct"]
        require(right >= 0, f"model {number} tells {right} texts right")
        _require_digest(f"sha256 of model {number}", model["sha256"])
    scores = [model["validation_correct"] for model in models]
    best = scores.index(max(scores))
    require(chosen == best, f"model {chosen} was chosen; the best on validation is {best}")


def _require_digest(what: str, digest: Any) -> None:
    hexadecimal = re.fullmatch("[0-9a-f]{64}", digest)
    require(hexadecimal is not None, f"{what} is {digest!r}")
