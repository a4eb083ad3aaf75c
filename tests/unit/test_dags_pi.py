import copy
from pathlib import Path
from typing import Any

import pytest

from dags import pi
from dags.pi.stages import darts
from flexecutor_energy.errors import ConfigurationError
from tests.unit.dag_runs import run_in_process

TINY = {"samples": 20_000, "tasks": 5}


@pytest.fixture(scope="module")
def sound() -> dict[str, Any]:
    return pi.native(TINY)


@pytest.mark.parametrize("workers", [1, 2, 3, 9])
def test_any_number_of_workers_gives_the_native_answer(
    workers: int, sound: dict[str, Any], tmp_path: Path
) -> None:
    run = run_in_process(pi.build(TINY, tmp_path), workers, tmp_path)
    found = pi.answer(run)
    assert pi.same(found, sound)
    pi.check(found, TINY)
    assert run.workers["sample"] == min(workers, TINY["tasks"])


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


MALFORMED: dict[str, tuple[Any, str]] = {
    "nothing": (lambda a: None, r"NoneType, not a dict"),
    "a list": (lambda a: list(a.items()), r"list, not a dict"),
    "empty": (lambda a: {}, r"lacks samples, hits"),
    "no pi": (lambda a: {k: v for k, v in a.items() if k != "pi"}, r"lacks pi"),
    "an extra field": (lambda a: a | {"e": 2.718}, r"'e'"),
    "pi is NaN": (lambda a: a | {"pi": float("nan")}, r"pi is nan"),
    "pi is infinite": (lambda a: a | {"pi": float("inf")}, r"pi is inf"),
    "pi is a text": (lambda a: a | {"pi": "3.14"}, r"pi is a str"),
    "pi is true pi": (lambda a: a | {"pi": 3.141592653589793}, r"estimate 3.14.* does not follow"),
    "hits is a float": (lambda a: a | {"hits": float(a["hits"])}, r"hits is a float"),
    "hits is a truth value": (lambda a: a | {"hits": True}, r"hits is a bool"),
    "one hit more": (lambda a: a | {"hits": a["hits"] + 1}, r"not the sum"),
    "no task": (lambda a: a | {"task_hits": []}, r"not the sum"),
    "a task fewer": (lambda a: a | {"task_hits": a["task_hits"][:-1]}, r"not the sum"),
    "a task's hits are None": (
        lambda a: a | {"task_hits": [None, *a["task_hits"][1:]]},
        r"hits of task 0 is a NoneType",
    ),
    "negative hits": (lambda a: _shifted(a, 0, -a["task_hits"][0] - 1), r"task 0 has -1 hits"),
    "more hits than darts": (lambda a: _shifted(a, 0, a["samples"]), r"cannot be"),
    "no darts": (
        lambda a: {"samples": 0, "hits": 0, "task_hits": [0] * 5, "pi": 0.0},
        r"cannot be",
    ),
}


@pytest.mark.parametrize(("spoil", "problem"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_answer_fails_and_equals_none(
    spoil: Any, problem: str, sound: dict[str, Any]
) -> None:
    spoiled = spoil(copy.deepcopy(sound))
    with pytest.raises(AssertionError, match=problem):
        pi.check(spoiled, TINY)
    assert not pi.same(spoiled, sound)
    assert not pi.same(sound, spoiled)
    assert not pi.same(spoiled, spoiled)


def test_an_unlikely_estimate_fails(sound: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match=r"task 0: .* standard deviations"):
        pi.check(_shifted(sound, 0, 300), TINY)
    spread = sound
    for task in range(TINY["tasks"]):
        spread = _shifted(spread, task, 60)
    with pytest.raises(AssertionError, match=r"the estimate: .* standard deviations"):
        pi.check(spread, TINY)
    assert not pi.same(spread, sound)


def test_an_answer_of_another_size_fails(sound: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="20000 darts were thrown, not 20001"):
        pi.check(sound, {**TINY, "samples": 20_001})
    with pytest.raises(AssertionError, match="5 tasks answered, not 4"):
        pi.check(sound, {**TINY, "tasks": 4})


@pytest.mark.parametrize(
    "size", ["huge", {"darts": 3}, {"samples": 0}, {"tasks": 0}, {"samples": 3, "tasks": 4}]
)
def test_impossible_sizes_are_refused_everywhere(size: Any, tmp_path: Path) -> None:
    for use in (pi.build, pi.prepare, pi.native):
        with pytest.raises(ConfigurationError):
            use(size, tmp_path)


def test_preparing_touches_nothing(tmp_path: Path) -> None:
    pi.prepare("small", tmp_path)
    assert not list(tmp_path.iterdir())
