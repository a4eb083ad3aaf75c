"""The data: sentences that people rated, in three parts, and copies that lack some words.

A training text says that people liked something if its mean rating is half a step or more above
nought, and that they did not if it is as far below. What a model is asked about, in validation
and test, are texts that were clearly rated: two steps of four or more. The others of these parts
are left out.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

import numpy as np

from dags.rated import RatedText, rated_texts
from dags.sizes import check_whole

_LEAST_RATING = {"training": 0.5, "asked": 2.0}
_TENTHS = {"training": range(7), "validation": range(7, 8)}  # of all documents; the rest is test
_LEFT_OUT = 0.2  # chance of each word of a copy


class Part(IntEnum):
    """What a text is for."""

    TRAINING = 0
    VALIDATION = 1
    TEST = 2


@dataclass(frozen=True, slots=True)
class Knobs:
    """Size of the data and of the search.

    Attributes
    ----------
    copies : how often each training text is there; all but the first lack a fifth of its words,
        others each time
    strengths : regularisations tried, each with words alone and with pairs of words; more workers
        than twice as many do not help to fit
    rounds : steps of the descent that fits a model
    pieces : files that the texts are spread over; more workers do not help to count
    percent : documents taken, of all there are
    seed : which words the copies lack
    """

    copies: int
    strengths: int
    rounds: int
    pieces: int = 16
    percent: int = 100
    seed: int = 2014

    def __post_init__(self) -> None:
        check_whole("copies", self.copies, least=1, most=1_000)
        check_whole("strengths", self.strengths, least=1, most=1_000)
        check_whole("rounds", self.rounds, least=1, most=100_000)
        check_whole("pieces", self.pieces, least=1, most=1_000)
        check_whole("percent", self.percent, least=10, most=100)
        check_whole("seed", self.seed, least=0)


PRESETS = {
    "small": Knobs(copies=1, strengths=8, rounds=200),
    "medium": Knobs(copies=4, strengths=12, rounds=300),
}


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text as stages read it.

    Attributes
    ----------
    number : its place among all texts
    part : what it is for
    label : 1 if people liked something, -1 if they did not, 0 if it is only counted
    text : one line
    """

    number: int
    part: Part
    label: int
    text: str

    def line(self) -> str:
        """Return it as a line of a file."""
        return f"{self.number}\t{self.part.value}\t{self.label}\t{self.text}\n"

    @classmethod
    def of_line(cls, line: str) -> "LabelledText":
        """Return what ``line`` wrote."""
        number, part, label, text = line.rstrip("\n").split("\t", 3)
        return cls(int(number), Part(int(part)), int(label), text)


def labelled_texts(knobs: Knobs, workspace: Path | str | None = None) -> list[LabelledText]:
    """Return all texts of this size, the copies last.

    Raises
    ------
    DownloadError
        The texts are not in the workspace and could not be fetched.
    """
    originals = list(_originals(knobs.percent, workspace))
    training = [entry for entry in originals if entry.part is Part.TRAINING]
    texts = list(originals)
    for copy in range(1, knobs.copies):
        rng = np.random.default_rng([knobs.seed, copy])
        texts += [
            replace(entry, number=len(texts) + place, text=_thinned(entry.text, rng))
            for place, entry in enumerate(training)
        ]
    return texts


def piece_lines(texts: list[LabelledText], pieces: int) -> list[str]:
    """Return the content of each piece: every so-manieth text, a line each."""
    return ["".join(entry.line() for entry in texts[i::pieces]) for i in range(pieces)]


def _originals(percent: int, workspace: Path | str | None) -> Iterator[LabelledText]:
    seen: set[str] = set()
    number = 0
    for source, rows in rated_texts(workspace).items():
        for row in rows:
            part, place = _part(source, row)
            kind = "training" if part is Part.TRAINING else "asked"
            clear = abs(row.rating) >= _LEAST_RATING[kind]
            said = row.text.lower()
            if place >= percent or said in seen or not (clear or part is Part.TRAINING):
                continue
            seen.add(said)
            yield LabelledText(number, part, (1 if row.rating > 0 else -1) * clear, row.text)
            number += 1


def _part(source: str, row: RatedText) -> tuple[Part, int]:
    """Return part and percentile of a document, whose sentences stay together."""
    digest = int(hashlib.sha256(f"{source} {row.document}".encode()).hexdigest(), 16)
    place, tenth = digest // 10 % 100, digest % 10
    if tenth in _TENTHS["training"]:
        return Part.TRAINING, place
    return (Part.VALIDATION if tenth in _TENTHS["validation"] else Part.TEST), place


def _thinned(text: str, rng: np.random.Generator) -> str:
    words = text.split()
    kept = [
        w for w, drawn in zip(words, rng.random(len(words)), strict=True) if drawn >= _LEFT_OUT
    ]
    return " ".join(kept or words[:1])
