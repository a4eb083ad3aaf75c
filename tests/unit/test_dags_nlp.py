import copy
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dags import nlp
from dags.nlp import files, stages
from dags.nlp.models import Candidate, Fitted, Task, candidates, descended
from dags.nlp.oracle import accuracy_floor
from dags.nlp.summary import verdict, weights_digest
from dags.nlp.terms import Counts, Rows, Vocabulary, terms_of, tfidf, words_of
from dags.nlp.texts import Knobs, LabelledText, Part, labelled_texts, piece_lines
from dags.rated import rated_texts
from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.workflow.context import StageContext
from tests.unit.dag_runs import assert_refused

TINY = {"copies": 1, "strengths": 2, "rounds": 50, "pieces": 5, "percent": 20}


@pytest.fixture(scope="module")
def space(workflow_data: Path) -> Path:
    """A workspace that holds the texts."""
    rated_texts(workflow_data)
    return workflow_data


@pytest.fixture(scope="module")
def sound(space: Path) -> dict[str, Any]:
    return nlp.native(TINY, space)


def test_the_small_size_tells_85_of_100_texts_right(space: Path) -> None:
    assert nlp.native("small", space)["accuracy"] >= 0.85


def test_more_candidates_and_rounds_must_tell_more_texts_right() -> None:
    floors = [accuracy_floor(Knobs(1, *size)) for size in [(12, 300), (8, 200), (8, 199), (1, 9)]]
    assert floors[:2] == [0.85, 0.85]
    assert floors == sorted(floors, reverse=True)


def test_the_workflow_merges_counts_in_a_tree() -> None:
    dag = nlp.build("small")
    assert set(dag.edges) == {
        ("count", "merge"),
        ("merge", "vocabulary"),
        ("vocabulary", "weigh"),
        ("vocabulary", "fit"),
        ("vocabulary", "select"),
        ("weigh", "fit"),
        ("weigh", "select"),
        ("fit", "select"),
    }
    limits = {stage.stage_id: stage.max_concurrency for stage in nlp.build(TINY).stages}
    assert limits == {"count": 5, "merge": 2, "vocabulary": 1, "weigh": 5, "fit": 4, "select": 1}


def test_no_document_and_no_text_is_in_two_parts(space: Path) -> None:
    texts = labelled_texts(Knobs(**TINY), space)
    assert [entry.number for entry in texts] == list(range(len(texts)))
    by_text = {entry.text.lower(): entry.part for entry in texts}
    assert len(by_text) == len(texts)
    for rows in rated_texts(space).values():
        parts: dict[int, set[Part]] = {}
        for row in rows:
            if row.text.lower() in by_text:
                parts.setdefault(row.document, set()).add(by_text[row.text.lower()])
        mixed = [document for document, found in parts.items() if len(found) > 1]
        assert len(mixed) <= 2  # sentences that stand in two documents belong to the first


def test_asked_texts_were_clearly_rated_and_labels_follow_the_ratings(space: Path) -> None:
    ratings: dict[str, list[float]] = {}
    for row in (row for rows in rated_texts(space).values() for row in rows):
        ratings.setdefault(row.text, []).append(row.rating)
    texts = labelled_texts(Knobs(**TINY), space)
    for entry in texts:
        least = 0.5 if entry.part is Part.TRAINING else 2
        labels = {(r > 0) - (r < 0) if abs(r) >= least else 0 for r in ratings[entry.text]}
        assert entry.label in labels  # a few sentences stand, and were rated, twice
        assert entry.label or entry.part is Part.TRAINING
    sizes = Counter(entry.part for entry in texts)
    assert sizes[Part.VALIDATION] > 80
    assert sizes[Part.TEST] > 180


def test_copies_lack_some_words_of_training_texts_only(space: Path) -> None:
    once, thrice = (labelled_texts(Knobs(**{**TINY, "copies": n}), space) for n in (1, 3))
    assert thrice[: len(once)] == once
    training = [entry for entry in once if entry.part is Part.TRAINING]
    first, second = thrice[len(once) :][: len(training)], thrice[len(once) + len(training) :]
    assert [entry.number for entry in thrice] == list(range(len(thrice)))
    for original, copied in zip(training, first, strict=True):
        assert (copied.part, copied.label) == (original.part, original.label)
        words = iter(original.text.split())
        assert all(word in words for word in copied.text.split())  # in their order
    kept = sum(len(e.text.split()) for e in first) / sum(len(e.text.split()) for e in training)
    assert kept == pytest.approx(0.8, abs=0.01)
    assert [entry.text for entry in first] != [entry.text for entry in second]


def test_pieces_hold_every_text_once_as_it_was(tmp_path: Path) -> None:
    texts = [
        LabelledText(i, Part(i % 3), i % 3 - 1, f"it's nº {i} \x85 \u2028!") for i in range(7)
    ]
    read = []
    for number, lines in enumerate(piece_lines(texts, 3)):
        path = tmp_path / str(number)
        path.write_bytes(lines.encode())
        read += files.read_texts(str(path))
    assert sorted(read, key=lambda entry: entry.number) == texts


def test_terms_are_words_in_lower_case_and_pairs_of_them() -> None:
    words = words_of("It's 2 GOOD, café_au-lait!")
    assert words == ["it's", "good", "café", "au", "lait"]
    assert terms_of(words[:3]) == ["it's", "good", "café", "it's good", "good café"]
    assert terms_of(["one"]) == ["one"]
    assert terms_of([]) == []


def test_merged_counts_are_those_of_all_texts() -> None:
    texts = [["a", "b", "a"], ["b"], [], ["a", "b"]]
    together = Counts.of(texts)
    assert together.texts == 4
    assert together.terms == {"a": (3, 2), "b": (3, 3), "a b": (2, 2), "b a": (1, 1)}
    halves = [Counts.of(texts[:1]), Counts.of(texts[1:])]
    assert Counts.merged(halves) == together
    assert Counts.merged([Counts.merged(halves[:1]), Counts.merged(halves[1:])]) == together


def test_the_vocabulary_has_terms_of_two_texts_or_more_in_order() -> None:
    known = Vocabulary.of(Counts.of([["b", "a", "a"], ["b", "a"], ["c", "c"]]))
    assert known.terms == ["a", "b", "b a"]
    assert (known.counts, known.documents) == ([3, 2, 2], [2, 2, 2])
    assert known.idf() == pytest.approx([math.log(4 / 3) + 1] * 3)
    assert known.is_pair().tolist() == [False, False, True]


SENTENCES = ["The cat saw the dog", "a dog saw a cat", "", "unknown", "cat! cat? cat", "the dog"]


def labelled(sentences: list[str]) -> list[LabelledText]:
    return [LabelledText(i, Part.TRAINING, 1, text) for i, text in enumerate(sentences)]


def test_weights_are_those_of_scikit_learn() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = labelled(SENTENCES)
    known = Vocabulary.of(Counts.of([words_of(entry.text) for entry in texts]))
    rows = tfidf(texts, known)
    reference = TfidfVectorizer(
        ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=r"[^\W\d_]+"
    ).fit(SENTENCES)
    assert reference.get_feature_names_out().tolist() == known.terms
    expected = reference.transform(SENTENCES).toarray()
    assert np.abs(rows.matrix(len(known.terms)).toarray() - expected).max() < 1e-15


def test_rows_of_pieces_are_joined_by_number_in_whatever_order_they_come(tmp_path: Path) -> None:
    texts = labelled(SENTENCES)
    known = Vocabulary.of(Counts.of([words_of(entry.text) for entry in texts]))
    whole = tfidf(texts, known)
    paths = []
    for i, part in enumerate([texts[2::3], texts[0::3], texts[1::3]]):
        paths.append(str(tmp_path / f"{i}.npz"))
        files.write_rows(paths[-1], tfidf(part, known))
    joined = Rows.joined([files.read_rows(path) for path in paths])
    for name in ("numbers", "parts", "labels", "ends", "columns", "weights"):
        assert np.array_equal(getattr(joined, name), getattr(whole, name))


def test_candidates_are_spread_evenly_without_and_with_pairs() -> None:
    tried = candidates(3)
    assert [candidate.pairs for candidate in tried] == [False, True] * 3
    strengths = [candidate.strength for candidate in tried[::2]]
    assert strengths == pytest.approx([0.1, math.sqrt(3), 30.0])
    assert candidates(1) == [Candidate(0.1, False), Candidate(0.1, True)]


def test_the_descent_ends_where_scikit_learns_does(space: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    texts = [t for t in labelled_texts(Knobs(**TINY), space) if t.label][:1_500]
    known = Vocabulary.of(Counts.of([words_of(entry.text) for entry in texts]))
    matrix = tfidf(texts, known).matrix(len(known.terms))
    labels = np.array([float(entry.label) for entry in texts])
    reference = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-10, max_iter=1000)
    expected = reference.fit(matrix, labels).coef_[0]
    assert np.abs(descended(matrix, labels, 1.0, 300) - expected).max() < 1e-6


def _task() -> Task:
    rng = np.random.default_rng(3)
    sides = [("good", 1), ("bad", -1)]
    texts = [
        LabelledText(i, Part(i % 3), label, f"{word} {' '.join(rng.choice(list('abc'), 3))}")
        for i, (word, label) in enumerate(sides * 30)
    ]
    known = Vocabulary.of(Counts.of([words_of(entry.text) for entry in texts]))
    return Task(tfidf(texts, known), known)


def test_a_model_without_pairs_gives_them_no_weight() -> None:
    task = _task()
    pairs = task.vocabulary.is_pair()
    alone, both = (task.fit(Candidate(1.0, use), 50) for use in (False, True))
    assert not alone.weights[pairs].any()
    assert both.weights[pairs].all()
    good = task.vocabulary.terms.index("good")
    assert alone.weights[good] > 0
    assert alone.validation_correct == len(task.labels(Part.VALIDATION))


def test_the_first_of_the_best_on_validation_is_chosen() -> None:
    task = _task()
    tried = candidates(2)
    right = task.fit(tried[0], 50)
    wrong = Fitted(-right.weights, 0)
    answer = verdict(task, tried, [wrong, right, right, wrong])
    assert (answer["chosen"], answer["accuracy"]) == (1, 1.0)
    assert answer["correct"] == len(task.labels(Part.TEST))
    assert answer["told"] == task.labels(Part.TEST).tolist()


def test_digests_tell_models_apart_but_not_the_last_digits() -> None:
    weights = np.array([0.25, -1.5, 0.0])
    assert weights_digest(weights) == weights_digest(weights + 1e-12)
    assert weights_digest(weights) != weights_digest(weights + 1e-5)


def test_a_missing_model_is_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    files.write_model(str(path), 1, Fitted(np.ones(2), 3))
    context = StageContext(
        stage_id="select", worker_id=0, num_workers=1, cpu=1, memory=0,
        params={"strengths": 1}, inputs={"nlp/models": [str(path)]}, outputs={},
        scratch=tmp_path,
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"no models arrived of candidates \[0\]"):
        stages.select(context)


def _put(answer: dict[str, Any], *place: Any, value: Any) -> dict[str, Any]:
    """Change one value deep in an answer."""
    *way, last = place
    inner: Any = answer
    for key in way:
        inner = inner[key]
    inner[last] = value
    return answer


def _sample(answer: dict[str, Any]) -> tuple[str, str]:
    """Return the number of a sampled text and one of its terms."""
    number = next(iter(answer["samples"]))
    return number, next(iter(answer["samples"][number]))


def _swapped_weights(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer with the weights of two terms of a text exchanged."""
    weights = next(iter(answer["samples"].values()))
    low, high = min(weights, key=weights.get), max(weights, key=weights.get)
    weights[low], weights[high] = weights[high], weights[low]
    return answer


def _all_liked(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer that is consistent with saying the same of all texts."""
    liked = sum(
        entry.label == 1 for entry in labelled_texts(Knobs(**TINY)) if entry.part is Part.TEST
    )
    told = [1] * len(answer["told"])
    return answer | {"told": told, "correct": liked, "accuracy": liked / len(told)}


def _two_exchanged(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer as accurate, with two texts of one truth told the other way round."""
    test = [e for e in labelled_texts(Knobs(**TINY)) if e.part is Part.TEST and e.label == 1]
    everything = [e for e in labelled_texts(Knobs(**TINY)) if e.part is Part.TEST]
    places = [everything.index(entry) for entry in test]
    right = next(place for place in places if answer["told"][place] == 1)
    wrong = next(place for place in places if answer["told"][place] == -1)
    answer["told"][right], answer["told"][wrong] = -1, 1
    return answer


SPOILED: dict[str, tuple[Any, str]] = {
    "no texts": (lambda a: a | {"texts": 0}, r"no text was read"),
    "no common terms": (lambda a: a | {"common": {}}, r"0 of \d+ terms are told"),
    "a count is one": (lambda a: _put(a, "common", "the", value=1), r"count of 'the' is 1"),
    "a digest is short": (lambda a: a | {"counts_sha256": "abc"}, r"counts_sha256 is 'abc'"),
    "the weights' sum is below 0": (lambda a: a | {"weight_sum": -1.0}, r"add up to -1"),
    "no samples": (lambda a: a | {"samples": {}}, r"the weights of 0 texts"),
    "a weight is enlarged": (
        lambda a: _put(a, "samples", *_sample(a), value=0.9),
        r"the squared weights of text",
    ),
    "no models": (lambda a: a | {"models": []}, r"no model was tried"),
    "a strength is 0": (
        lambda a: _put(a, "models", 0, "strength", value=0.0),
        r"strength of model 0",
    ),
    "a negative score": (
        lambda a: _put(a, "models", 0, "validation_correct", value=-1),
        r"model 0 tells -1",
    ),
    "another choice": (lambda a: a | {"chosen": (a["chosen"] + 1) % 4}, r"the best on validation"),
    "a choice beyond": (lambda a: a | {"chosen": 99}, r"model 99 was chosen"),
    "nothing told": (lambda a: a | {"told": []}, r"asked nothing"),
    "a label is 0": (lambda a: _put(a, "told", 0, value=0), r"text 0 is said 0"),
    "more right than told": (lambda a: a | {"correct": 9_999}, r"9999 of \d+ texts"),
    "accuracy is perfect": (lambda a: a | {"accuracy": 1.0}, r"does not follow"),
    "a text fewer": (lambda a: a | {"texts": a["texts"] - 1}, r"texts is \d+, not"),
    "a term more": (lambda a: a | {"terms": a["terms"] + 1}, r"terms is \d+, not"),
    "a count": (lambda a: _put(a, "common", "the", value=9), r"common is \{"),
    "the counts' digest": (lambda a: a | {"counts_sha256": "0" * 64}, r"counts_sha256 is"),
    "the sum of weights": (
        lambda a: a | {"weight_sum": a["weight_sum"] * (1 + 1e-11)},
        r"those of scikit-learn",
    ),
    "weights of two terms": (_swapped_weights, r"the weight of .* is off by"),
    "another text's weights": (
        lambda a: a | {"samples": {"1": next(iter(a["samples"].values()))}},
        r"weights are told of \['1'\]",
    ),
    "a strength": (lambda a: _put(a, "models", 0, "strength", value=0.2), r"the models tried are"),
    "a text told wrong": (
        lambda a: _put(a, "told", 0, value=-a["told"][0]),
        r"texts are said to be told right",
    ),
    "texts fewer": (
        lambda a: a | {"told": [1, 1], "correct": 1, "accuracy": 0.5},
        r"2 texts were told",
    ),
    "a score": (
        lambda a: _put(a, "models", 0, "validation_correct", value=1),
        r"validation_correct of model 0 is 1",
    ),
    "a model": (
        lambda a: _put(a, "models", 1, "sha256", value="0" * 64),
        r"sha256 of model 1",
    ),
    "no model at all": (_all_liked, r"accuracy 0\.5\d+ is below"),
    "two texts exchanged": (_two_exchanged, r"says something else of test texts"),
}


@pytest.mark.parametrize(("spoil", "problem"), SPOILED.values(), ids=SPOILED.keys())
def test_a_wrong_answer_fails_and_is_not_the_same(
    spoil: Any, problem: str, sound: dict[str, Any]
) -> None:
    assert_refused(nlp, spoil(copy.deepcopy(sound)), sound, TINY, problem)


@pytest.mark.parametrize("size", [{"copies": 0}, {"rounds": 0}, {"pieces": 1_001}, {"percent": 0}])
def test_knobs_beyond_their_bounds_are_refused(size: Any) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(size))):
        nlp.build(size)
