"""The word count, its inputs, its answer, and the same computation in one process."""

from pathlib import Path
from typing import Any

from dags.answers import FinishedRun, final_answer
from dags.inputs import InputSet, upload_once
from dags.sizes import Size, resolve
from dags.wordcount import stages
from dags.wordcount.oracle import counted
from dags.wordcount.text import PRESETS, Knobs, file_texts
from flexecutor_energy import DAG, Chunker, FlexData, Stage


def build(size: Size = "small", workspace: Path | str | None = None) -> DAG:
    """Return the workflow map → reduce."""
    text = FlexData(
        _inputs(resolve(size, PRESETS)).prefix("text"),
        custom_data_id="text",
        chunker=Chunker(chunking_strategy="lines"),
    )
    partial = FlexData("wordcount/partial", suffix=".json")
    map_words = Stage("map", stages.count, inputs=[text], outputs=[partial])
    reduce = Stage(
        "reduce",
        stages.merge,
        inputs=[partial],
        outputs=[FlexData("wordcount/counts", suffix=".json")],
        max_concurrency=1,
    )
    map_words >> reduce
    dag = DAG("wordcount", workspace=workspace)
    dag.add_stages([map_words, reduce])
    return dag


def prepare(
    size: Size = "small", workspace: Path | str | None = None, storage: Any = None
) -> None:
    """Upload the text, unless it is there already."""
    knobs = resolve(size, PRESETS)
    upload_once(_inputs(knobs), lambda: _objects(knobs), workspace=workspace, storage=storage)


def answer(run: FinishedRun) -> dict[str, Any]:
    """Return how many words there are, how many distinct ones, and the count of each."""
    return final_answer(run, "reduce")


def native(size: Size = "small", workspace: Path | str | None = None) -> dict[str, Any]:
    """Return the answer, computed in this process alone."""
    del workspace
    return counted(resolve(size, PRESETS))


def _inputs(knobs: Knobs) -> InputSet:
    return InputSet("wordcount", f"v1-words{knobs.words}-files{knobs.files}-seed{knobs.seed}")


def _objects(knobs: Knobs) -> dict[str, bytes]:
    return {f"text/{i:05d}.txt": text.encode("utf-8") for i, text in enumerate(file_texts(knobs))}
