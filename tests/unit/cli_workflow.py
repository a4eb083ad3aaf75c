"""A workflow small enough to be run by every test of the command line.

It is found as ``tests.unit.cli_workflow:build``, as a user's own workflow would be.
"""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flexecutor_energy import DAG, ConfigSpace, FlexData, Stage, StageContext
from flexecutor_energy.errors import MissingExtraError

NAME = "tests.unit.cli_workflow:build"
SPACE = ConfigSpace(
    cpu=[1],
    memory=[0],
    workers=[1, 2],
    stages={"add": ConfigSpace(cpu=[1], memory=[0], workers=[1])},
)
KNOBS = {"tasks": 4, "sleep_s": 0.0, "fails": 0, "wrong": 0}


def count(context: StageContext) -> None:
    """Write one number for each task of this worker."""
    sys.stdout.write("a worker may print\n")
    time.sleep(context.get_param("sleep_s"))
    if context.get_param("fails"):
        raise ValueError("asked to fail")
    tasks = range(context.worker_id, context.get_param("tasks"), context.num_workers)
    text = "\n".join(str(task) for task in tasks)
    Path(context.next_output_path("counts")).write_text(text)


def add(context: StageContext) -> None:
    """Add all numbers up."""
    parts = [Path(path).read_text().split() for path in context.get_input_paths("counts")]
    total = sum(int(number) for part in parts for number in part)
    Path(context.next_output_path("sum")).write_text(str(total + context.get_param("wrong")))


def build(size: Any = "small", workspace: Any = None) -> DAG:
    """Return count → add."""
    knobs = {**KNOBS, **(size if isinstance(size, Mapping) else {})}
    counts = FlexData("counts", suffix=".txt")
    first = Stage("count", count, outputs=[counts], params=knobs, max_concurrency=knobs["tasks"])
    last = Stage("add", add, [counts], [FlexData("sum")], params=knobs, max_concurrency=1)
    first >> last
    dag = DAG("counting", workspace=workspace)
    dag.add_stages([first, last])
    return dag


def needs_more(size: Any = "small") -> DAG:
    """Refuse, as a workflow does whose packages are not installed."""
    raise MissingExtraError("no-such-package", "ml", "this workflow")


def answer(run: Any) -> int:
    """Return the sum."""
    (text,) = run.read("add")
    return int(text)


def check(answer: int) -> None:
    """Refuse every sum but 0 + 1 + 2 + 3."""
    if answer != 6:
        raise AssertionError(f"the sum is {answer}, not 6")
