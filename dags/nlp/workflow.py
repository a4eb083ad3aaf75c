"""The language workflow, its input, its answer, and the same computation in one process."""

from pathlib import Path
from typing import Any

from dags.answers import FinishedRun, final_answer
from dags.archives import VADER_TEXTS, fetch_archive
from dags.inputs import InputSet, upload_once
from dags.nlp import stages
from dags.nlp.models import candidates
from dags.nlp.reference import answered_alone
from dags.nlp.texts import PRESETS, Knobs, labelled_texts, piece_lines
from dags.sizes import Size, resolve
from flexecutor_energy import DAG, ConfigSpace, FlexData, ReadStrategy, Stage

_MERGED_AT_ONCE = 4  # counts that a worker adds up, in the tree of merges
_SINGLE = ConfigSpace(cpu=[1], memory=[512], workers=[1])

SPACE = ConfigSpace(
    cpu=[1, 2],
    memory=[512],
    workers=[1, 2, 4],
    stages={"vocabulary": _SINGLE, "select": _SINGLE},
)
"""What to profile; the stages of one worker use one thread."""


def build(size: Size = "small", workspace: Path | str | None = None) -> DAG:
    """Return the workflow count → merge → vocabulary → weigh → fit → select."""
    knobs = resolve(size, PRESETS)
    count, merge, vocabulary, weigh, fit, select = _stages(knobs)
    count >> merge >> vocabulary >> weigh >> fit >> select
    vocabulary >> [fit, select]
    weigh >> select
    dag = DAG("nlp", workspace=workspace)
    dag.add_stages([count, merge, vocabulary, weigh, fit, select])
    return dag


def prepare(
    size: Size = "small", workspace: Path | str | None = None, storage: Any = None
) -> None:
    """Upload the texts, unless they are there already.

    Raises
    ------
    DownloadError
        The texts are not in the workspace and could not be fetched.
    """
    knobs = resolve(size, PRESETS)
    fetch_archive(VADER_TEXTS, workspace)  # in any case, as the oracle needs them too
    upload_once(
        _inputs(knobs), lambda: _objects(knobs, workspace), workspace=workspace, storage=storage
    )


def answer(run: FinishedRun) -> dict[str, Any]:
    """Return what the texts are, which models were tried, and what the best says of the test."""
    return final_answer(run, "select")


def native(size: Size = "small", workspace: Path | str | None = None) -> dict[str, Any]:
    """Return the answer, computed in this process alone, on one thread."""
    return answered_alone(resolve(size, PRESETS), workspace)


def _stages(knobs: Knobs) -> tuple[Stage, Stage, Stage, Stage, Stage, Stage]:
    everyone = ReadStrategy.BROADCAST
    texts = FlexData(_inputs(knobs).prefix("texts"), custom_data_id="texts")
    counts = FlexData("nlp/counts", suffix=".json")
    merged = FlexData("nlp/merged", suffix=".json")
    known = FlexData("nlp/vocabulary", read_strategy=everyone, suffix=".json")
    rows = FlexData("nlp/rows", read_strategy=everyone, suffix=".npz")
    models = FlexData("nlp/models", suffix=".npz")
    answers = FlexData("nlp/answer", suffix=".json")
    most, branches = knobs.pieces, -(-knobs.pieces // _MERGED_AT_ONCE)
    tried = {"strengths": knobs.strengths}
    return (
        Stage("count", stages.count, [texts], [counts], max_concurrency=most),
        Stage("merge", stages.merge, [counts], [merged], max_concurrency=branches),
        Stage("vocabulary", stages.vocabulary, [merged], [known], max_concurrency=1),
        Stage("weigh", stages.weigh, [texts, known], [rows], max_concurrency=most),
        Stage("fit", stages.fit, [rows, known], [models], {**tried, "rounds": knobs.rounds},
              max_concurrency=len(candidates(knobs.strengths))),
        Stage("select", stages.select, [models, rows, known], [answers], tried,
              max_concurrency=1),
    )  # fmt: skip


def _inputs(knobs: Knobs) -> InputSet:
    size = f"percent{knobs.percent}-copies{knobs.copies}-pieces{knobs.pieces}"
    return InputSet("nlp", f"v1-{size}-seed{knobs.seed}")


def _objects(knobs: Knobs, workspace: Path | str | None) -> dict[str, bytes]:
    lines = piece_lines(labelled_texts(knobs, workspace), knobs.pieces)
    return {f"texts/{i:05d}.tsv": text.encode("utf-8") for i, text in enumerate(lines)}
