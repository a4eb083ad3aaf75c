"""What the workers of the π workflow run."""

import json
from pathlib import Path

from flexecutor_energy.workflow.context import StageContext


def sample(context: StageContext) -> None:
    """Throw the darts of this worker's tasks and write the hits of each."""
    tasks = context.get_param("tasks")
    hits = {
        task: task_hits(
            context.get_param("seed"), task, darts(context.get_param("samples"), tasks, task)
        )
        for task in range(context.worker_id, tasks, context.num_workers)
    }
    Path(context.next_output_path("pi/hits")).write_text(json.dumps(hits))


def reduce(context: StageContext) -> None:
    """Add the hits of all tasks up and write the estimate."""
    parts = [json.loads(Path(path).read_text()) for path in context.get_input_paths("pi/hits")]
    hits = {int(task): count for part in parts for task, count in part.items()}
    estimate = summary(context.get_param("samples"), hits, context.get_param("tasks"))
    Path(context.next_output_path("pi/estimate")).write_text(json.dumps(estimate))


def darts(samples: int, tasks: int, task: int) -> int:
    """Return how many of the darts belong to a task; shares differ by one at most."""
    return samples * (task + 1) // tasks - samples * task // tasks


def task_hits(seed: int, task: int, count: int) -> int:
    """Return how many of the ``count`` darts of a task fall inside the quarter circle."""
    import numpy as np

    block = 1 << 17  # keeps two blocks of coordinates within the cache
    # the child that SeedSequence(seed).spawn would give this task, without making the others
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(task,)))
    hits = 0
    for start in range(0, count, block):
        x, y = generator.random((2, min(block, count - start)))
        hits += int(np.count_nonzero(x * x + y * y < 1.0))
    return hits


def summary(samples: int, hits: dict[int, int], tasks: int) -> dict[str, object]:
    """Return the estimate of π from the hits of every task.

    Raises
    ------
    ValueError
        The hits of some task are missing.
    """
    missing = set(range(tasks)) - set(hits)
    if missing:
        raise ValueError(f"no hits arrived of tasks {sorted(missing)}")
    total = sum(hits.values())
    return {
        "samples": samples,
        "hits": total,
        "task_hits": [hits[task] for task in range(tasks)],
        "pi": 4 * total / samples,
    }
