"""What an answer of the word count must be: equal to ``collections.Counter`` over the text."""

import re
from collections import Counter
from typing import Any

from dags.answers import require, require_fields, require_type, same_when_sound
from dags.sizes import Size, resolve
from dags.wordcount.text import PRESETS, Knobs, file_texts

_FIELDS = {"words": int, "distinct": int, "counts": dict}


def same(a: Any, b: Any) -> bool:
    """Return whether two answers are sound in themselves and equal."""
    return same_when_sound(a, b, _require_sound)


def check(answer: Any, size: Size) -> None:
    """Raise an AssertionError that names what is wrong with an answer of this size."""
    knobs = resolve(size, PRESETS)
    _require_sound(answer)
    require(
        answer["words"] == knobs.words,
        f"{answer['words']} words were counted, not {knobs.words}",
    )
    expected = counted(knobs)["counts"]
    for word in sorted(expected.keys() | answer["counts"].keys()):
        found = answer["counts"].get(word, 0)
        true = expected.get(word, 0)
        require(found == true, f"{word!r} was counted {found} times; it occurs {true} times")


def counted(knobs: Knobs) -> dict[str, Any]:
    """Return the answer, counted file by file."""
    counts: Counter[str] = Counter()
    for text in file_texts(knobs):
        counts.update(re.findall(r"[^\W\d_]+", text.lower()))
    return {
        "words": counts.total(),
        "distinct": len(counts),
        "counts": dict(sorted(counts.items())),
    }


def _require_sound(answer: Any) -> None:
    require_fields(answer, _FIELDS)
    counts = answer["counts"]
    for word, count in counts.items():
        require_type(f"the word {word!r}", word, str)
        require_type(f"the count of {word!r}", count, int)
        require(count > 0, f"the count of {word!r} is {count}")
    require(len(counts) > 0, "no word was counted")
    require(
        answer["distinct"] == len(counts),
        f"{answer['distinct']} distinct words are given, but {len(counts)} are listed",
    )
    require(
        answer["words"] == sum(counts.values()),
        f"{answer['words']} words are not the sum of the counts",
    )
