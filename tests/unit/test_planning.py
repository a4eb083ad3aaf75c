"""Plans from predictors: candidates, bounds, fan-in, and what an impossible bound says."""

import pytest

from flexecutor_energy.errors import ConfigurationError, InfeasibleError, MissingEnergyError
from flexecutor_energy.optimization.candidates import candidate_table, profiled_grid
from flexecutor_energy.optimization.draft import PlanRequest
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.optimization.planning import make_plan
from flexecutor_energy.prediction.training import train_profiles
from flexecutor_energy.prediction.workflow_model import WorkflowModel
from flexecutor_energy.pricing import resolve_pricing
from flexecutor_energy.workflow.config import ConfigSpace, StageConfig
from flexecutor_energy.workflow.context import StageContext
from flexecutor_energy.workflow.graph import StageGraph
from flexecutor_energy.workflow.stage import Stage
from tests.unit.prediction_profiles import JOLTEON_PARENTS, reference


def nothing(context: StageContext) -> None:
    del context


@pytest.fixture(scope="module")
def graph() -> StageGraph:
    one_worker = {"stage0", "stage3"}
    stages = {
        name: Stage(name, nothing, max_concurrency=1 if name in one_worker else 1024)
        for name in ("stage0", "stage1", "stage2", "stage3")
    }
    for child, parents in JOLTEON_PARENTS.items():
        for parent in parents:
            stages[parent] >> stages[child]
    return StageGraph("jolteon_ml").add_stages(stages.values())


@pytest.fixture(scope="module")
def model() -> WorkflowModel:
    return train_profiles(reference("jolteon_ml"), JOLTEON_PARENTS, dag="jolteon_ml")[0]


def request(**changes: object) -> PlanRequest:
    given: dict[str, object] = {
        "objective": "cost",
        "max_time": None,
        "max_cost": None,
        "max_energy": None,
        "confidence": 0.9,
        "scope": "provisioned",
        "pricing": resolve_pricing(None),
        **changes,
    }
    return PlanRequest(**given)  # type: ignore[arg-type]


def test_chosen_workers_agree_with_the_fan_in_that_was_assumed(
    graph: StageGraph, model: WorkflowModel
) -> None:
    plan = make_plan(graph, model, request(objective="time"))
    for candidate in plan.chosen.values():
        for parent, workers in (candidate.fan_in or {}).items():
            assert plan.configs[parent].workers == workers


def test_a_bound_is_kept_with_a_margin_for_the_confidence(
    graph: StageGraph, model: WorkflowModel
) -> None:
    fastest = make_plan(graph, model, request(objective="time"))
    bound = 4 * fastest.time.mean
    plan = make_plan(graph, model, request(max_time=bound))
    factor = plan.terms.margin("time")
    assert 1 < factor <= model.bound("time", 0.9).factor
    assert plan.time.mean * factor <= bound * (1 + 1e-6)
    assert plan.verify().ok


def test_an_impossible_bound_is_reported_as_it_was_asked(
    graph: StageGraph, model: WorkflowModel
) -> None:
    fastest = make_plan(graph, model, request(objective="time"))
    with pytest.raises(InfeasibleError) as caught:
        make_plan(graph, model, request(max_time=1.0))
    error = caught.value
    assert (error.bound, error.value) == ("max_time", 1.0)
    assert error.attainable is not None
    assert error.attainable > fastest.time.mean
    attained = make_plan(graph, model, request(max_time=error.attainable * (1 + 1e-9)))
    assert attained.time.mean == pytest.approx(fastest.time.mean, rel=1e-6)
    assert isinstance(error.plan, Plan)
    assert error.plan.verify().ok
    assert "loosen" in str(error)


def test_profiles_without_energy_plan_time_and_cost_only(
    graph: StageGraph, model: WorkflowModel
) -> None:
    with pytest.raises(MissingEnergyError):
        make_plan(graph, model, request(objective="energy"))
    with pytest.raises(MissingEnergyError):
        make_plan(graph, model, request(max_energy=10.0))
    assert make_plan(graph, model, request()).energy is None


def test_stages_that_run_as_they_never_did_need_a_wider_margin(
    graph: StageGraph, model: WorkflowModel
) -> None:
    measured = make_plan(graph, model, request(max_time=1000.0))
    unheard_of = ConfigSpace(cpu=[3], memory=[4096], workers=[12])
    outside = make_plan(graph, model, request(max_time=1000.0), unheard_of)
    assert outside.terms.margin("time") == pytest.approx(model.bound("time", 0.9).factor)
    assert measured.terms.margin("time") <= outside.terms.margin("time")


def test_failed_configurations_are_never_candidates(
    graph: StageGraph, model: WorkflowModel
) -> None:
    bad = model.stage("stage1").configs[0]
    table = candidate_table(
        graph,
        model,
        None,
        {"stage1": [bad]},
        scope="provisioned",
        pricing=resolve_pricing(None),
        confidence=0.9,
    )
    assert bad not in {c.config for c in table[1].candidates}
    with pytest.raises(ConfigurationError, match="failed"):
        make_plan(graph, model, request(), ConfigSpace.of([bad]), {"stage1": [bad]})


def test_configurations_that_were_never_run_are_marked(
    graph: StageGraph, model: WorkflowModel
) -> None:
    space = ConfigSpace(cpu=[3], memory=[4096], workers=[12])
    plan = make_plan(graph, model, request(), space)
    assert all(candidate.extrapolated for candidate in plan.chosen.values())
    assert plan.configs["stage0"].workers == 1  # clamped to what the stage allows


def test_the_profiled_grid_pairs_sizes_with_every_worker_count() -> None:
    measured = [StageConfig(1, 2, 512), StageConfig(2, 4, 1024)]
    assert set(profiled_grid(measured)) == {
        StageConfig(cpu, workers, memory)
        for cpu, memory in ((1, 512), (2, 1024))
        for workers in (2, 4)
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"objective": "beauty"},
        {"confidence": 0.0},
        {"max_time": 0.0},
        {"max_cost": float("nan")},
        {"scope": "galaxy"},
    ],
)
def test_senseless_requests_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        request(**changes)
