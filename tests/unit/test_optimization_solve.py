"""Small instances whose answers can be checked by hand."""

import numpy as np
import pytest

from flexecutor_energy.errors import ConfigurationError, GapError, InfeasibleError
from flexecutor_energy.optimization import Problem, Solution, exhaustive, pareto, solve, verify
from flexecutor_energy.optimization.approach import Method
from flexecutor_energy.optimization.objective import Objective


def chain(**bounds: float) -> Problem:
    """Two stages in a row, each fast and hungry or slow and frugal."""
    return Problem(
        times=[np.array([1.0, 4.0]), np.array([2.0, 5.0])],
        energies=[np.array([30.0, 10.0]), np.array([25.0, 20.0])],
        costs=[np.array([3.0, 1.0]), np.array([1.0, 2.0])],
        edges=[(0, 1)],
        **bounds,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("method", ["auto", "milp"])
@pytest.mark.parametrize(
    ("objective", "bounds", "choice"),
    [
        ("energy", {}, (1, 1)),
        ("energy", {"max_time": 6.0}, (1, 0)),
        ("energy", {"max_time": 3.5}, (0, 0)),
        ("energy", {"idle_power_w": 10.0}, (0, 0)),
        ("energy", {"max_cost": 2.5}, (1, 0)),
        ("time", {}, (0, 0)),
        ("time", {"max_energy": 40.0}, (1, 0)),
        ("cost", {}, (1, 0)),
        ("cost", {"host_price_usd_s": 1.0}, (0, 0)),
        ("edp", {}, (0, 0)),
    ],
)
def test_the_best_choice_is_found(
    objective: Objective, bounds: dict[str, float], choice: tuple[int, int], method: Method
) -> None:
    solution = solve(chain(**bounds), objective, gap=0, method=method)
    assert solution.choice == choice
    assert solution.certificate.kind == "optimal"


def test_a_bound_met_exactly_is_kept() -> None:
    fastest = solve(chain(), "time").makespan_s
    assert solve(chain(max_time=fastest), "energy").makespan_s == fastest


@pytest.mark.parametrize("method", ["enumeration", "milp"])
def test_stages_off_the_critical_path_are_slowed_down_for_energy(method: Method) -> None:
    problem = Problem(
        times=[np.array([9.0]), np.array([1.0, 8.0, 10.0])],
        energies=[np.array([1.0]), np.array([9.0, 3.0, 1.0])],
        costs=[np.array([1.0]), np.array([1.0, 1.0, 1.0])],
        edges=[],
    )
    solution = solve(problem, "time", gap=0, method=method)
    assert solution.makespan_s == 9.0
    assert solution.choice == (0, 1)


def test_ties_fall_to_the_next_metric_and_then_to_the_smaller_index() -> None:
    problem = Problem(
        times=[np.array([3.0, 2.0, 2.0, 2.0])],
        energies=[np.array([5.0, 5.0, 5.0, 5.0])],
        costs=[np.array([1.0, 2.0, 1.5, 1.5])],
        edges=[],
    )
    assert solve(problem, "energy").choice == (2,)
    assert solve(problem, "cost").choice == (0,)
    assert exhaustive(problem, "energy").choice == (2,)


def test_a_link_keeps_the_worse_candidate_that_its_neighbour_needs() -> None:
    problem = Problem(
        times=[np.array([1.0, 2.0]), np.array([5.0, 1.0])],
        energies=[np.array([1.0, 2.0]), np.array([100.0, 1.0])],
        costs=None,
        edges=[(0, 1)],
        links=[(0, 1, ["few", "many"], ["few", "many"])],
    )
    assert solve(problem, "energy", gap=0).choice == (1, 1)
    assert solve(problem, "energy", gap=0, method="milp").choice == (1, 1)


@pytest.mark.parametrize("method", ["enumeration", "milp"])
def test_an_impossible_deadline_names_the_fastest_plan(method: Method) -> None:
    with pytest.raises(InfeasibleError, match=r"max_time=2 s.*best attainable is 3 s") as caught:
        solve(chain(max_time=2.0), "energy", method=method)
    error = caught.value
    assert (error.bound, error.value, error.attainable) == ("max_time", 2.0, 3.0)
    assert isinstance(error.plan, Solution)
    assert error.plan.choice == (0, 0)
    assert error.plan.certificate.objective_name == "time"


def test_the_attainable_value_respects_the_other_bounds() -> None:
    with pytest.raises(InfeasibleError, match="while max_energy=40 holds") as caught:
        solve(chain(max_time=5.5, max_energy=40.0), "cost")
    assert caught.value.bound == "max_time"
    assert caught.value.attainable == 6.0


def test_the_bound_that_is_missed_by_least_is_named() -> None:
    with pytest.raises(InfeasibleError) as caught:
        solve(chain(max_time=3.0, max_energy=54.0), "cost")
    assert caught.value.bound == "max_energy"
    assert caught.value.attainable == 55.0


def test_bounds_that_are_impossible_each_say_so() -> None:
    with pytest.raises(InfeasibleError, match="even that only without max_energy") as caught:
        solve(chain(max_time=1.0, max_energy=1.0), "cost")
    assert caught.value.bound == "max_time"
    assert caught.value.attainable == 3.0


def test_links_without_a_common_label_are_named() -> None:
    problem = Problem(
        [np.array([1.0]), np.array([1.0])], None, None, [(0, 1)], links=[(0, 1, [2], [3])]
    )
    with pytest.raises(InfeasibleError, match="link 0 excludes every plan") as caught:
        solve(problem, "time")
    assert caught.value.bound == "links"
    assert caught.value.plan is None


def test_links_that_exclude_each_other_only_together_are_named() -> None:
    ones = [np.array([1.0, 1.0]), np.array([1.0, 1.0]), np.array([1.0, 1.0])]
    links = [(0, 1, [1, 2], [1, 2]), (0, 2, [1, 2], [1, 2]), (1, 2, [1, 2], [2, 1])]
    problem = Problem(ones, None, None, [(0, 1), (1, 2)], links=links)
    for method in ("enumeration", "milp"):
        with pytest.raises(InfeasibleError, match="3 links together") as caught:
            solve(problem, "time", method=method)
        assert caught.value.bound == "links"


def test_a_stage_larger_than_the_hosts_is_named() -> None:
    problem = Problem([np.array([1.0])], None, None, [], cores=[np.array([8.0])], capacity=4.0)
    with pytest.raises(InfeasibleError, match="at least 8 cores") as caught:
        solve(problem, "time")
    assert caught.value.bound == "capacity"


def test_a_deadline_that_only_an_unknown_schedule_could_keep_is_undecided() -> None:
    # 3 + 3 beside 2 + 2 + 2 takes 6 s on two cores; starting the longest first takes 7 s
    times = [np.array([t]) for t in (3.0, 3.0, 2.0, 2.0, 2.0)]
    cores = [np.array([1.0])] * 5
    problem = Problem(times, None, None, [], max_time=6.0, cores=cores, capacity=2.0)
    assert exhaustive(problem, "time").makespan_s == 6.0
    with pytest.raises(GapError, match="list scheduling"):
        solve(problem, "time")


def test_enumeration_of_too_many_choices_is_refused() -> None:
    generator = np.random.default_rng(1)
    many = [generator.uniform(1, 9, 40) for _ in range(8)]
    hungry = [90 / row + generator.uniform(0, 5, 40) for row in many]
    problem = Problem(many, hungry, None, [(i, i + 1) for i in range(7)], max_time=30.0)
    with pytest.raises(ConfigurationError, match="too many for method='enumeration'"):
        solve(problem, "energy", method="enumeration")


def test_no_time_at_all_is_an_honest_error_or_an_honest_plan() -> None:
    generator = np.random.default_rng(2)
    many = [generator.uniform(1, 9, 30) for _ in range(40)]
    hungry = [90 / row + generator.uniform(0, 5, 30) for row in many]
    edges = [(i, j) for i in range(40) for j in range(i + 1, min(i + 4, 40))]
    problem = Problem(many, hungry, None, edges, max_time=150.0)
    try:
        solution = solve(problem, "energy", gap=0, time_limit_s=0.02)
    except GapError as error:
        assert "time_limit_s" in str(error)
    else:
        assert solution.makespan_s <= 150.0 * (1 + 1e-9)
        assert solution.certificate.lower_bound <= solution.certificate.objective


def test_four_stages_of_24_configurations_are_solved_to_a_gap_of_exactly_zero() -> None:
    generator = np.random.default_rng(3)
    times = [generator.uniform(1, 60, 24) for _ in range(4)]
    energies = [500 / row + generator.uniform(0, 20, 24) for row in times]
    costs = [generator.uniform(0, 1e-4, 24) for _ in range(4)]
    problem = Problem(times, energies, costs, [(0, 1), (0, 2), (1, 3), (2, 3)], max_time=60.0)
    for objective in ("energy", "time", "cost", "edp"):
        certificate = solve(problem, objective, gap=0).certificate
        assert certificate.kind == "optimal"
        assert certificate.gap == 0


def test_microdollars_are_solved_as_exactly_as_joules() -> None:
    generator = np.random.default_rng(4)
    times = [generator.uniform(1, 20, 6) for _ in range(4)]
    costs = [(5 / row + generator.uniform(0, 1, 6)) * 1e-7 for row in times]
    problem = Problem(times, None, costs, [(0, 1), (1, 2), (2, 3)], max_time=40.0)
    by_solver = solve(problem, "cost", gap=0, method="milp")
    by_trying = exhaustive(problem, "cost")
    assert by_solver.cost_usd == pytest.approx(by_trying.cost_usd, rel=1e-9, abs=0)
    tight = problem.with_bounds({"cost": by_trying.cost_usd, "time": None})
    assert solve(tight, "time", gap=0, method="milp").makespan_s == pytest.approx(
        exhaustive(tight, "time").makespan_s, rel=1e-9
    )


def test_the_front_runs_from_the_fastest_to_the_most_frugal_plan() -> None:
    front = pareto(chain(), points=None, gap=0)
    assert [(point.makespan_s, point.energy_j) for point in front] == [
        (3.0, 55.0),
        (6.0, 35.0),
        (9.0, 30.0),
    ]
    for point in front:
        bounded = chain(max_time=point.makespan_s)
        assert verify(bounded.to_data(), point.choice, point.certificate).ok


def test_the_front_trades_cost_where_no_energy_is_known() -> None:
    unmeasured = Problem(chain().times, None, chain().costs, [(0, 1)])
    assert [(p.makespan_s, p.cost_usd) for p in pareto(unmeasured)] == [(3.0, 4.0), (6.0, 2.0)]


def test_the_front_has_as_many_points_as_asked_for() -> None:
    generator = np.random.default_rng(5)
    times = [generator.uniform(1, 60, 20) for _ in range(3)]
    energies = [500 / row for row in times]
    problem = Problem(times, energies, None, [(0, 1), (1, 2)])
    front = pareto(problem, points=7)
    assert len(front) == 7
    assert front[0].makespan_s == solve(problem, "time").makespan_s
    assert front[-1].energy_j == solve(problem, "energy").energy_j
    with pytest.raises(ConfigurationError, match="points=1"):
        pareto(problem, points=1)
