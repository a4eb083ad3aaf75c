"""Ditto, Caerus and the naive plans on workflows whose answers can be worked out by hand."""

import numpy as np
import pytest

from flexecutor_energy.optimization import Problem, evaluate, solve
from flexecutor_energy.optimization.objective import Objective
from flexecutor_energy.optimization.schedulers import (
    BestUniform,
    Caerus,
    Default,
    Ditto,
    Greedy,
    Instance,
    Proposal,
    Random,
    Scheduler,
)
from flexecutor_energy.optimization.schedulers.caerus import proportional_shares
from flexecutor_energy.optimization.schedulers.ditto import shares_for_cost, shares_for_time
from flexecutor_energy.optimization.schedulers.space import Space
from flexecutor_energy.optimization.schedulers.speedup import parallel_rows, speed_up, totals
from flexecutor_energy.workflow.config import StageConfig

WORKERS = (1, 2, 4)


def graph(stages: int, *edges: tuple[int, int]) -> Problem:
    return Problem([np.array([1.0])] * stages, None, None, edges)


def chain(objective: Objective = "energy", **bounds: float) -> Instance:
    """Return 16 s and 4 s of work in a row that divide freely; a worker takes one joule."""
    workers = np.array(WORKERS, dtype=float)
    problem = Problem(
        times=[16 / workers, 4 / workers],
        energies=[workers, workers],
        costs=[16 + workers, 4 + workers],
        edges=[(0, 1)],
        **bounds,  # type: ignore[arg-type]
    )
    return Instance(problem, objective, [[StageConfig(1, w) for w in WORKERS]] * 2)


def test_stages_in_a_row_share_by_the_roots_of_their_work() -> None:
    assert shares_for_time(graph(2, (0, 1)), [4.0, 1.0]) == pytest.approx([2 / 3, 1 / 3])
    assert shares_for_time(graph(3, (0, 1), (1, 2)), [9.0, 4.0, 1.0]) == pytest.approx(
        [3 / 6, 2 / 6, 1 / 6]
    )


def test_stages_side_by_side_share_by_their_work_and_act_as_one() -> None:
    shares = shares_for_time(graph(3, (0, 2), (1, 2)), [3.0, 1.0, 4.0])
    assert shares == pytest.approx([3 / 8, 1 / 8, 4 / 8])


def test_several_last_stages_are_side_by_side() -> None:
    assert shares_for_time(graph(2), [3.0, 1.0]) == pytest.approx([3 / 4, 1 / 4])


def test_a_stage_that_several_read_goes_with_the_longest_way() -> None:
    # 0 feeds 1 and 2, 1 feeds 2: the edge from 0 to 2 says nothing that the others do not
    shares = shares_for_time(graph(3, (0, 1), (0, 2), (1, 2)), [1.0, 1.0, 1.0])
    assert shares == pytest.approx([1 / 3] * 3)


def test_no_work_at_all_is_shared_evenly() -> None:
    assert shares_for_time(graph(2, (0, 1)), [0.0, 0.0]) == pytest.approx([1 / 2, 1 / 2])


def test_for_cost_the_graph_makes_no_difference() -> None:
    assert shares_for_cost([1.0, 4.0, 9.0]) == pytest.approx([1 / 6, 2 / 6, 3 / 6])


def test_the_speed_up_law_is_recovered() -> None:
    workers = np.array(WORKERS, dtype=float)
    problem = Problem([12 / workers + 2], [(12 / workers + 2) * 3], None, [])
    space = Space(Instance(problem, "energy", [[StageConfig(1, w) for w in WORKERS]]))
    law = speed_up(space, 0, (1.0, 0))
    assert (law.parallel_s, law.serial_s) == pytest.approx((12.0, 2.0))
    assert law.rate == pytest.approx(3.0)


def test_a_stage_with_one_worker_count_has_nothing_to_share_out() -> None:
    problem = Problem([np.array([9.0, 5.0])], [np.array([1.0, 1.0])], None, [])
    space = Space(Instance(problem, "energy", [[StageConfig(1, 3), StageConfig(2, 3)]]))
    assert speed_up(space, 0, (1.0, 0)).parallel_s == 0
    assert speed_up(space, 0, (1.0, 0)).serial_s == 9.0


def test_each_stage_gets_the_workers_that_its_share_allows() -> None:
    space = Space(chain())
    assert totals(space) == [2, 3, 4, 5, 6, 7, 8]
    assert parallel_rows(space, [2 / 3, 1 / 3], (1.0, 0)).tolist() == [[0, 0], [1, 0], [2, 1]]


def test_ditto_finds_the_best_plan_in_its_ratios() -> None:
    # by roots 2:1, so (1, 1), (2, 1), (4, 2); for cost both rates times work are 7, so equal
    assert Ditto().choose(chain(max_time=10.0)) == Proposal((1, 1), True, 5)


def test_ditto_misses_what_its_ratios_do_not_hold() -> None:
    found = Ditto().choose(chain(max_time=8.0))
    assert found == Proposal((2, 1), True, 5)
    best = solve(chain(max_time=8.0).problem, "energy", gap=0)
    assert best.choice == (2, 0)
    assert evaluate(chain().problem, (2, 1)).energy_j == 6.0 == 1.2 * (best.energy_j or 0)


def test_caerus_shares_in_proportion_to_the_work() -> None:
    instance = chain(max_time=8.0)
    assert proportional_shares(Space(instance), (1.0, 0)) == pytest.approx([0.8, 0.2])
    assert Caerus().choose(instance) == Proposal((2, 0), True, 3)


@pytest.mark.parametrize("scheduler", [Ditto(), Caerus(), BestUniform(), Random()])
def test_a_deadline_that_nothing_keeps_is_not_said_to_be_kept(scheduler: Scheduler) -> None:
    proposal = scheduler.choose(chain(max_time=4.9))
    assert not proposal.kept
    assert proposal.choice is not None


def test_uniform_plans_keep_the_workers_of_stages_that_offer_one_count() -> None:
    instance = chain(max_time=9.0)
    problem = Problem(
        [*instance.problem.times, np.array([1.0, 0.5])],
        [*(instance.problem.energies or ()), np.array([1.0, 2.0])],
        None,
        [(0, 1), (1, 2)],
        max_time=11.0,
    )
    configs = [*instance.configs, [StageConfig(1, 1), StageConfig(2, 1)]]
    found = BestUniform().choose(Instance(problem, "energy", configs))
    assert found == Proposal((1, 1, 0), True, 3)


def test_without_a_common_configuration_there_is_no_uniform_plan() -> None:
    problem = Problem([np.array([1.0, 2.0])] * 2, [np.array([1.0, 2.0])] * 2, None, [])
    configs = [
        [StageConfig(1, 1), StageConfig(1, 2)],
        [StageConfig(2, 1), StageConfig(2, 2)],
    ]
    assert BestUniform().choose(Instance(problem, "energy", configs)) == Proposal(None, False, 0)


def test_the_extremes_take_the_least_of_one_metric_in_every_stage() -> None:
    instance = chain(max_time=10.0)
    assert Greedy("fastest", "time").choose(instance) == Proposal((2, 2), True, 1)
    assert Greedy("cheapest", "cost").choose(instance) == Proposal((0, 0), False, 1)


def test_an_extreme_of_a_metric_that_is_not_known_is_no_plan() -> None:
    problem = Problem([np.array([1.0])], [np.array([1.0])], None, [])
    instance = Instance(problem, "energy", [[StageConfig(1, 1)]])
    assert Greedy("cheapest", "cost").choose(instance).choice is None


def test_the_default_is_taken_as_it_is() -> None:
    bounded = chain(max_time=10.0)
    for default, kept in (((0, 0), False), ((2, 2), True)):
        instance = Instance(bounded.problem, "energy", bounded.configs, default=default)
        assert Default().choose(instance) == Proposal(default, kept, 1)
    assert Default().choose(bounded) == Proposal(None, False, 0)


def test_random_plans_are_the_same_for_the_same_seed() -> None:
    first, again = (Random(plans=3, seed=5).choose(chain()) for _ in range(2))
    assert first == again
    assert Random(plans=200).choose(chain()).choice == (0, 0)
