"""The numbers behind an explanation."""

import numpy as np
import pytest

from flexecutor_energy.optimization import Problem, solve
from flexecutor_energy.optimization.alternatives import (
    alternatives,
    best_uniform,
    extreme,
    with_configs,
)
from flexecutor_energy.optimization.explain import explain, floor

SMALL, LARGE = ("small",), ("large",)


def fan_in() -> tuple[Problem, list[list[tuple[str]]]]:
    """A map stage of 1 or 4 workers, and a reduce stage valued for both of these."""
    problem = Problem(
        times=[np.array([8.0, 3.0]), np.array([4.0, 5.0, 2.0, 3.0])],
        energies=[np.array([10.0, 18.0]), np.array([6.0, 7.0, 9.0, 11.0])],
        costs=[np.array([1.0, 2.0]), np.array([1.0, 1.5, 2.0, 2.5])],
        edges=[(0, 1)],
        links=[(0, 1, [1, 4], [1, 4, 1, 4])],
        max_time=9.0,
    )
    return problem, [[SMALL, LARGE], [SMALL, SMALL, LARGE, LARGE]]


def test_a_runner_up_takes_along_the_fan_in_of_its_neighbours() -> None:
    problem, keys = fan_in()
    solution = solve(problem, "energy", gap=0)
    assert solution.choice == (1, 1)
    explanation = explain(problem, solution, keys)
    assert explanation.runners_up[0] is None  # the small map stage misses the deadline
    second = explanation.runners_up[1]
    assert second is not None
    assert second.evaluation.choice == (1, 3)
    assert second.extra_objective == pytest.approx(4.0)
    assert second.extra_s == pytest.approx(-2.0)


def test_configurations_are_looked_up_with_agreeing_labels() -> None:
    problem, keys = fan_in()
    assert with_configs(problem, keys, [SMALL, LARGE]) == (0, 2)
    assert with_configs(problem, keys, [LARGE, LARGE]) == (1, 3)
    assert with_configs(problem, keys, [LARGE, ("huge",)]) is None


def test_a_binding_bound_has_a_price_and_a_loose_one_has_none() -> None:
    problem, keys = fan_in()
    (tight,) = explain(problem, solve(problem, "energy", gap=0), keys).bounds
    assert tight.metric == "time"
    assert (tight.bound, tight.value) == (9.0, 8.0)
    assert tight.binds
    roomy = problem.with_bounds({"time": 50.0})
    (loose,) = explain(roomy, solve(roomy, "energy", gap=0), keys).bounds
    assert not loose.binds
    assert loose.price == 0
    assert loose.saved_without == 0


def test_the_price_of_a_deadline_is_the_slope_of_the_relaxation() -> None:
    problem = Problem(
        times=[np.array([2.0, 10.0]), np.array([1.0])],
        energies=[np.array([50.0, 10.0]), np.array([3.0])],
        costs=None,
        edges=[(0, 1)],
        max_time=10.5,
    )
    (use,) = explain(problem, solve(problem, "energy", gap=0)).bounds
    assert use.price == pytest.approx(5.0)  # 40 J for 8 s
    assert use.saved_without == pytest.approx(40.0)


def test_a_bound_binds_also_where_the_next_candidate_is_far_beyond_it() -> None:
    problem = Problem([np.array([2.0, 10.0])], [np.array([50.0, 10.0])], None, [], max_time=6.0)
    (use,) = explain(problem, solve(problem, "energy", gap=0)).bounds
    assert use.binds
    assert use.saved_without == pytest.approx(40.0)


def test_the_floor_ignores_bounds_and_links() -> None:
    problem, _ = fan_in()
    assert floor(problem, "energy") == 10.0 + 6.0
    assert floor(problem, "time") == 3.0 + 2.0
    assert floor(problem, "edp") is None
    idling = Problem(problem.times, problem.energies, None, problem.edges, idle_power_w=2.0)
    assert floor(idling, "energy") == 10.0 + 6.0 + 2.0 * 5.0


def test_the_share_of_the_saving_is_measured_against_the_floor() -> None:
    problem, keys = fan_in()
    explanation = explain(problem, solve(problem, "energy", gap=0), keys)
    assert explanation.share_of_saving(25.0, 34.0) == pytest.approx(0.5)
    assert explanation.share_of_saving(25.0, 16.0) is None


def test_the_best_uniform_plan_keeps_bounds_and_single_options() -> None:
    problem, keys = fan_in()
    uniform = best_uniform(problem, "energy", keys)
    assert uniform is not None
    assert uniform.choice == (1, 3)
    only_small = [[SMALL, SMALL], keys[1]]
    assert best_uniform(problem, "energy", only_small) is None  # all small misses the deadline
    apart = [[("a",), ("b",)], [("c",), ("d",), ("e",), ("f",)]]
    assert best_uniform(problem, "energy", apart) is None


def test_alternatives_hold_default_extremes_and_uniform() -> None:
    problem, keys = fan_in()
    found = {a.name: a for a in alternatives(problem, "energy", keys, default=(0, 0))}
    assert list(found) == ["default", "fastest", "cheapest", "best uniform"]
    assert found["default"].broken == ("max_time=9 is exceeded by 12",)
    assert found["fastest"].evaluation.makespan_s == 6.0
    assert found["cheapest"].evaluation.cost_usd == pytest.approx(3.5)
    assert not found["fastest"].broken


def test_an_extreme_of_an_unknown_metric_is_none() -> None:
    problem, _ = fan_in()
    unpriced = Problem(problem.times, problem.energies, None, problem.edges)
    assert extreme(unpriced, "cost") is None
    assert extreme(unpriced, "time") is not None
