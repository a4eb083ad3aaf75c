"""Blocks, hulls, windows and neighbourhoods change how fast the optimum is found, never what."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Literal

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flexecutor_energy.errors import InfeasibleError
from flexecutor_energy.optimization import Link, Multipliers, Problem, solve, verify
from flexecutor_energy.optimization.blocks import arrange
from flexecutor_energy.optimization.contract import contract
from flexecutor_energy.optimization.deadline import Deadline
from flexecutor_energy.optimization.frontier import Points, thinned, undominated
from flexecutor_energy.optimization.hull import hulls
from flexecutor_energy.optimization.model import LinearProgram
from flexecutor_energy.optimization.neighbourhood import improvements
from flexecutor_energy.optimization.objective import Weights, tie_breaks
from flexecutor_energy.optimization.problem import METRICS, Metric
from flexecutor_energy.optimization.prune import prune
from flexecutor_energy.optimization.schedule import evaluate, violations
from flexecutor_energy.optimization.verify import Exact
from tests.optimization_problems import CLOSE, forks, outcome, problems, totals

KINDS: tuple[Literal["series", "parallel"], ...] = ("series", "parallel")


def contracted_optimum(problem: Problem, blind: bool = False) -> float | None:
    """Return the least energy over the blocks; blind leaves out the links until the end."""
    kept = prune(problem, "energy", tie_breaks(problem, "energy"))
    if not all(len(own) for own in kept):
        return None
    blocks = contract(replace(problem, links=()) if blind else problem, "energy", kept)
    if blocks is None:
        return None
    ranges = np.indices(blocks.problem.sizes).reshape(len(blocks.blocks), -1).T
    plans = [evaluate(problem, blocks.expanded(row)) for row in ranges.tolist()]
    return min((p.value("energy") for p in plans if not violations(problem, p)), default=None)


@settings(deadline=None, max_examples=80)
@given(problem=forks())
def test_blocks_keep_an_optimum_with_its_labels(problem: Problem) -> None:
    kept = prune(problem, "energy", tie_breaks(problem, "energy"))
    assume(all(len(own) for own in kept) and contract(problem, "energy", kept) is not None)
    best = outcome(problem, "energy")
    found = contracted_optimum(problem)
    assert found == (None if best is None else pytest.approx(best.energy_j, rel=CLOSE))


def test_blocks_that_forget_labels_would_lose_optima() -> None:
    lost = 0
    generator = np.random.default_rng(3)
    for _ in range(60):
        times, energies = generator.integers(1, 20, (2, 4, 5)).astype(float)
        own, fan_in = generator.integers(1, 3, (2, 4, 5)).tolist()
        edges = [(0, 1), (0, 2), (1, 3), (2, 3)]
        links = [(i, j, own[i], fan_in[j]) for i, j in edges[:2]]
        problem = Problem(list(times), list(energies), None, edges, links=links)
        best = outcome(problem, "energy")
        if best is not None:
            assert contracted_optimum(problem) == pytest.approx(best.energy_j, rel=CLOSE)
            lost += contracted_optimum(problem, blind=True) != pytest.approx(best.energy_j)
    assert lost > 10


@settings(deadline=None, max_examples=60)
@given(problem=forks(), metric=st.sampled_from(METRICS))
def test_bounds_over_blocks_are_true_and_verified(problem: Problem, metric: Metric) -> None:
    best = outcome(problem, metric)
    assume(best is not None)
    assert best is not None
    solution = solve(problem, metric, gap=0, method="relaxation")
    certificate, optimum = solution.certificate, best.certificate.objective
    assert certificate.objective == pytest.approx(optimum, rel=CLOSE)
    assert certificate.proved_bound <= optimum * (1 + CLOSE)
    assert verify(problem.to_data(), solution.choice, certificate).ok


@settings(deadline=None, max_examples=100)
@given(data=st.data(), problem=problems(choices=200), metric=st.sampled_from(METRICS))
def test_no_blocks_that_are_accepted_prove_more_than_the_optimum(
    data: st.DataObject, problem: Problem, metric: Metric
) -> None:
    best = outcome(problem, metric)
    assume(best is not None and len(problem.times) > 1)
    assert best is not None
    exact = Exact(problem.to_data())
    steps: list[tuple[Literal["series", "parallel"], tuple[int, ...]]] = []
    free = list(problem.stages)
    while len(free) > 1 and data.draw(st.booleans()):
        members = data.draw(st.permutations(free))[: data.draw(st.integers(2, len(free)))]
        kind = data.draw(st.sampled_from(KINDS))
        steps.append((kind, tuple(members)))
        free = [i for i in free if i not in members] + [len(exact.t) + len(steps) - 1]
    blocks = arrange(steps, exact.after)
    ends = [stage for stage in problem.stages if not problem.children[stage]]
    flow = [(i, j, data.draw(st.sampled_from([0.0, 0.5, 2.0]))) for i, j in problem.edges]
    flow += [(i, len(exact.t), data.draw(st.sampled_from([0.0, 1.0]))) for i in ends]
    multipliers = replace(
        Multipliers.none(problem, Weights.of(metric)), flow=tuple(flow), blocks=tuple(steps)
    )
    assert (blocks is not None) or exact.flaw(metric, multipliers)
    proved = exact.proved_bound(metric, [multipliers])
    assert proved <= Fraction(best.certificate.objective) * (1 + Fraction(1, 10**9))


@pytest.mark.parametrize(
    ("steps", "sound"),
    [
        ([("series", (0, 1))], True),
        ([("series", (1, 0))], False),
        ([("series", (1, 2))], False),
        ([("parallel", (1, 2))], True),
        ([("parallel", (1, 2)), ("series", (0, 4, 3))], True),
        ([("parallel", (1, 2)), ("series", (0, 1))], False),
        ([("parallel", (1, 1))], False),
        ([("beside", (1, 2))], False),
        ([("parallel", ())], False),
        ([("parallel", (1, 9))], False),
    ],
)
def test_blocks_have_to_follow_from_the_precedence(
    steps: Sequence[tuple[str, tuple[int, ...]]], sound: bool
) -> None:
    one = [np.array([1.0])] * 4
    diamond = Problem(one, one, None, [(0, 1), (0, 2), (1, 3), (2, 3)])
    assert (arrange(steps, Exact(diamond.to_data()).after) is not None) == sound


def test_blocks_that_claim_a_false_order_are_rejected() -> None:
    times = [np.array([1.0, 4.0])] * 3
    problem = Problem(times, [np.array([9.0, 2.0])] * 3, None, [(0, 2), (1, 2)], max_time=6.0)
    solution = solve(problem, "energy", gap=0)
    proof = replace(solution.certificate.multipliers[0], blocks=(("series", (0, 1)),))
    forged = replace(solution.certificate, multipliers=(proof,))
    verification = verify(problem.to_data(), solution.choice, forged)
    assert "the blocks do not follow from the precedence" in verification.problems


@settings(deadline=None, max_examples=60)
@given(problem=problems(choices=200), metric=st.sampled_from(METRICS))
def test_hulls_leave_the_relaxation_as_it_is(problem: Problem, metric: Metric) -> None:
    kept = prune(problem, metric, tie_breaks(problem, metric))
    assume(all(len(own) for own in kept))
    weights = Weights.of(metric)
    full = LinearProgram(problem, kept).relax(weights, 60.0)
    corners = hulls(problem, kept, weights)
    thin = LinearProgram(problem, corners).relax(weights, 60.0)
    assert (full is None) == (thin is None)
    if full is not None and thin is not None:
        assert thin.bound == pytest.approx(full.bound, rel=1e-7, abs=1e-7)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(1, 400),
    groups=st.integers(1, 3),
    cap=st.integers(6, 60),
)
def test_thinned_frontiers_bound_what_they_stand_for(
    seed: int, count: int, groups: int, cap: int
) -> None:
    generator = np.random.default_rng(seed)
    value = generator.uniform(0, 9, (1, count))
    labels = {0: generator.integers(0, groups, count)}
    points = undominated(Points(generator.uniform(0, 9, count), value, value, labels))
    short = thinned(points, cap)
    assert len(short.time) <= max(len(points.time) if len(points.time) <= cap else 0, cap + groups)
    for time, price, label in zip(points.time, points.value[0], points.labels[0], strict=True):
        below = (short.time <= time) & (short.labels[0] == label)
        assert short.floor[0][below].min() <= price
    for own in zip(short.time, short.value[0], short.labels[0], strict=True):
        assert own in set(zip(points.time, points.value[0], points.labels[0], strict=True))


@settings(deadline=None, max_examples=40)
@given(problem=problems(choices=200), metric=st.sampled_from(METRICS), share=st.floats(1.0, 2.0))
def test_a_plan_that_is_known_only_hides_worse_ones(
    problem: Problem, metric: Metric, share: float
) -> None:
    best = outcome(problem, metric)
    assume(best is not None and best.certificate.objective > 0)
    assert best is not None
    optimum = best.certificate.objective
    kept = prune(problem, metric, tie_breaks(problem, metric))
    answer = LinearProgram(problem, kept).minimise(
        Weights.of(metric), gap=0, time_limit_s=60, typical=optimum, known=optimum * share
    )
    assert answer is not None
    assert answer.claimed == pytest.approx(optimum, rel=1e-6)
    if share > 1 + 1e-6:
        assert answer.choice is not None
        assert evaluate(problem, answer.choice).value(metric) == pytest.approx(optimum, rel=1e-6)


@settings(deadline=None, max_examples=25)
@given(problem=problems(choices=200), metric=st.sampled_from(METRICS))
def test_neighbourhoods_of_everything_find_the_optimum(problem: Problem, metric: Metric) -> None:
    best = outcome(problem, metric)
    kept = prune(problem, metric, tie_breaks(problem, metric))
    ranges = np.indices(problem.sizes).reshape(len(kept), -1).T
    plans = (evaluate(problem, row) for row in ranges.tolist())
    feasible = [plan for plan in plans if not violations(problem, plan)]
    assume(best is not None and feasible)
    assert best is not None
    worst = max(feasible, key=lambda plan: plan.value(metric))
    zeros = [np.zeros(len(own)) for own in kept]
    limit = Deadline(60.0)
    *_, last = improvements(problem, kept, Weights.of(metric), worst, limit, zeros)
    assert last.value(metric) == pytest.approx(best.certificate.objective, rel=1e-6, abs=1e-6)
    assert not violations(problem, last)


@settings(deadline=None, max_examples=40)
@given(data=st.data(), problem=problems(choices=200), metric=st.sampled_from(METRICS))
def test_adding_a_constraint_never_improves_the_optimum(
    data: st.DataObject, problem: Problem, metric: Metric
) -> None:
    count = len(problem.times)
    assume(count > 1)
    parent, child = sorted(data.draw(st.permutations(range(count)))[:2])
    above, below = (
        data.draw(st.lists(st.integers(1, 2), min_size=size, max_size=size))
        for size in (problem.sizes[parent], problem.sizes[child])
    )
    link = Link(parent, child, tuple(above), tuple(below))
    tighter = data.draw(
        st.sampled_from(
            [
                replace(problem, edges=[*problem.edges, (parent, child)]),
                replace(problem, links=[*problem.couplings, link]),
                replace(problem, idle_power_w=problem.idle_power_w + 1.0),
            ]
        )
    )
    free = outcome(problem, metric)
    try:
        found = solve(tighter, metric, gap=0, method="relaxation")
    except InfeasibleError:
        return
    assert free is not None
    assert found.certificate.objective >= free.certificate.objective * (1 - CLOSE)


@settings(deadline=None, max_examples=25)
@given(problem=forks(), seed=st.integers(0, 1000))
def test_the_order_of_stages_changes_nothing_over_blocks(problem: Problem, seed: int) -> None:
    best = outcome(problem, "energy")
    assume(best is not None)
    assert best is not None and problem.energies is not None and problem.costs is not None
    order = [int(i) for i in np.random.default_rng(seed).permutation(len(problem.times))]
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
    solution = solve(shuffled, "energy", gap=0, method="relaxation")
    assert totals(solution)[1] == pytest.approx(best.energy_j, rel=CLOSE)
    assert verify(shuffled.to_data(), solution.choice, solution.certificate).ok
