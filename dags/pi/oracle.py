"""What an answer of the π workflow must be."""

import math
from typing import Any

from dags.answers import require, require_fields, require_type, same_when_sound
from dags.pi.knobs import PRESETS
from dags.pi.stages import darts
from dags.sizes import Size, resolve

_FIELDS = {"samples": int, "hits": int, "task_hits": list, "pi": float}
_INSIDE = math.pi / 4  # share of the square that the quarter circle covers
_TASK_SIGMAS = 5.0  # 3 would refuse one sound answer in twelve: there are 32 tasks
_SIGMAS = 3.0


def same(a: Any, b: Any) -> bool:
    """Return whether two answers are sound in themselves and equal."""
    return same_when_sound(a, b, _require_sound)


def check(answer: Any, size: Size) -> None:
    """Raise an AssertionError that names what is wrong with an answer of this size."""
    knobs = resolve(size, PRESETS)
    _require_sound(answer)
    require(
        answer["samples"] == knobs.samples,
        f"{answer['samples']} darts were thrown, not {knobs.samples}",
    )
    hits = answer["task_hits"]
    require(len(hits) == knobs.tasks, f"{len(hits)} tasks answered, not {knobs.tasks}")
    for task, count in enumerate(hits):
        thrown = darts(knobs.samples, knobs.tasks, task)
        _require_likely(f"task {task}", count, thrown, _TASK_SIGMAS)
    _require_likely("the estimate", answer["hits"], knobs.samples, _SIGMAS)


def _require_sound(answer: Any) -> None:
    require_fields(answer, _FIELDS)
    samples, hits = answer["samples"], answer["hits"]
    for task, count in enumerate(answer["task_hits"]):
        require_type(f"hits of task {task}", count, int)
        require(count >= 0, f"task {task} has {count} hits")
    require(hits == sum(answer["task_hits"]), f"{hits} hits are not the sum of the tasks' hits")
    require(samples > 0 and hits <= samples, f"{hits} hits of {samples} darts cannot be")
    require(
        answer["pi"] == 4 * hits / samples,
        f"the estimate {answer['pi']} does not follow from {hits} hits of {samples} darts",
    )


def _require_likely(what: str, hits: int, thrown: int, sigmas: float) -> None:
    expected = thrown * _INSIDE
    z_score = abs(hits - expected) / math.sqrt(expected * (1 - _INSIDE))
    require(
        z_score < sigmas,
        f"{what}: {hits} hits of {thrown} darts are {z_score:.1f} standard deviations from the "
        f"{expected:.0f} expected, more than {sigmas:g}",
    )
