"""What the workers of the language workflow run."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dags.nlp import files
from dags.nlp.models import Task, candidates
from dags.nlp.summary import verdict
from dags.nlp.terms import Counts, Rows, Vocabulary, tfidf, training_words
from flexecutor_energy.workflow.context import StageContext


def count(context: StageContext) -> None:
    """Count the terms of this worker's training texts."""
    counts = Counts.merged(
        Counts.of(training_words(files.read_texts(path)))
        for path in context.get_input_paths("texts")
    )
    files.write_counts(context.next_output_path("nlp/counts"), counts)


def merge(context: StageContext) -> None:
    """Add the counts of some workers up."""
    counts = Counts.merged(map(files.read_counts, context.get_input_paths("nlp/counts")))
    files.write_counts(context.next_output_path("nlp/merged"), counts)


def vocabulary(context: StageContext) -> None:
    """Add all counts up and choose the terms that occur often enough."""
    counts = Counts.merged(map(files.read_counts, context.get_input_paths("nlp/merged")))
    files.write_vocabulary(context.next_output_path("nlp/vocabulary"), Vocabulary.of(counts))


def weigh(context: StageContext) -> None:
    """Give the terms of each of this worker's texts their TF-IDF."""
    known = _vocabulary(context)
    for path in context.get_input_paths("texts"):
        rows = tfidf(files.read_texts(path), known)
        files.write_rows(context.next_output_path("nlp/rows"), rows)


def fit(context: StageContext) -> None:
    """Fit this worker's candidates."""
    task = _task(context)
    tried = candidates(context.get_param("strengths"))
    rounds = context.get_param("rounds")
    mine = range(context.worker_id, len(tried), context.num_workers)
    with ThreadPoolExecutor(max(1, int(context.cpu))) as pool:
        fitted = pool.map(lambda number: task.fit(tried[number], rounds), mine)
        for number, model in zip(mine, fitted, strict=True):
            files.write_model(context.next_output_path("nlp/models"), number, model)


def select(context: StageContext) -> None:
    """Choose the best model and write the answer."""
    tried = candidates(context.get_param("strengths"))
    fitted = dict(map(files.read_model, context.get_input_paths("nlp/models")))
    missing = set(range(len(tried))) - set(fitted)
    if missing:
        raise ValueError(f"no models arrived of candidates {sorted(missing)}")
    answer = verdict(_task(context), tried, [fitted[number] for number in range(len(tried))])
    Path(context.next_output_path("nlp/answer")).write_text(json.dumps(answer))


def _vocabulary(context: StageContext) -> Vocabulary:
    return files.read_vocabulary(context.get_input_paths("nlp/vocabulary")[0])


def _task(context: StageContext) -> Task:
    rows = [files.read_rows(path) for path in context.get_input_paths("nlp/rows")]
    return Task(Rows.joined(rows), _vocabulary(context))
