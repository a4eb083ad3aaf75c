"""Bounds in the mean are tightened until the best plan keeps those asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexecutor_energy.errors import InfeasibleError
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.optimization.planning import make_plan
from flexecutor_energy.optimization.promise import next_bound
from flexecutor_energy.optimization.request import PlanRequest
from flexecutor_energy.prediction import WorkflowModel, train_profiles
from flexecutor_energy.pricing import resolve_pricing
from flexecutor_energy.workflow.context import StageContext
from flexecutor_energy.workflow.graph import StageGraph
from flexecutor_energy.workflow.stage import Stage
from tests.unit.prediction_profiles import grid, made_profile


def nothing(context: StageContext) -> None:
    del context


@pytest.fixture(scope="module")
def graph() -> StageGraph:
    first, second = Stage("a", nothing), Stage("b", nothing)
    first >> second
    return StageGraph("pair").add_stages([first, second])


@pytest.fixture(scope="module")
def model() -> WorkflowModel:
    profiles = {
        name: made_profile(grid(), stage=name, reps=4, noise=0.08, seed=seed)
        for seed, name in enumerate("ab")
    }
    return train_profiles(profiles, {"b": ["a"]}, dag="pair")[0]


def planned(graph: StageGraph, model: WorkflowModel, **bounds: float) -> Plan:
    asked = {f"max_{metric}": bounds.get(metric) for metric in ("time", "cost", "energy")}
    return make_plan(
        graph,
        model,
        PlanRequest(
            objective="energy",
            confidence=0.95,
            scope="provisioned",
            pricing=resolve_pricing(None),
            gap=0.0,
            **asked,
        ),
    )


@given(st.floats(1e-7, 1e7))
def test_the_next_bound_is_a_little_tighter(mean: float) -> None:
    tighter = next_bound(mean)
    assert mean / 1.0202 < tighter < mean


@given(st.floats(1e-3, 1e3), st.floats(1.0, 2.0))
def test_bounds_lie_on_one_grid_wherever_they_start(mean: float, looser: float) -> None:
    bound = mean * looser
    while bound > mean:
        bound = next_bound(bound)
    assert bound == pytest.approx(next_bound(mean), rel=1e-6) or bound == pytest.approx(mean)


def test_what_can_be_promised_at_least_is_what_the_error_says(
    graph: StageGraph, model: WorkflowModel
) -> None:
    with pytest.raises(InfeasibleError) as caught:
        planned(graph, model, time=1e-3)
    least = caught.value.attainable
    assert least is not None
    planned(graph, model, time=least * (1 + 1e-6))
    with pytest.raises(InfeasibleError):
        planned(graph, model, time=least * 0.97)


def test_no_bound_is_loosened_by_another(graph: StageGraph, model: WorkflowModel) -> None:
    alone = planned(graph, model, time=9.0)
    both = planned(graph, model, time=9.0, cost=1.0)
    assert alone.energy is not None and both.energy is not None
    assert both.energy.mean >= alone.energy.mean * (1 - 1e-9)


def test_a_plan_that_keeps_its_bounds_by_far_says_what_it_rests_on(
    graph: StageGraph, model: WorkflowModel
) -> None:
    free, bounded = planned(graph, model), planned(graph, model, time=1e4)
    assert bounded.choice == free.choice
    needed = model.bound(bounded.configs).factor
    assert bounded.terms.margin("time") == pytest.approx(needed, rel=1e-6)


def test_asking_a_plan_for_its_own_bound_gives_the_same_plan(
    graph: StageGraph, model: WorkflowModel
) -> None:
    for deadline in (8.0, 10.0, 14.0):
        plan = planned(graph, model, time=deadline)
        assert plan.what_if(max_time=deadline).choice == plan.choice
