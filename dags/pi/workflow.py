"""The π workflow, its answer, and the same computation in one process."""

from pathlib import Path
from typing import Any

from dags.answers import FinishedRun, final_answer
from dags.pi import stages
from dags.pi.knobs import PRESETS
from dags.sizes import Size, resolve
from flexecutor_energy import DAG, ConfigSpace, FlexData, Stage

SPACE = ConfigSpace(cpu=[0.5, 1], memory=[256], workers=[1, 2, 4])
"""What is worth trying: darts are thrown on one core, however many a worker has."""


def build(size: Size = "small", workspace: Path | str | None = None) -> DAG:
    """Return the workflow sample → reduce."""
    knobs = resolve(size, PRESETS)
    hits = FlexData("pi/hits", suffix=".json")
    sample = Stage(
        "sample",
        stages.sample,
        outputs=[hits],
        params={"samples": knobs.samples, "tasks": knobs.tasks, "seed": knobs.seed},
        max_concurrency=knobs.tasks,
    )
    reduce = Stage(
        "reduce",
        stages.reduce,
        inputs=[hits],
        outputs=[FlexData("pi/estimate", suffix=".json")],
        params={"samples": knobs.samples, "tasks": knobs.tasks},
        max_concurrency=1,
    )
    sample >> reduce
    dag = DAG("pi", workspace=workspace)
    dag.add_stages([sample, reduce])
    return dag


def prepare(
    size: Size = "small", workspace: Path | str | None = None, storage: Any = None
) -> None:
    """Check the size; the workflow has no inputs to upload."""
    del workspace, storage
    resolve(size, PRESETS)


def answer(run: FinishedRun) -> dict[str, Any]:
    """Return the darts thrown, the hits in all and by task, and the estimate of π."""
    return final_answer(run, "reduce")


def native(size: Size = "small", workspace: Path | str | None = None) -> dict[str, Any]:
    """Return the answer, computed in this process alone."""
    del workspace
    knobs = resolve(size, PRESETS)
    hits = {
        task: stages.task_hits(knobs.seed, task, stages.darts(knobs.samples, knobs.tasks, task))
        for task in range(knobs.tasks)
    }
    return stages.summary(knobs.samples, hits, knobs.tasks)
