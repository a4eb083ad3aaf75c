"""Stages in a row fill their deadline as well as any choice does."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexecutor_energy.optimization import Problem
from flexecutor_energy.optimization.packing import in_a_row, packed
from flexecutor_energy.optimization.rounding import Stairs, staircases

ROWS = st.lists(
    st.lists(st.tuples(st.integers(1, 20), st.integers(0, 30)), min_size=1, max_size=5),
    min_size=1,
    max_size=5,
)


def stairs_of(rows: list[list[tuple[int, int]]]) -> tuple[list[Stairs], list[np.ndarray]]:
    times = [np.array([float(t) for t, _ in row]) for row in rows]
    prices = [np.array([float(p) for _, p in row]) for row in rows]
    chain = Problem(times, None, None, [(i, i + 1) for i in range(len(rows) - 1)])
    assert in_a_row(chain)
    return staircases(chain, [np.arange(len(row)) for row in rows], prices), prices


@settings(deadline=None, max_examples=150)
@given(rows=ROWS, horizon=st.integers(1, 60))
def test_a_short_row_is_packed_as_well_as_by_trying_all(
    rows: list[list[tuple[int, int]]], horizon: int
) -> None:
    stairs, prices = stairs_of(rows)
    fitting = [
        sum(price for _, price in choice)
        for choice in product(*rows)
        if sum(time for time, _ in choice) <= horizon
    ]
    # sums of whole numbers need no room for rounding: half a second is none
    steps = packed(stairs, prices, horizon + 0.5)
    assert (steps is None) == (not fitting)
    if steps is not None:
        chosen = [own.candidates[step] for own, step in zip(stairs, steps, strict=True)]
        assert sum(own.times[step] for own, step in zip(stairs, steps, strict=True)) <= horizon
        price = sum(row[c] for row, c in zip(prices, chosen, strict=True))
        assert price == pytest.approx(min(fitting))


@pytest.mark.parametrize(
    ("edges", "row"),
    [
        ([(0, 1), (1, 2)], True),
        ([(2, 0), (0, 1)], True),
        ([(0, 1)], False),
        ([(0, 1), (0, 2)], False),
        ([(0, 2), (1, 2)], False),
        ([(0, 1), (1, 2), (0, 2)], False),
    ],
)
def test_only_stages_one_after_the_other_are_in_a_row(
    edges: list[tuple[int, int]], row: bool
) -> None:
    one = [np.array([1.0])] * 3
    assert in_a_row(Problem(one, one, None, edges)) == row
