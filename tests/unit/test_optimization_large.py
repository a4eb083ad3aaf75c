"""Workflows that are too large to try all choices: plans are kept, and bounds proved."""

import os
from collections.abc import Sequence

import numpy as np
import pytest

from flexecutor_energy.optimization import Problem, Solution, pareto, solve, verify
from flexecutor_energy.optimization.objective import Objective
from flexecutor_energy.optimization.problem import METRICS
from flexecutor_energy.optimization.silence import stdout_to_stderr

Edges = Sequence[tuple[int, int]]


def chain(count: int) -> Edges:
    return [(i, i + 1) for i in range(count - 1)]


def fork_join(count: int) -> Edges:
    return [e for i in range(1, count - 1) for e in ((0, i), (i, count - 1))]


def barriers(count: int, width: int = 6) -> Edges:
    return [(i, j) for i in range(count) for j in range(count) if j // width == i // width + 1]


def layered(count: int, width: int = 8) -> Edges:
    generator = np.random.default_rng(1)
    return [
        (int(i), j)
        for j in range(width, count)
        for i in generator.choice(width, 2, replace=False) + (j // width - 1) * width
    ]


def workflow(edges: Edges, count: int, slack: float | None = 1.3, **more: float) -> Problem:
    generator = np.random.default_rng(2)
    times = [generator.uniform(1, 60, 20) for _ in range(count)]
    energies = [500 / row + generator.uniform(0, 20, 20) for row in times]
    costs = [generator.uniform(1, 3, 20) for _ in range(count)]
    problem = Problem(times, energies, costs, edges, idle_power_w=2.0, **more)  # type: ignore[arg-type]
    if slack is None:
        return problem
    return problem.with_bounds({"time": slack * solve(problem, "time").makespan_s})


def checked(problem: Problem, solution: Solution) -> Solution:
    verification = verify(problem.to_data(), solution.choice, solution.certificate, max_steps=0)
    assert verification.problems == ()
    return solution


@pytest.mark.parametrize(
    ("edges", "proved"),
    [(chain(150), 1e-3), (fork_join(150), 1e-9), (barriers(60), 2e-3)],
    ids=["chain", "fork-join", "barriers"],
)
def test_blocks_and_hulls_prove_nearly_all(edges: Edges, proved: float) -> None:
    count = 1 + max(max(edge) for edge in edges)
    problem = workflow(edges, count)
    certificate = checked(problem, solve(problem, "energy", gap=1e-3)).certificate
    assert 1 - certificate.proved_bound / certificate.objective <= proved


def test_a_layered_workflow_is_solved_to_a_small_gap_in_little_time() -> None:
    problem = workflow(layered(64), 64)
    certificate = checked(problem, solve(problem, "energy", time_limit_s=3)).certificate
    assert certificate.gap < 0.25
    assert certificate.proved_bound > 0


def test_a_gap_that_the_relaxation_proves_ends_the_search() -> None:
    problem = workflow(layered(64), 64)
    certificate = solve(problem, "energy", gap=0.5).certificate
    assert certificate.gap <= 0.5
    assert certificate.lower_bound == pytest.approx(certificate.proved_bound, rel=1e-6)


@pytest.mark.parametrize(
    ("objective", "bounds"),
    [
        ("time", {"energy": 1.3}),
        ("cost", {"time": 1.3}),
        ("energy", {"time": 2.0, "cost": 1.6}),
        ("time", {"energy": 1.6, "cost": 1.6}),
        ("edp", {}),
    ],
)
def test_several_bounds_are_kept_together(objective: Objective, bounds: dict[str, float]) -> None:
    free = workflow(layered(40), 40, None)
    least = {metric: solve(free, metric, time_limit_s=2).certificate for metric in METRICS}
    asked = free.with_bounds({m: bounds[m] * least[m].objective for m in METRICS if m in bounds})
    certificate = checked(asked, solve(asked, objective, time_limit_s=3)).certificate
    assert certificate.gap < 0.4


def test_a_workflow_with_links_keeps_its_labels() -> None:
    problem = workflow(layered(40), 40)
    labels = np.random.default_rng(3).integers(1, 4, (40, 20))
    labels[:, :3] = [1, 2, 3]
    links = [(i, j, labels[i].tolist(), labels[i - 1].tolist()) for i, j in problem.edges[::5]]
    linked = Problem(
        problem.times,
        problem.energies,
        problem.costs,
        problem.edges,
        idle_power_w=2.0,
        max_time=2 * (problem.max_time or 0),
        links=links,
    )
    checked(linked, solve(linked, "energy", time_limit_s=3))


def test_each_point_of_a_front_gets_its_share_of_the_time() -> None:
    problem = workflow(layered(40), 40, None)
    front = pareto(problem, points=4, time_limit_s=4)
    assert len(front) == 4
    for point in front:
        checked(problem.with_bounds({"time": point.makespan_s}), point)


def test_what_c_code_prints_stays_out_of_standard_output(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with stdout_to_stderr():
        os.write(1, b"repaired a solution\n")
    os.write(1, b"a result\n")
    out, err = capfd.readouterr()
    assert out == "a result\n"
    assert err == "repaired a solution\n"
