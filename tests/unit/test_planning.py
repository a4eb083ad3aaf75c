"""Plans from predictors: candidates, bounds, fan-in, and what an impossible bound says."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from flexecutor_energy import DAG
from flexecutor_energy.errors import ConfigurationError, InfeasibleError, MissingEnergyError
from flexecutor_energy.optimization.candidates import candidate_table, profiled_grid
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.optimization.planning import make_plan
from flexecutor_energy.optimization.problem import METRICS
from flexecutor_energy.optimization.request import PlanRequest
from flexecutor_energy.prediction.results import Scope
from flexecutor_energy.prediction.training import train_profiles
from flexecutor_energy.prediction.workflow_model import WorkflowModel
from flexecutor_energy.pricing import Pricing, resolve_pricing
from flexecutor_energy.records.store import ProfileStore
from flexecutor_energy.workflow.config import ConfigSpace, StageConfig
from flexecutor_energy.workflow.context import StageContext
from flexecutor_energy.workflow.graph import StageGraph
from flexecutor_energy.workflow.stage import Stage
from tests.unit import report_workflow
from tests.unit.prediction_profiles import JOLTEON_PARENTS, grid, made_profile, reference


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
    needed = model.bound(plan.configs, ["time"], 0.9).factor
    assert 1 < needed <= factor * (1 + 1e-6)
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
    run = {stage: model.stage(stage).configs[0] for stage in graph.stage_ids}
    apart = {
        stage: StageConfig(3, 1 if config.workers == 1 else 12, 4096)
        for stage, config in run.items()
    }
    measured, outside = (model.bound(configs).factor for configs in (run, apart))
    assert 1 < measured < outside


def test_a_looser_deadline_never_makes_a_dearer_plan(
    graph: StageGraph, model: WorkflowModel
) -> None:
    fastest = make_plan(graph, model, request(objective="time"))
    costs = [
        plan.cost.mean
        for slack in (1.4, 1.5, 1.7, 2.0, 2.5, 4.0)
        if (plan := make_plan(graph, model, request(max_time=slack * fastest.time.mean))).cost
    ]
    assert all(after <= before * 1.005 for before, after in pairwise(costs))
    assert costs[-1] < costs[0]


def test_a_plan_keeps_its_deadline_in_as_many_runs_as_asked_for(
    graph: StageGraph, model: WorkflowModel
) -> None:
    fastest = make_plan(graph, model, request(objective="time"))
    bound = 1.6 * fastest.time.mean
    plans = {
        level: make_plan(graph, model, request(max_time=bound, confidence=level))
        for level in (0.5, 0.9)
    }
    for level, plan in plans.items():
        factor = model.bound(plan.configs, ["time"], level).factor
        assert plan.evaluation().makespan_s * factor <= bound * (1 + 1e-6)
    loose, sure = (plan.cost.mean for plan in plans.values() if plan.cost)
    assert loose < sure


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


@pytest.fixture(scope="module")
def vm(tmp_path_factory: pytest.TempPathFactory) -> DAG:
    folder = tmp_path_factory.mktemp("vm")
    dag = report_workflow.vm(folder)
    report_workflow.measured_workspace(folder, dag)
    return dag


def side_by_side(folder: Path) -> DAG:
    """Two stages that may run at once, each measured alone on a host of 2 cores."""
    dag = DAG("twins", workspace=folder)
    dag.add_stages([Stage("left", nothing), Stage("right", nothing)])
    for stage in ("left", "right"):
        made = made_profile(grid(cpus=(1, 2), workers=(1, 2)), stage=stage, noise=0.0)
        for run in made.runs:
            meta = {**run.meta, "hosts": [{"id": "a", "cores": 2}]}
            ProfileStore(dag.workspace).add_run("twins", stage, replace(run, meta=meta))
    dag.train(include_stale=True)
    return dag


def test_stages_that_share_cores_wait_for_each_other(tmp_path: Path) -> None:
    dag = side_by_side(tmp_path)
    space = ConfigSpace(cpu=[2], memory=[1024], workers=[1])
    free = dag.optimize(objective="time", space=space)
    shared = dag.optimize(objective="time", space=space, capacity="host")
    assert shared.terms.capacity == 2.0
    assert shared.time.mean == pytest.approx(2 * free.time.mean)
    assert shared.time.high == pytest.approx(2 * free.time.high)
    assert shared.verify().ok
    assert "2 cores" in shared.explain()
    assert "2 cores" not in free.explain()


def test_waiting_for_cores_costs_what_idle_hosts_cost(tmp_path: Path) -> None:
    dag = side_by_side(tmp_path)
    space = ConfigSpace(cpu=[2], memory=[1024], workers=[1])
    rented = Pricing("rented", usd_per_hour=3600.0)
    free = dag.optimize(objective="time", space=space, pricing=rented)
    shared = dag.optimize(objective="time", space=space, pricing=rented, capacity=2)
    assert free.cost is not None and shared.cost is not None
    assert shared.cost.mean - free.cost.mean == pytest.approx(free.time.mean)
    assert shared.cost.mean == pytest.approx(shared.evaluation().cost_usd)


def test_a_stage_larger_than_the_capacity_gets_all_of_it(tmp_path: Path) -> None:
    space = ConfigSpace(cpu=[2], memory=[1024], workers=[2])
    plan = side_by_side(tmp_path).optimize(objective="time", space=space, capacity=1)
    assert plan.verify().ok


def test_an_unknown_number_of_cores_must_be_given(tmp_path: Path) -> None:
    dag = report_workflow.jolteon(tmp_path)
    report_workflow.measured_workspace(tmp_path, dag)
    with pytest.raises(ConfigurationError, match="give capacity as a number"):
        dag.optimize(objective="time", capacity="host")


def test_plans_are_compared_with_what_would_run_without_one(vm: DAG) -> None:
    plan = vm.optimize()
    assert plan.default_choice is not None
    defaults = [
        options.candidates[c].config
        for options, c in zip(plan.table, plan.default_choice, strict=True)
    ]
    assert defaults == [StageConfig(1, workers, 1024) for workers in (1, 2, 2, 1)]
    again = vm.optimize()  # what a plan has set is no default
    assert again.default_choice == plan.default_choice
    vm.stages[1].resource_config = StageConfig(2, 4, 1024)
    own = vm.optimize()
    assert own.default_choice is not None
    assert own.table[1].candidates[own.default_choice[1]].config == StageConfig(2, 4, 1024)


def test_several_bounds_are_kept_together(vm: DAG) -> None:
    free = vm.optimize(objective="time")
    assert free.energy is not None and free.cost is not None
    joules, usd = free.energy.high * 1.2, free.cost.high * 1.3
    plan = vm.optimize(objective="edp", max_time=9.0, max_energy=joules, max_cost=usd)
    margins = {plan.terms.margin(metric) for metric in METRICS}
    (margin,) = {round(margin, 9) for margin in margins}
    assert margin <= plan.context.margins["time+energy+cost"] * (1 + 1e-6)
    assert plan.evaluation().makespan_s * margin <= 9.0 * (1 + 1e-9)
    assert plan.verify().ok


@pytest.mark.parametrize("scope", ["marginal", "provisioned", "host"])
def test_candidates_know_which_of_their_joules_are_dynamic(vm: DAG, scope: Scope) -> None:
    plan = vm.optimize(scope=scope)
    for candidate in plan.chosen.values():
        assert candidate.energy is not None and candidate.dynamic_j is not None
        share = candidate.dynamic_j / candidate.energy.mean
        assert share == pytest.approx(1.0) if scope == "marginal" else 0.5 < share < 1.0
        assert candidate.memory_gb_s == pytest.approx(1.024 * candidate.time.mean, rel=0.1)
