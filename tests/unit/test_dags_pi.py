import copy
from pathlib import Path
from typing import Any

import pytest

from dags import pi
from dags.pi.stages import darts
from flexecutor_energy.errors import ConfigurationError
from tests.unit.dag_runs import assert_refused, run_in_process

TINY = {"samples": 20_000, "tasks": 5}


@pytest.fixture(scope="module")
def sound() -> dict[str, Any]:
    return pi.native(TINY)


def test_the_small_answer_passes_its_oracle() -> None:
    pi.check(pi.native("small"), "small")


def test_another_seed_gives_other_hits() -> None:
    assert not pi.same(pi.native(TINY), pi.native({**TINY, "seed": 1}))


@pytest.mark.parametrize(("samples", "tasks"), [(7, 7), (10, 3), (1_000_003, 32)])
def test_tasks_share_all_darts_almost_evenly(samples: int, tasks: int) -> None:
    shares = [darts(samples, tasks, task) for task in range(tasks)]
    assert sum(shares) == samples
    assert max(shares) - min(shares) <= 1


def test_a_missing_task_is_not_passed_over(tmp_path: Path) -> None:
    def lose_hits(stage_id: str, content: bytes) -> bytes:
        return b"{}" if stage_id == "sample" else content

    with pytest.raises(ValueError, match=r"no hits arrived of tasks \[0, 1"):
        run_in_process(pi.build(TINY, tmp_path), 1, tmp_path, spoil=lose_hits)


def _shifted(answer: dict[str, Any], task: int, by: int) -> dict[str, Any]:
    """Return an answer consistent in itself in which a task has more or fewer hits."""
    spoiled = copy.deepcopy(answer)
    spoiled["task_hits"][task] += by
    spoiled["hits"] += by
    spoiled["pi"] = 4 * spoiled["hits"] / spoiled["samples"]
    return spoiled


SPOILED: dict[str, tuple[Any, str]] = {
    "pi is true pi": (lambda a: a | {"pi": 3.141592653589793}, r"estimate 3.14.* does not follow"),
    "one hit more": (lambda a: a | {"hits": a["hits"] + 1}, r"not the sum"),
    "a task fewer": (lambda a: a | {"task_hits": a["task_hits"][:-1]}, r"not the sum"),
    "negative hits": (lambda a: _shifted(a, 0, -a["task_hits"][0] - 1), r"task 0 has -1 hits"),
    "more hits than darts": (lambda a: _shifted(a, 0, a["samples"]), r"cannot be"),
    "no darts": (
        lambda a: {"samples": 0, "hits": 0, "task_hits": [0] * 5, "pi": 0.0},
        r"cannot be",
    ),
}


@pytest.mark.parametrize(("spoil", "problem"), SPOILED.values(), ids=SPOILED.keys())
def test_a_wrong_answer_fails_and_is_not_the_same(
    spoil: Any, problem: str, sound: dict[str, Any]
) -> None:
    assert_refused(pi, spoil(copy.deepcopy(sound)), sound, TINY, problem)


def test_an_unlikely_estimate_fails(sound: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match=r"task 0: .* standard deviations"):
        pi.check(_shifted(sound, 0, 300), TINY)
    spread = sound
    for task in range(TINY["tasks"]):
        spread = _shifted(spread, task, 60)
    with pytest.raises(AssertionError, match=r"the estimate: .* standard deviations"):
        pi.check(spread, TINY)
    assert not pi.same(spread, sound)


@pytest.mark.parametrize("size", [{"tasks": 0}, {"samples": 3, "tasks": 4}])
def test_knobs_that_do_not_go_together_are_refused(size: Any) -> None:
    with pytest.raises(ConfigurationError):
        pi.build(size)
