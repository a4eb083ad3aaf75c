"""Ways to spoil an answer: whatever comes of them is no answer of the workflow any more."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

Place = tuple[Any, ...]


class Stubborn:
    """Something that cannot be compared, counted, called, hashed or made a number of."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("this cannot be compared")

    __hash__ = None  # type: ignore[assignment]
    __bool__ = __len__ = __float__ = __int__ = __index__ = __round__ = __iter__ = __eq__
    __lt__ = __le__ = __gt__ = __ge__ = __add__ = __getitem__ = __contains__ = __eq__


RUBBISH: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    10**30,
    0.5,
    float("nan"),
    float("-inf"),
    "",
    "rubbish",
    b"rubbish",
    (1, 2),
    [],
    [None],
    {},
    {"rubbish": None},
    {1: 2},
    {1, 2},
    np.int64(1),
    np.float64(0.5),
    np.arange(3),
    object(),
    Stubborn(),
)

rubbish = st.recursive(
    st.sampled_from(RUBBISH) | st.text(max_size=5) | st.integers() | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=8,
)
"""Values that no workflow answers, whatever their size."""


def places(value: Any, way: Place = ()) -> Iterator[Place]:
    """Yield the way to every value within an answer, and to the answer itself."""
    yield way
    if isinstance(value, Mapping):
        inner: Any = value.items()
    elif isinstance(value, Sequence) and not isinstance(value, str):
        inner = enumerate(value)
    else:
        return
    for key, part in inner:
        yield from places(part, (*way, key))


def value_at(answer: Any, place: Place) -> Any:
    """Return the value at a place of an answer."""
    for key in place:
        answer = answer[key]
    return answer


def replaced(answer: Any, place: Place, value: Any) -> Any:
    """Return a copy of an answer with another value at a place."""
    if not place:
        return value
    changed = copy.deepcopy(answer)
    value_at(changed, place[:-1])[place[-1]] = value
    return changed


def without(answer: Any, place: Place) -> Any:
    """Return a copy of an answer that lacks the value at a place."""
    changed = copy.deepcopy(answer)
    del value_at(changed, place[:-1])[place[-1]]
    return changed


def enlarged(answer: Any, place: Place, value: Any) -> Any:
    """Return a copy of an answer with one value more in the dict or list at a place."""
    changed = copy.deepcopy(answer)
    container = value_at(changed, place)
    if isinstance(container, dict):
        container["rubbish"] = value
    else:
        container.append(value)
    return changed
