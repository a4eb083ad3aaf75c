"""Orion and Jolteon on workflows whose answers can be worked out by hand."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from flexecutor_energy.optimization import Problem, evaluate
from flexecutor_energy.optimization.objective import Objective
from flexecutor_energy.optimization.schedulers import Instance, Jolteon, Orion, Proposal
from flexecutor_energy.optimization.schedulers.jolteon import rounded_up
from flexecutor_energy.optimization.schedulers.relaxation import Relaxation, paths, undominated
from flexecutor_energy.optimization.schedulers.space import Space
from flexecutor_energy.optimization.schedulers.surface import fit_times
from flexecutor_energy.workflow.config import StageConfig

SIZES = [StageConfig(cpu, 1) for cpu in (1, 2, 4)]
GRID = [StageConfig(cpu, workers) for cpu, workers in itertools.product((1, 2, 4), (1, 2, 4))]


def two_sizes(objective: Objective = "energy", **bounds: float) -> Instance:
    """Return 8 s and 2 s of work in a row, on workers of 1, 2 or 4 cores."""
    problem = Problem(
        times=[np.array([8.0, 4.0, 2.0]), np.array([2.0, 1.0, 0.5])],
        energies=[np.array([1.0, 2.0, 4.0]), np.array([1.0, 1.5, 4.0])],
        costs=None,
        edges=[(0, 1)],
        **bounds,  # type: ignore[arg-type]
    )
    return Instance(problem, objective, [SIZES, SIZES])


def test_orion_stops_at_the_smallest_sizes_if_they_meet_the_target() -> None:
    assert Orion().choose(two_sizes(max_time=10.0)) == Proposal((0, 0), True, 1)


def test_orion_goes_on_from_the_state_nearest_to_its_target() -> None:
    # 10 s at first; then 6 and 9 s, of which 6 is nearer; from there 4 and 5 s; 4 is enough
    assert Orion().choose(two_sizes(max_time=4.0)) == Proposal((2, 0), True, 5)


def test_orion_says_when_its_target_is_out_of_reach() -> None:
    assert Orion().choose(two_sizes(max_time=2.0)) == Proposal((2, 2), False, 9)


def test_orion_gives_up_when_its_states_are_spent() -> None:
    found = Orion(states=3).choose(two_sizes(max_time=2.0))
    assert (found.kept, found.tried) == (False, 3)


def test_orion_without_a_target_walks_on_for_the_objective() -> None:
    assert Orion().choose(two_sizes("time")) == Proposal((2, 2), True, 9)


def test_orion_meets_its_target_in_the_share_of_draws_that_was_asked_for() -> None:
    asked = two_sizes(max_time=10.0)
    factors = np.array([1.0] * 9 + [1.5])[:, None]
    draws = [times[None, :] * factors for times in asked.problem.times]
    for confidence, choice in ((0.9, (0, 0)), (0.95, (1, 0))):
        instance = Instance(asked.problem, "energy", asked.configs, draws, confidence)
        found = Orion().choose(instance)
        assert (found.choice, found.kept) == (choice, True)


def square(**bounds: float) -> Instance:
    """Return one stage of 16 s of work, whose joules are its cores a worker plus its workers."""
    cpu = np.array([config.cpu for config in GRID])
    workers = np.array([float(config.workers) for config in GRID])
    problem = Problem([16 / (cpu * workers)], [cpu + workers], None, [], **bounds)  # type: ignore[arg-type]
    return Instance(problem, "energy", [GRID])


def test_surfaces_of_a_law_with_their_terms_are_exact() -> None:
    values, gradients = fit_times(Space(square())).at(np.log([3.0, 2.0]))
    assert values == pytest.approx([16 / 6])
    assert gradients == pytest.approx(np.array([[-16 / 6, -16 / 6]]))


def test_surfaces_know_how_many_workers_the_parents_ran() -> None:
    few, many = StageConfig(1, 1), StageConfig(1, 4)
    problem = Problem(
        times=[np.array([1.0, 1.0]), np.array([3.0, 12.0])],
        energies=None,
        costs=None,
        edges=[(0, 1)],
        links=[(0, 1, [1, 4], [1, 4])],
    )
    space = Space(Instance(problem, "time", [[few, many], [few, few]]))
    point = np.log([1.0, 1.0, 2.0, 1.0])  # two workers in the parent
    assert fit_times(space).at(point)[0][1] == pytest.approx(6.0)


def test_the_relaxation_finds_the_continuous_optimum() -> None:
    # cores × workers ≥ 4 for 4 s, and the sum of both is least where they are equal
    relaxed = Relaxation(Space(square(max_time=4.0))).solve()
    assert relaxed.cores == pytest.approx([2.0], rel=1e-3)
    assert relaxed.workers == pytest.approx([2.0], rel=1e-3)
    assert relaxed.loosened == 1.0


def test_the_relaxation_keeps_the_deadline_in_every_draw() -> None:
    asked = square(max_time=4.0)
    draws = [asked.problem.times[0][None, :] * np.array([[0.5], [1.0], [1.96]])]
    instance = Instance(asked.problem, "energy", asked.configs, draws)
    relaxed = Relaxation(Space(instance)).solve()
    assert relaxed.cores * relaxed.workers == pytest.approx([7.84], rel=1e-3)


def test_the_relaxation_loosens_a_deadline_that_it_cannot_keep() -> None:
    relaxed = Relaxation(Space(square(max_time=0.9))).solve()
    assert relaxed.loosened == pytest.approx(1.05**3)  # 16 cores together take one second


def test_rounding_goes_up_where_it_can() -> None:
    assert GRID[rounded_up(GRID, 1.1, 2.0)] == StageConfig(2, 2)
    assert GRID[rounded_up(GRID, 0.9, 3.0)] == StageConfig(1, 4)
    assert GRID[rounded_up(GRID, 9.0, 1.2)] == StageConfig(4, 1)


def test_jolteon_takes_the_rounded_optimum_or_better() -> None:
    found = Jolteon().choose(square(max_time=4.0))
    assert found.choice == (GRID.index(StageConfig(2, 2)),)
    assert found.kept


def test_jolteon_probes_for_a_plan_that_keeps_the_bound() -> None:
    # the smooth law says 4 s for (2, 2), the table 4.5 s; a step on, 6 J keep the bound, and from
    # there, in a round of its own, 5 J do
    asked = square(max_time=4.2)
    times = asked.problem.times[0].copy()
    times[GRID.index(StageConfig(2, 2))] = 4.5
    slower = replace(asked.problem, times=[times])
    instance = Instance(slower, "energy", [GRID])
    rounded = Jolteon(depth=0).choose(instance)
    assert rounded == Proposal((GRID.index(StageConfig(2, 2)),), False, 1)
    probed = Jolteon(depth=1).choose(instance)
    assert probed.kept
    assert evaluate(slower, probed.choice or ()).energy_j == 5.0


def test_jolteon_says_when_nothing_in_reach_keeps_the_bound() -> None:
    found = Jolteon().choose(square(max_time=0.9))
    assert found.choice == (GRID.index(StageConfig(4, 4)),)
    assert not found.kept


def test_probing_stops_at_its_number_of_plans() -> None:
    assert Jolteon(probes=3).choose(square(max_time=4.0)).tried == 3


def test_every_path_is_found() -> None:
    problem = Problem([np.array([1.0])] * 4, None, None, [(0, 1), (0, 2), (1, 3)])
    assert sorted(paths(problem).tolist()) == [[1, 0, 1, 0], [1, 1, 0, 1]]


def test_rows_that_others_exceed_everywhere_are_left_out() -> None:
    rows = np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 1.0], [2.0, 1.0], [0.5, 2.0]])
    assert sorted(undominated(rows).tolist()) == [[1.0, 2.0], [2.0, 1.0]]
