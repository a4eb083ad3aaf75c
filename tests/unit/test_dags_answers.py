import json
from typing import Any

import numpy as np
import pytest

from dags.answers import final_answer, require, require_fields, same_when_sound


class Run:
    def __init__(self, outputs: list[bytes]) -> None:
        self.outputs = outputs

    def read(self, stage_id: str) -> list[bytes]:
        assert stage_id == "last"
        return self.outputs


def test_the_answer_is_what_the_last_stage_wrote() -> None:
    assert final_answer(Run([json.dumps({"pi": 3.1}).encode()]), "last") == {"pi": 3.1}


@pytest.mark.parametrize("outputs", [[], [b"{}", b"{}"]])
def test_a_last_stage_of_several_outputs_has_no_single_answer(outputs: list[bytes]) -> None:
    with pytest.raises(ValueError, match="unpack"):
        final_answer(Run(outputs), "last")


def test_sound_fields_pass() -> None:
    require_fields({"n": 3, "x": 0.5, "s": "a"}, {"n": int, "x": float, "s": str})


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (None, "NoneType, not a dict"),
        ([("n", 3), ("x", 0.5)], "list, not a dict"),
        ({}, "lacks n, x"),
        ({"n": 3}, "lacks x"),
        ({"n": 3, "x": 0.5, "y": 1}, "'y'"),
        ({"n": 3.0, "x": 0.5}, "n is a float, not a int"),
        ({"n": True, "x": 0.5}, "n is a bool"),
        ({"n": np.int64(3), "x": 0.5}, "n is a int64"),
        ({"n": 3, "x": 1}, "x is a int, not a float"),
        ({"n": 3, "x": float("nan")}, "x is nan"),
        ({"n": 3, "x": float("-inf")}, "x is -inf"),
    ],
)
def test_malformed_fields_are_named(answer: Any, problem: str) -> None:
    with pytest.raises(AssertionError, match=problem):
        require_fields(answer, {"n": int, "x": float})


def test_answers_are_the_same_only_if_sound_and_equal() -> None:
    def sound(answer: Any) -> None:
        require(type(answer) is int and answer > 0, "not positive")

    assert same_when_sound(3, 3, sound)
    assert not same_when_sound(3, 4, sound)
    assert not same_when_sound(-3, -3, sound)
    assert not same_when_sound("3", 3, sound)
