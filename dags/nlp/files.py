"""What the stages hand on to each other, as files."""

import dataclasses
import json
from pathlib import Path

import numpy as np

from dags.nlp.models import Fitted
from dags.nlp.terms import Counts, Rows, Vocabulary
from dags.nlp.texts import LabelledText


def read_texts(path: str) -> list[LabelledText]:
    """Return the texts of a piece."""
    with Path(path).open(encoding="utf-8", newline="\n") as lines:
        return [LabelledText.of_line(line) for line in lines]


def write_counts(path: str, counts: Counts) -> None:
    """Write counts as JSON."""
    Path(path).write_text(json.dumps(dataclasses.asdict(counts)), encoding="utf-8")


def read_counts(path: str) -> Counts:
    """Return what ``write_counts`` wrote."""
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    return Counts(content["texts"], {t: (n, docs) for t, (n, docs) in content["terms"].items()})


def write_vocabulary(path: str, vocabulary: Vocabulary) -> None:
    """Write a vocabulary as JSON."""
    Path(path).write_text(json.dumps(dataclasses.asdict(vocabulary)), encoding="utf-8")


def read_vocabulary(path: str) -> Vocabulary:
    """Return what ``write_vocabulary`` wrote."""
    return Vocabulary(**json.loads(Path(path).read_text(encoding="utf-8")))


def write_rows(path: str, rows: Rows) -> None:
    """Write the weights of texts."""
    arrays = {field.name: getattr(rows, field.name) for field in dataclasses.fields(rows)}
    np.savez(path, **arrays)


def read_rows(path: str) -> Rows:
    """Return what ``write_rows`` wrote."""
    with np.load(path) as arrays:
        return Rows(**{field.name: arrays[field.name] for field in dataclasses.fields(Rows)})


def write_model(path: str, number: int, model: Fitted) -> None:
    """Write a fitted candidate with its number."""
    np.savez(path, number=number, weights=model.weights, correct=model.validation_correct)


def read_model(path: str) -> tuple[int, Fitted]:
    """Return what ``write_model`` wrote."""
    with np.load(path) as arrays:
        return int(arrays["number"]), Fitted(arrays["weights"], int(arrays["correct"]))
