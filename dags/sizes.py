"""How large a workflow is: a named preset, or single knobs turned from the small one."""

import dataclasses
import operator
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from flexecutor_energy.errors import ConfigurationError

Size = str | Mapping[str, Any]
KnobsT = TypeVar("KnobsT")


def resolve(size: Size, presets: Mapping[str, KnobsT]) -> KnobsT:
    """Return the knobs that ``size`` stands for.

    Parameters
    ----------
    size : the name of a preset, or knobs that differ from the preset ``"small"``
    presets : frozen dataclasses of knobs by name; each checks its own values

    Raises
    ------
    ConfigurationError
        No such preset, no such knob, or a value that a knob cannot have.
    """
    if isinstance(size, str):
        if size not in presets:
            raise ConfigurationError(
                f"unknown size {size!r}; known: {', '.join(presets)}, or a dict of knobs"
            )
        return presets[size]
    if not isinstance(size, Mapping):
        raise ConfigurationError(
            f"a size is one of {', '.join(presets)} or a dict of knobs, got {size!r}"
        )
    small = cast(Any, presets["small"])
    known = [field.name for field in dataclasses.fields(small)]
    unknown = [repr(knob) for knob in size if knob not in known]
    if unknown:
        raise ConfigurationError(
            f"unknown knob {', '.join(unknown)}; this workflow has: {', '.join(known)}"
        )
    return cast(KnobsT, dataclasses.replace(small, **size))


def check_whole(knob: str, value: Any, least: int, most: int | None = None) -> None:
    """Raise a ConfigurationError unless ``value`` is a whole number from ``least`` to ``most``."""
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least or (most is not None and number > most):
        upper = "" if most is None else f" and at most {most}"
        raise ConfigurationError(
            f"{knob} must be a whole number of at least {least}{upper}, got {value!r}"
        )
