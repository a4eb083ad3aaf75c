"""The texts of the workflow nlp, how they travel, and what is counted and weighed in them."""

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dags.nlp import files
from dags.nlp.terms import Counts, Rows, Vocabulary, terms_of, tfidf, words_of
from dags.nlp.texts import Knobs, LabelledText, Part, labelled_texts, piece_lines
from dags.rated import rated_texts

TINY = Knobs(copies=1, strengths=2, rounds=50, pieces=5, percent=20)


def test_no_document_and_no_text_is_in_two_parts(workflow_data: Path) -> None:
    texts = labelled_texts(TINY, workflow_data)
    assert [entry.number for entry in texts] == list(range(len(texts)))
    by_text = {entry.text.lower(): entry.part for entry in texts}
    assert len(by_text) == len(texts)
    for rows in rated_texts(workflow_data).values():
        parts: dict[int, set[Part]] = {}
        for row in rows:
            if row.text.lower() in by_text:
                parts.setdefault(row.document, set()).add(by_text[row.text.lower()])
        mixed = [document for document, found in parts.items() if len(found) > 1]
        assert len(mixed) <= 2  # sentences that stand in two documents belong to the first


def test_asked_texts_were_clearly_rated_and_labels_follow_the_ratings(workflow_data: Path) -> None:
    ratings: dict[str, list[float]] = {}
    for row in (row for rows in rated_texts(workflow_data).values() for row in rows):
        ratings.setdefault(row.text, []).append(row.rating)
    texts = labelled_texts(TINY, workflow_data)
    for entry in texts:
        least = 0.5 if entry.part is Part.TRAINING else 2
        labels = {(r > 0) - (r < 0) if abs(r) >= least else 0 for r in ratings[entry.text]}
        assert entry.label in labels  # a few sentences stand, and were rated, twice
        assert entry.label or entry.part is Part.TRAINING
    sizes = Counter(entry.part for entry in texts)
    assert sizes[Part.VALIDATION] > 80
    assert sizes[Part.TEST] > 180


def test_copies_lack_some_words_of_training_texts_only(workflow_data: Path) -> None:
    once, thrice = (labelled_texts(replace(TINY, copies=n), workflow_data) for n in (1, 3))
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
