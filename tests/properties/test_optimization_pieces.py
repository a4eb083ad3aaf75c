"""What pieces of a workflow add to a bound is true, and is most of what is missing."""

import math
from dataclasses import replace

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flexecutor_energy.optimization import Problem, solve
from flexecutor_energy.optimization.deadline import Deadline
from flexecutor_energy.optimization.model import LinearProgram, Relaxation
from flexecutor_energy.optimization.objective import Weights, tie_breaks
from flexecutor_energy.optimization.pieces import raised
from flexecutor_energy.optimization.problem import METRICS, IntArray, Metric
from flexecutor_energy.optimization.prune import prune
from tests.optimization_problems import CLOSE, outcome, problems


def relaxation(problem: Problem, metric: Metric) -> tuple[list[IntArray], Relaxation]:
    kept = prune(problem, metric, tie_breaks(problem, metric))
    relaxed = LinearProgram(problem, kept).relax(Weights.of(metric), 60.0)
    assert relaxed is not None
    return kept, relaxed


@settings(deadline=None, max_examples=80)
@given(
    problem=problems(choices=200),
    metric=st.sampled_from(METRICS),
    smallest=st.integers(1, 6),
    share=st.sampled_from([1.0, 1.1, math.inf]),
)
def test_pieces_prove_no_more_than_the_optimum(
    problem: Problem, metric: Metric, smallest: int, share: float
) -> None:
    best = outcome(problem, metric)
    assume(best is not None and best.certificate.objective > 0)
    assert best is not None
    optimum = best.certificate.objective
    kept, relaxed = relaxation(problem, metric)
    room = optimum * share - relaxed.bound
    bound = raised(problem, kept, relaxed, room, Deadline(60.0), smallest)
    assert relaxed.bound <= bound
    # plans above the one that is known are not looked for
    assert min(bound, optimum * share) <= optimum * (1 + CLOSE)


@settings(deadline=None, max_examples=30)
@given(
    problem=problems(stages=4, candidates=3, choices=60),
    metric=st.sampled_from(METRICS),
    capacity=st.integers(4, 9),
    seed=st.integers(0, 1000),
)
def test_pieces_are_true_where_cores_are_shared(
    problem: Problem, metric: Metric, capacity: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    cores = [generator.integers(1, 5, len(row)).astype(float) for row in problem.times]
    crowded = replace(problem, capacity=float(capacity), cores=cores)
    best = outcome(crowded, metric)
    assume(best is not None)
    assert best is not None
    kept, relaxed = relaxation(crowded, metric)
    bound = raised(crowded, kept, relaxed, math.inf, Deadline(60.0), 1)
    assert bound <= best.certificate.objective * (1 + CLOSE)


def ladder(seed: int) -> Problem:
    """Return a workflow in which there are two ways between most stages."""
    generator = np.random.default_rng(seed)
    times = [generator.uniform(1, 10, 5) for _ in range(6)]
    energies = [60 / row + generator.uniform(0, 9, 5) for row in times]
    edges = [(0, 2), (0, 3), (1, 2), (1, 3), (2, 4), (2, 5), (3, 4), (3, 5)]
    free = Problem(times, energies, None, edges, idle_power_w=1.0)
    return free.with_bounds({"time": 1.3 * solve(free, "time", gap=0).makespan_s})


def test_the_whole_as_one_piece_proves_nearly_all_that_is_missing() -> None:
    missing, gained = 0.0, {3: 0.0, 6: 0.0}
    for seed in range(20):
        problem = ladder(seed)
        kept, relaxed = relaxation(problem, "energy")
        missing += solve(problem, gap=0).certificate.objective - relaxed.bound
        for smallest in gained:
            bound = raised(problem, kept, relaxed, math.inf, Deadline(60.0), smallest)
            gained[smallest] += bound - relaxed.bound
    # each piece is solved to a tenth of what it adds, and small ones are joined to the whole
    assert 0.85 * missing < gained[6] <= missing * (1 + CLOSE)
    assert 0.85 * missing < gained[3] <= missing * (1 + CLOSE)


def test_no_time_leaves_the_bound_as_it_is() -> None:
    problem = ladder(0)
    kept, relaxed = relaxation(problem, "energy")
    assert raised(problem, kept, relaxed, math.inf, Deadline(0.0), 1) == relaxed.bound
