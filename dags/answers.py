"""Reading the answer of a run, and refusing answers that are not what they should be."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol


class FinishedRun(Protocol):
    """What is needed of a run: the objects that a stage wrote."""

    def read(self, stage_id: str) -> Sequence[bytes]:
        """Return the bytes of each output of the stage, in order."""


def final_answer(run: FinishedRun, stage_id: str) -> dict[str, Any]:
    """Return the JSON object that the only worker of the last stage wrote."""
    (text,) = run.read(stage_id)
    answer: dict[str, Any] = json.loads(text)
    return answer


def require(holds: bool, problem: str) -> None:
    """Raise an AssertionError with ``problem`` unless ``holds`` (also under ``python -O``)."""
    if not holds:
        raise AssertionError(problem)


def require_fields(answer: Any, fields: Mapping[str, type]) -> None:
    """Raise an AssertionError unless ``answer`` is a dict of exactly these fields and types.

    Numbers must be finite, and neither a truth value nor a NumPy scalar passes for a number: what
    came through JSON and what was computed at once have to be the same kind of thing.
    """
    require(type(answer) is dict, f"the answer is a {type(answer).__name__}, not a dict")
    missing = [name for name in fields if name not in answer]
    require(not missing, f"the answer lacks {', '.join(missing)}")
    extra = [repr(name) for name in answer if name not in fields]
    require(not extra, f"the answer has {', '.join(extra)}, which do not belong there")
    for name, kind in fields.items():
        require_type(name, answer[name], kind)


def require_type(name: str, value: Any, kind: type) -> None:
    """Raise an AssertionError unless ``value`` is exactly of this type, and finite."""
    found = type(value).__name__
    require(type(value) is kind, f"{name} is a {found}, not a {kind.__name__}")
    if kind is float:
        require(math.isfinite(value), f"{name} is {value}, not a finite number")


def same_when_sound(a: Any, b: Any, require_sound: Callable[[Any], None]) -> bool:
    """Return whether two answers are equal, where one that is not sound equals none."""
    try:
        require_sound(a)
        require_sound(b)
    except AssertionError:
        return False
    return bool(a == b)
