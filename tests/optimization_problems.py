"""Small problems to try all choices of, and what trying them all says."""

import math
from typing import get_args

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from flexecutor_energy.errors import InfeasibleError
from flexecutor_energy.optimization import Problem, Solution, exhaustive
from flexecutor_energy.optimization.objective import Objective

OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
CLOSE = 1e-9


@st.composite
def problems(draw: st.DrawFn, stages: int = 6, candidates: int = 5, choices: int = 600) -> Problem:
    """Draw workflows with links, idle power, host price and bounds, small enough to try all."""
    count = draw(st.integers(1, stages))
    sizes = draw(st.lists(st.integers(1, candidates), min_size=count, max_size=count))
    assume(math.prod(sizes) <= choices)

    def table(most: int) -> list[list[float]]:
        cell = st.integers(0, most).map(float)
        return [draw(st.lists(cell, min_size=size, max_size=size)) for size in sizes]

    pairs = [(i, j) for j in range(count) for i in range(j)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    linked = draw(st.lists(st.sampled_from(edges), unique=True, max_size=2)) if edges else []

    def labels(stage: int) -> list[int]:
        return draw(st.lists(st.integers(1, 2), min_size=sizes[stage], max_size=sizes[stage]))

    return Problem(
        times=[np.array(row) for row in table(20)],
        energies=[np.array(row) for row in table(30)],
        costs=[np.array(row) for row in table(10)],
        edges=edges,
        idle_power_w=draw(st.sampled_from([0.0, 0.0, 1.5])),
        host_price_usd_s=draw(st.sampled_from([0.0, 0.25])),
        max_time=draw(st.one_of(st.none(), st.integers(5, 80))),
        max_energy=draw(st.one_of(st.none(), st.integers(10, 150))),
        max_cost=draw(st.one_of(st.none(), st.integers(5, 50))),
        links=[(i, j, labels(i), labels(j)) for i, j in linked],
    )


@st.composite
def forks(draw: st.DrawFn, wide: int = 3) -> Problem:
    """Draw a stage, some beside each other and a last one, where each knows its parent's label."""
    middle = draw(st.integers(1, wide))
    count, last = middle + 2, middle + 1
    sizes = draw(st.lists(st.integers(2, 4), min_size=count, max_size=count))
    generator = np.random.default_rng(draw(st.integers(0, 10**6)))
    times, energies, costs = (
        [generator.integers(1, most, size).astype(float) for size in sizes]
        for most in (20, 30, 10)
    )
    own = [generator.integers(1, 3, size).tolist() for size in sizes]
    edges = [(0, i) for i in range(1, last)] + [(i, last) for i in range(1, last)]
    linked = draw(st.lists(st.sampled_from(edges), unique=True))
    return Problem(
        times,
        energies,
        costs,
        edges,
        idle_power_w=draw(st.sampled_from([0.0, 1.5])),
        max_time=draw(st.one_of(st.none(), st.integers(15, 60))),
        max_cost=draw(st.one_of(st.none(), st.none(), st.integers(8, 30))),
        links=[(i, j, own[i], generator.integers(1, 3, sizes[j]).tolist()) for i, j in linked],
    )


def outcome(problem: Problem, objective: Objective) -> Solution | None:
    """Return the best of all choices; None where none keeps the bounds."""
    try:
        return exhaustive(problem, objective)
    except InfeasibleError:
        return None


def totals(solution: Solution) -> list[float | None]:
    """Return makespan, energy and cost."""
    return [solution.makespan_s, solution.energy_j, solution.cost_usd]
