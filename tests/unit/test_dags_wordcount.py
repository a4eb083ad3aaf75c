import copy
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dags import wordcount
from dags.wordcount.text import PRESETS, Knobs, file_texts
from flexecutor_energy.errors import ConfigurationError
from tests.unit.dag_runs import directory_storage, run_in_process

TINY = {"words": 3_000, "files": 2}


@pytest.fixture(scope="module")
def sound() -> dict[str, Any]:
    return wordcount.native(TINY)


@pytest.mark.parametrize("workers", [1, 2, 3, 400])
def test_any_number_of_workers_gives_the_native_answer(
    workers: int, sound: dict[str, Any], tmp_path: Path
) -> None:
    storage = directory_storage(tmp_path)
    wordcount.prepare(TINY, tmp_path, storage)
    run = run_in_process(wordcount.build(TINY, tmp_path), workers, tmp_path, storage=storage)
    found = wordcount.answer(run)
    assert wordcount.same(found, sound)
    wordcount.check(found, TINY)
    if workers == 3:
        assert run.workers["map"] == 3  # more than there are files
    if workers == 400:
        assert 3 < run.workers["map"] < 400  # fewer than asked for: 250 lines


def test_the_native_answer_is_that_of_a_counter(sound: dict[str, Any]) -> None:
    text = "".join(file_texts(Knobs(**TINY)))
    counts = Counter(word.strip(".").lower() for word in re.split(r"\s+", text) if word)
    assert sound["counts"] == dict(counts)
    assert sound["words"] == 3_000


def test_the_small_text_has_the_size_and_shape_of_a_text() -> None:
    texts = list(file_texts(PRESETS["small"]))
    assert len(texts) == 8
    assert 15e6 < sum(len(text.encode()) for text in texts) < 25e6
    assert all(text.endswith(".\n") for text in texts)
    counts = wordcount.native("small")["counts"]
    common = sorted(counts.values(), reverse=True)
    assert common[0] > 5 * common[9]  # Zipf: the tenth word comes a tenth as often
    assert any(not word.isascii() for word in counts)


def test_the_same_knobs_give_the_same_text_and_another_seed_another() -> None:
    text, again, other = (list(file_texts(Knobs(words=100, seed=seed))) for seed in (7, 7, 8))
    assert text == again
    assert text != other


def _with_count(answer: dict[str, Any], word: Any, count: Any) -> dict[str, Any]:
    return answer | {"counts": answer["counts"] | {word: count}}


def _moved(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer consistent in itself in which one word was taken for another."""
    answer["counts"]["the"] -= 1
    answer["counts"]["of"] += 1
    return answer


MALFORMED: dict[str, tuple[Any, str]] = {
    "nothing": (lambda a: None, r"NoneType, not a dict"),
    "a counter": (lambda a: Counter(a["counts"]), r"Counter, not a dict"),
    "no counts": (lambda a: {k: v for k, v in a.items() if k != "counts"}, r"lacks counts"),
    "counts is a list": (lambda a: a | {"counts": list(a["counts"].items())}, r"counts is a list"),
    "empty counts": (lambda a: {"words": 0, "distinct": 0, "counts": {}}, r"no word was counted"),
    "an extra field": (lambda a: a | {"lines": 12}, r"'lines'"),
    "words is NaN": (lambda a: a | {"words": float("nan")}, r"words is a float"),
    "words is a float": (lambda a: a | {"words": float(a["words"])}, r"words is a float"),
    "one word more": (lambda a: a | {"words": a["words"] + 1}, r"not the sum"),
    "one distinct word fewer": (
        lambda a: a | {"distinct": a["distinct"] - 1},
        r"distinct words are given",
    ),
    "a count is NaN": (
        lambda a: _with_count(a, "the", float("nan")),
        r"count of 'the' is a float",
    ),
    "a count is a text": (lambda a: _with_count(a, "the", "12"), r"count of 'the' is a str"),
    "a count is zero": (lambda a: _with_count(a, "the", 0), r"count of 'the' is 0"),
    "a word is a number": (lambda a: _with_count(a, 5, 1), r"the word 5 is a int"),
    "an unknown word": (lambda a: _with_count(a, "flexecutor", 1), r"distinct words are given"),
}


@pytest.mark.parametrize(("spoil", "problem"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_answer_fails_and_equals_none(
    spoil: Any, problem: str, sound: dict[str, Any]
) -> None:
    spoiled = spoil(copy.deepcopy(sound))
    with pytest.raises(AssertionError, match=problem):
        wordcount.check(spoiled, TINY)
    assert not wordcount.same(spoiled, sound)
    assert not wordcount.same(sound, spoiled)
    assert not wordcount.same(spoiled, spoiled)


def test_one_word_taken_for_another_fails(sound: dict[str, Any]) -> None:
    spoiled = _moved(copy.deepcopy(sound))
    with pytest.raises(AssertionError, match="'of' was counted"):
        wordcount.check(spoiled, TINY)
    assert not wordcount.same(spoiled, sound)


def test_an_answer_of_another_size_fails(sound: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="3000 words were counted, not 3001"):
        wordcount.check(sound, {**TINY, "words": 3_001})


@pytest.mark.parametrize("size", ["huge", {"lines": 3}, {"words": 0}, {"words": 3, "files": 4}])
def test_impossible_sizes_are_refused_everywhere(size: Any, tmp_path: Path) -> None:
    for use in (wordcount.build, wordcount.prepare, wordcount.native):
        with pytest.raises(ConfigurationError):
            use(size, tmp_path)
