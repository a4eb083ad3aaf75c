"""Problems are checked when they are made, with messages that name value and remedy."""

from typing import Any

import numpy as np
import pytest

from flexecutor_energy.errors import ConfigurationError, MissingEnergyError
from flexecutor_energy.optimization import Problem, evaluate, exhaustive, solve

TWO_STAGES: dict[str, Any] = {
    "times": [np.array([1.0, 2.0]), np.array([3.0])],
    "energies": [np.array([5.0, 4.0]), np.array([6.0])],
    "costs": [np.array([0.1, 0.2]), np.array([0.3])],
    "edges": [(0, 1)],
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"times": []}, "no stages"),
        ({"times": [np.array([1.0, np.nan]), np.array([3.0])]}, "candidate 1: nan"),
        ({"times": [np.array([1.0, np.inf]), np.array([3.0])]}, "leave out candidates"),
        ({"energies": [np.array([5.0, -4.0]), np.array([6.0])]}, "candidate 1: -4.0"),
        ({"energies": [np.array([5.0]), np.array([6.0])]}, r"\[1, 1\] candidates per stage"),
        ({"costs": [np.array([]), np.array([0.3])]}, "at least one number"),
        ({"costs": [["a", "b"], [0.3]]}, "not all numbers"),
        ({"edges": [(0, 2)]}, r"edge \(0, 2\) names a stage outside 0…1"),
        ({"edges": [(0, 1), (1, 0)]}, r"cycle through some of the stages \[0, 1\]"),
        ({"max_time": 0}, "max_time=0 must be a finite positive number"),
        ({"max_energy": -1.0}, "max_energy=-1.0"),
        ({"max_cost": float("nan")}, "max_cost=nan"),
        ({"idle_power_w": -1}, "idle_power_w=-1 must be a finite non-negative number"),
        ({"capacity": 4.0}, "needs cores"),
        ({"links": [(0, 0, [1, 2], [1, 2])]}, "two different stages"),
        ({"links": [(0, 1, [1], [1])]}, "1 labels for stage 0, which has 2 candidates"),
        ({"links": [(0, 1, [1, None], [1])]}, "label None must be a number or a text"),
    ],
)
def test_nonsense_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Problem(**{**TWO_STAGES, **change})


def test_a_problem_cannot_be_changed() -> None:
    problem = Problem(**TWO_STAGES)
    with pytest.raises(AttributeError):
        problem.max_time = 3.0  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        problem.times[0][0] = 9.0


def test_repeated_edges_count_once() -> None:
    problem = Problem(**{**TWO_STAGES, "edges": [(0, 1), (0, 1)]})
    assert problem.edges == ((0, 1),)


def test_energy_that_was_not_measured_cannot_be_minimised_or_bounded() -> None:
    unmeasured = Problem(**{**TWO_STAGES, "energies": None})
    for objective in ("energy", "edp"):
        with pytest.raises(MissingEnergyError, match="hold no energy"):
            solve(unmeasured, objective)
    with pytest.raises(MissingEnergyError):
        solve(Problem(**{**TWO_STAGES, "energies": None, "max_energy": 3.0}), "time")
    assert solve(unmeasured, "time").energy_j is None
    assert exhaustive(unmeasured, "cost").cost_usd == pytest.approx(0.4)


def test_costs_that_are_not_known_cannot_be_minimised_or_bounded() -> None:
    unpriced = Problem(**{**TWO_STAGES, "costs": None})
    with pytest.raises(ConfigurationError, match="no costs"):
        solve(unpriced, "cost")
    assert solve(unpriced, "energy").cost_usd is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"objective": "speed"}, "objective 'speed' is not one of energy, time, cost, edp"),
        ({"gap": -0.1}, "gap=-0.1"),
        ({"gap": float("nan")}, "gap=nan"),
        ({"time_limit_s": 0}, "time_limit_s=0"),
        ({"method": "magic"}, "method 'magic'"),
    ],
)
def test_solve_refuses_arguments_that_make_no_sense(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        solve(Problem(**TWO_STAGES), **arguments)


def test_a_choice_outside_the_candidates_is_refused() -> None:
    problem = Problem(**TWO_STAGES)
    with pytest.raises(ConfigurationError, match="candidates 0…1, and 2 was chosen"):
        evaluate(problem, [2, 0])
    with pytest.raises(ConfigurationError, match="3 candidates for 2 stages"):
        evaluate(problem, [0, 0, 0])


def test_totals_add_idle_power_and_host_price_over_the_makespan() -> None:
    problem = Problem(**TWO_STAGES, idle_power_w=10.0, host_price_usd_s=0.5)
    evaluation = evaluate(problem, [1, 0])
    assert evaluation.makespan_s == 5.0
    assert evaluation.energy_j == 4.0 + 6.0 + 10.0 * 5.0
    assert evaluation.cost_usd == pytest.approx(0.2 + 0.3 + 0.5 * 5.0)


def test_slack_and_critical_path_follow_precedence() -> None:
    times = [np.array([t]) for t in (2.0, 5.0, 1.0, 1.0)]
    diamond = Problem(times, None, None, [(0, 1), (0, 2), (1, 3), (2, 3)])
    evaluation = evaluate(diamond, [0, 0, 0, 0])
    assert evaluation.starts_s == (0.0, 2.0, 2.0, 7.0)
    assert evaluation.makespan_s == 8.0
    assert evaluation.critical_path == (0, 1, 3)
    assert evaluation.slack_s == (0.0, 0.0, 4.0, 0.0)


def test_a_capacity_delays_stages_that_do_not_fit_beside_each_other() -> None:
    cores = [np.array([c]) for c in (2.0, 2.0, 1.0)]
    times = [np.array([t]) for t in (4.0, 3.0, 1.0)]
    side_by_side = Problem(times, None, None, [], cores=cores, capacity=3.0)
    evaluation = evaluate(side_by_side, [0, 0, 0])
    assert evaluation.makespan_s == 7.0
    assert evaluation.starts_s[:2] == (0.0, 4.0)
    assert evaluation.critical_path == (0, 1)
    roomy = Problem(times, None, None, [], cores=cores, capacity=5.0)
    assert evaluate(roomy, [0, 0, 0]).makespan_s == 4.0
