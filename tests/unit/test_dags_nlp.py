import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dags import nlp
from dags.nlp import files, stages
from dags.nlp.models import Candidate, Fitted, Task, candidates, descended
from dags.nlp.oracle import accuracy_floor
from dags.nlp.summary import verdict, weights_digest
from dags.nlp.terms import Counts, Vocabulary, tfidf, words_of
from dags.nlp.texts import Knobs, LabelledText, Part, labelled_texts
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
