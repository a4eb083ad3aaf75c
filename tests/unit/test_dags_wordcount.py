import copy
import re
from collections import Counter
from typing import Any

import pytest

from dags import wordcount
from dags.wordcount.text import PRESETS, Knobs, file_texts
from flexecutor_energy.errors import ConfigurationError
from tests.unit.dag_runs import assert_refused

TINY = {"words": 3_000, "files": 2}


@pytest.fixture(scope="module")
def sound() -> dict[str, Any]:
    return wordcount.native(TINY)


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


SPOILED: dict[str, tuple[Any, str]] = {
    "a counter": (lambda a: Counter(a["counts"]), r"Counter, not a dict"),
    "empty counts": (lambda a: {"words": 0, "distinct": 0, "counts": {}}, r"no word was counted"),
    "one word more": (lambda a: a | {"words": a["words"] + 1}, r"not the sum"),
    "one distinct word fewer": (
        lambda a: a | {"distinct": a["distinct"] - 1},
        r"distinct words are given",
    ),
    "a count is zero": (lambda a: _with_count(a, "the", 0), r"count of 'the' is 0"),
    "a word is a number": (lambda a: _with_count(a, 5, 1), r"the word 5 is a int"),
    "one word taken for another": (_moved, r"'of' was counted"),
    "an unknown word": (lambda a: _with_count(a, "flexecutor", 1), r"distinct words are given"),
}


@pytest.mark.parametrize(("spoil", "problem"), SPOILED.values(), ids=SPOILED.keys())
def test_a_wrong_answer_fails_and_is_not_the_same(
    spoil: Any, problem: str, sound: dict[str, Any]
) -> None:
    assert_refused(wordcount, spoil(copy.deepcopy(sound)), sound, TINY, problem)


@pytest.mark.parametrize("size", [{"words": 0}, {"words": 3, "files": 4}])
def test_knobs_that_do_not_go_together_are_refused(size: Any) -> None:
    with pytest.raises(ConfigurationError):
        wordcount.build(size)
