"""The same computation in one process, on one thread."""

from pathlib import Path
from typing import Any

from dags.nlp.models import Task, candidates
from dags.nlp.summary import verdict
from dags.nlp.terms import Counts, Rows, Vocabulary, tfidf, training_words
from dags.nlp.texts import Knobs, labelled_texts


def answered_alone(knobs: Knobs, workspace: Path | str | None = None) -> dict[str, Any]:
    """Return the answer of this size, computed in this process alone."""
    texts = labelled_texts(knobs, workspace)
    vocabulary = Vocabulary.of(Counts.of(training_words(texts)))
    task = Task(Rows.joined([tfidf(texts, vocabulary)]), vocabulary)
    tried = candidates(knobs.strengths)
    return verdict(task, tried, [task.fit(candidate, knobs.rounds) for candidate in tried])
