"""What must hold for every problem: solver against oracle, bounds, certificates, pruning."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flexecutor_energy.errors import GapError, InfeasibleError
from flexecutor_energy.optimization import (
    Problem,
    exhaustive,
    pareto,
    solve,
)
from flexecutor_energy.optimization.approach import Method
from flexecutor_energy.optimization.model import LinearProgram
from flexecutor_energy.optimization.objective import Objective, Weights, tie_breaks
from flexecutor_energy.optimization.problem import METRICS, Metric
from flexecutor_energy.optimization.prune import prune
from flexecutor_energy.optimization.schedule import Evaluation, evaluate, violations
from flexecutor_energy.optimization.verify import Exact, verify
from tests.optimization_problems import CLOSE, OBJECTIVES, outcome, problems, totals


@pytest.mark.parametrize("method", ["enumeration", "relaxation", "milp"])
@pytest.mark.parametrize("objective", OBJECTIVES)
@settings(deadline=None, max_examples=25)
@given(problem=problems())
def test_the_solver_equals_the_oracle(
    problem: Problem, objective: Objective, method: Method
) -> None:
    try:
        expected = exhaustive(problem, objective)
    except InfeasibleError as error:
        with pytest.raises(InfeasibleError) as caught:
            solve(problem, objective, gap=0, method=method)
        assert caught.value.bound == error.bound
        if error.bound != "links":
            assert caught.value.attainable == pytest.approx(error.attainable, rel=CLOSE)
        return
    solution = solve(problem, objective, gap=0, method=method)
    if method == "enumeration":  # the others leave some ties as they are
        assert totals(solution) == pytest.approx(totals(expected), rel=CLOSE)
    assert not violations(problem, evaluate(problem, solution.choice))
    certificate, optimum = solution.certificate, expected.certificate.objective
    assert certificate.kind == "optimal"
    assert certificate.objective == pytest.approx(optimum, rel=CLOSE)
    assert certificate.lower_bound <= optimum * (1 + CLOSE)
    assert certificate.proved_bound <= optimum * (1 + CLOSE)
    assert verify(problem.to_data(), solution.choice, certificate).ok


@settings(deadline=None, max_examples=40)
@given(problem=problems(), objective=st.sampled_from(OBJECTIVES), gap=st.sampled_from([0.02, 0.3]))
def test_a_gap_is_kept_and_its_bound_is_true(
    problem: Problem, objective: Objective, gap: float
) -> None:
    expected = outcome(problem, objective)
    assume(expected is not None)
    assert expected is not None
    certificate = solve(problem, objective, gap=gap, method="milp").certificate
    optimum = expected.certificate.objective
    assert certificate.lower_bound <= optimum * (1 + CLOSE)
    assert certificate.objective <= certificate.lower_bound / (1 - gap) * (1 + CLOSE)


@settings(deadline=None, max_examples=40)
@given(
    problem=problems(choices=200),
    objective=st.sampled_from(OBJECTIVES),
    metric=st.sampled_from(METRICS),
    factor=st.floats(1.0, 3.0),
)
def test_loosening_a_bound_never_worsens_the_optimum(
    problem: Problem, objective: Objective, metric: Metric, factor: float
) -> None:
    bound = problem.bound(metric)
    assume(bound is not None)
    assert bound is not None
    tight = outcome(problem, objective)
    for easier in (bound * factor, None):
        loose = problem.with_bounds({metric: easier})
        if tight is not None:
            found = solve(loose, objective, gap=0).certificate.objective
            assert found <= tight.certificate.objective * (1 + CLOSE)


@settings(deadline=None, max_examples=40)
@given(problem=problems(choices=200), objective=st.sampled_from(OBJECTIVES), seed=st.integers())
def test_the_order_of_stages_changes_no_value(
    problem: Problem, objective: Objective, seed: int
) -> None:
    expected = outcome(problem, objective)
    assume(expected is not None)
    assert expected is not None and problem.energies is not None and problem.costs is not None
    order = [int(i) for i in np.random.default_rng(abs(seed)).permutation(len(problem.times))]
    place = {old: new for new, old in enumerate(order)}
    shuffled = replace(
        problem,
        times=[problem.times[i] for i in order],
        energies=[problem.energies[i] for i in order],
        costs=[problem.costs[i] for i in order],
        edges=[(place[i], place[j]) for i, j in problem.edges],
        links=[
            (place[link.parent], place[link.child], link.parent_labels, link.child_labels)
            for link in problem.couplings
        ],
    )
    assert totals(solve(shuffled, objective, gap=0)) == pytest.approx(totals(expected), rel=CLOSE)


def restricted(problem: Problem, kept: list[np.ndarray]) -> Problem:
    """Return the problem in which the kept candidates are all there are."""
    assert problem.energies is not None and problem.costs is not None
    return replace(
        problem,
        times=[row[own] for row, own in zip(problem.times, kept, strict=True)],
        energies=[row[own] for row, own in zip(problem.energies, kept, strict=True)],
        costs=[row[own] for row, own in zip(problem.costs, kept, strict=True)],
        links=[
            (
                link.parent,
                link.child,
                [link.parent_labels[c] for c in kept[link.parent]],
                [link.child_labels[c] for c in kept[link.child]],
            )
            for link in problem.couplings
        ],
    )


@settings(deadline=None, max_examples=80)
@given(problem=problems(choices=200), objective=st.sampled_from(OBJECTIVES))
def test_pruning_keeps_an_optimum_and_its_ties(problem: Problem, objective: Objective) -> None:
    expected = outcome(problem, objective)
    assume(expected is not None)
    assert expected is not None
    kept = [np.array(own) for own in prune(problem, objective, tie_breaks(problem, objective))]
    assert totals(exhaustive(restricted(problem, kept), objective)) == totals(expected)


def test_pruning_across_labels_would_lose_optima() -> None:
    lost = 0
    generator = np.random.default_rng(7)
    for _ in range(100):
        values = generator.integers(1, 20, (2, 3, 6)).astype(float)
        labels = generator.integers(1, 3, (2, 6))
        problem = Problem(
            list(values[:, 0]),
            list(values[:, 1]),
            list(values[:, 2]),
            [(0, 1)],
            links=[(0, 1, labels[0].tolist(), labels[1].tolist())],
        )
        best = outcome(problem, "energy")
        order = tie_breaks(problem, "energy")
        blind = [np.array(own) for own in prune(replace(problem, links=()), "energy", order)]
        found = outcome(restricted(problem, blind), "energy")
        if best is not None and (found is None or totals(found) != totals(best)):
            lost += 1
    assert lost > 10


@settings(deadline=None, max_examples=150)
@given(data=st.data(), problem=problems(choices=200), metric=st.sampled_from(METRICS))
def test_no_multipliers_at_all_prove_more_than_the_optimum(
    data: st.DataObject, problem: Problem, metric: Metric
) -> None:
    expected = outcome(problem, metric)
    assume(expected is not None)
    assert expected is not None
    solved = solve(problem, metric).certificate.multipliers[0]
    factor = st.sampled_from([0.0, 0.5, 1.0, 1.0, 2.0])
    shift = st.sampled_from([-5.0, 0.0, 0.0, 1.0, 7.0])
    multipliers = replace(
        solved,
        flow=tuple((i, j, phi * data.draw(factor)) for i, j, phi in solved.flow),
        time_bound=solved.time_bound * data.draw(factor),
        energy_bound=solved.energy_bound * data.draw(factor),
        cost_bound=solved.cost_bound * data.draw(factor),
        links=tuple(
            tuple((label, dict(prices).get(label, 0.0) + data.draw(shift)) for label in (1, 2))
            for prices in solved.links
        ),
    )
    exact = Exact(problem.to_data())
    assert exact.flaw(metric, multipliers) is None
    proved = exact.proved_bound(metric, [multipliers])
    assert proved <= Fraction(expected.certificate.objective) * (1 + Fraction(1, 10**9))


@settings(deadline=None, max_examples=80)
@given(problem=problems(choices=200), metric=st.sampled_from(METRICS))
def test_the_multipliers_prove_all_of_the_linear_relaxation(
    problem: Problem, metric: Metric
) -> None:
    kept = prune(problem, metric, tie_breaks(problem, metric))
    assume(all(len(own) for own in kept))
    relaxed = LinearProgram(problem, kept).relax(Weights.of(metric), 60.0)
    assume(relaxed is not None)
    assert relaxed is not None
    proved = Exact(problem.to_data()).proved_bound(metric, [relaxed.multipliers])
    assert float(proved) == pytest.approx(relaxed.bound, rel=1e-6, abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(
    problem=problems(choices=200),
    objective=st.sampled_from(OBJECTIVES),
    share=st.floats(1.001, 2.0),
    field=st.sampled_from(["proved_bound", "lower_bound", "solver_claimed"]),
)
def test_a_bound_raised_above_the_optimum_is_rejected(
    problem: Problem, objective: Objective, share: float, field: str
) -> None:
    expected = outcome(problem, objective)
    assume(expected is not None and expected.certificate.objective > 0)
    assert expected is not None
    solution = solve(problem, objective, gap=0)
    raised = {field: solution.certificate.objective * share}
    forged = replace(solution.certificate, **raised)  # type: ignore[arg-type]
    verification = verify(problem.to_data(), solution.choice, forged)
    assert not verification.ok
    assert verification.proved_bound <= expected.certificate.objective * (1 + CLOSE)


@settings(deadline=None, max_examples=40)
@given(problem=problems(stages=4, candidates=4, choices=100), cut=st.floats(0.5, 1.0))
def test_a_claim_that_makes_a_worse_plan_look_optimal_is_refuted(
    problem: Problem, cut: float
) -> None:
    worst = max(
        (plan for plan in all_plans(problem) if not violations(problem, plan)),
        key=lambda plan: plan.value("energy"),
        default=None,
    )
    best = outcome(problem, "energy")
    assume(worst is not None and best is not None)
    assert worst is not None and best is not None
    value, optimum = worst.value("energy"), best.certificate.objective
    claim = optimum + cut * (value - optimum)
    assume(claim > optimum * (1 + 1e-6))
    forged = replace(
        solve(problem, "energy", gap=0).certificate,
        objective=value,
        lower_bound=claim,
        solver_claimed=claim,
    )
    verification = verify(problem.to_data(), worst.choice, forged)
    assert not verification.ok
    assert any("is below it" in line for line in verification.problems)


def all_plans(problem: Problem) -> list[Evaluation]:
    ranges = np.indices(problem.sizes).reshape(len(problem.sizes), -1).T
    return [evaluate(problem, row) for row in ranges.tolist()]


@settings(deadline=None, max_examples=25)
@given(problem=problems(stages=4, choices=150))
def test_the_front_is_exactly_what_no_plan_beats(problem: Problem) -> None:
    plans = [plan for plan in all_plans(problem) if not violations(problem, plan)]
    assume(plans and min(plan.makespan_s for plan in plans) > 0)
    expected: list[tuple[float, float]] = []
    for plan in sorted(plans, key=lambda plan: (plan.makespan_s, plan.value("energy"))):
        if not expected or plan.value("energy") < expected[-1][1] * (1 - CLOSE):
            expected.append((plan.makespan_s, plan.value("energy")))
    front = pareto(problem, points=None, gap=0)
    found = [(point.makespan_s, point.energy_j) for point in front]
    assert len(found) == len(expected)
    for pair, right in zip(found, expected, strict=True):
        assert pair == pytest.approx(right, rel=CLOSE)
    for point in front:
        at_its_time = problem.with_bounds({"time": point.makespan_s})
        assert point.certificate.kind == "optimal"
        assert verify(at_its_time.to_data(), point.choice, point.certificate).ok


@settings(deadline=None, max_examples=60)
@given(
    problem=problems(stages=4, candidates=3, choices=60),
    objective=st.sampled_from(OBJECTIVES),
    capacity=st.integers(4, 9),
    seed=st.integers(0, 1000),
    method=st.sampled_from(["enumeration", "milp"]),
)
def test_under_a_capacity_the_bound_holds_and_the_plan_can_be_kept(
    problem: Problem, objective: Objective, capacity: int, seed: int, method: Method
) -> None:
    generator = np.random.default_rng(seed)
    crowded = replace(
        problem,
        capacity=float(capacity),
        cores=[generator.integers(1, 5, len(row)).astype(float) for row in problem.times],
    )
    expected = outcome(crowded, objective)
    assume(expected is not None)
    assert expected is not None
    try:
        solution = solve(crowded, objective, gap=0, method=method)
    except GapError:
        return  # a schedule exists, but list scheduling did not find it
    optimum = expected.certificate.objective
    assert solution.certificate.objective >= optimum * (1 - CLOSE)
    assert solution.certificate.lower_bound <= optimum * (1 + CLOSE)
    assert solution.certificate.proved_bound <= optimum * (1 + CLOSE)
    assert verify(crowded.to_data(), solution.choice, solution.certificate).ok
