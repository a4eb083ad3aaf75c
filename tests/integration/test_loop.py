"""The closed loop through the façade, on real processes and a directory as storage."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flexecutor_energy import (
    DAG,
    Chunker,
    ConfigSpace,
    DAGExecutor,
    FlexData,
    Plan,
    ReadStrategy,
    Stage,
    StageConfig,
    StageContext,
    flexorchestrator,
)
from flexecutor_energy.errors import (
    ConfigurationError,
    EnergyUnavailableError,
    InfeasibleError,
    InputMissingError,
    MissingEnergyError,
    NotProfiledError,
    NotTrainedError,
    RunCancelledError,
    StageFailedError,
    StorageError,
    UnknownStageError,
)
from flexecutor_energy.execution.run import DAGRun
from flexecutor_energy.profiling.sweep import SweepProgress

TEXT = "".join(f"line {i} of some text\n" for i in range(400))


def count(context: StageContext) -> int:
    lines = sum(
        len(Path(path).read_text().splitlines()) for path in context.get_input_paths("text")
    )
    sum(i * i for i in range(200_000))
    Path(context.next_output_path("counts")).write_text(str(lines))
    return lines


def total(context: StageContext) -> None:
    counts = [int(Path(path).read_text()) for path in context.get_input_paths("counts")]
    Path(context.next_output_path("total")).write_text(json.dumps(sum(counts)))


def greedy(context: StageContext) -> None:
    if context.memory and context.memory < 300:
        bytearray(2_000_000_000)
    total(context)


def build(workspace: Path, reduce: Any = total, name: str = "lines") -> DAG:
    text = FlexData("text", chunker=Chunker(chunking_strategy="lines"))
    counts, result = FlexData("counts", suffix=".txt"), FlexData("total", suffix=".json")
    first = Stage("count", count, inputs=[text], outputs=[counts])
    last = Stage("total", reduce, inputs=[counts], outputs=[result], max_concurrency=1)
    first >> last
    dag = DAG(name, workspace=workspace).add_stages([first, last])
    storage = dag.storage("file")
    storage.ensure_bucket()
    storage.store.put(storage.bucket, "text/a.txt", TEXT.encode())
    return dag


SPACE = ConfigSpace(cpu=[0.5, 1], memory=[256], workers=[1, 2])


@pytest.fixture
def dag(tmp_path: Path) -> Iterator[DAG]:
    made = build(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> DAG:
    """A workflow that was profiled and trained once for all tests that only look."""
    made = build(tmp_path_factory.mktemp("measured"))
    made.profile(SPACE, reps=2, backend="local", storage="file")
    made.train()
    return made


def execute(dag: DAG, **options: Any) -> DAGRun:
    return dag.execute(backend="local", storage="file", **options)


def configure(dag: DAG, workers: int = 2, memory: int = 0) -> None:
    for stage in dag.stages:
        stage.resource_config = StageConfig(1, workers, memory)


def test_profiles_hold_time_energy_and_where_they_come_from(measured: DAG) -> None:
    profile = measured.profiles()["count"]
    assert {run.requested_workers for run in profile.runs} == {1, 2}
    for run in profile.runs:
        assert run.time_s is not None
        assert run.time_s > 0
        worker = run.workers[0]
        assert worker.energy_j == pytest.approx(
            (worker.energy_dynamic_j or 0) + (worker.energy_idle_j or 0)
        )
        assert worker.energy_startup_j is not None
        assert worker.cpu_time_s is not None
        assert worker.memory_peak_mb is not None
        assert worker.bytes_read is not None
        assert run.makespan_s is not None
        meta = run.meta
        assert meta["method"] == "model"
        assert meta["boundary"]
        assert meta["uncertainty"]["band"]
        assert meta["limits"]["cpu"]["mechanism"]
        assert meta["code_hash"]
        assert meta["input_hash"]
        assert meta["hosts"][0]["id"]
        assert meta["backend"] == "local"
    assert sum(worker.bytes_read or 0 for worker in profile.runs[0].workers) == len(TEXT)


def test_every_configuration_reaches_its_repetitions(measured: DAG) -> None:
    counts = dict.fromkeys(SPACE.for_stage("count"), 0)
    for run in measured.profiles()["count"].runs:
        counts[run.config] += 1
    assert set(counts.values()) == {2}


def test_profiling_leaves_no_objects_behind(measured: DAG) -> None:
    storage = measured.storage("file")
    keys = [ref.key for ref in storage.store.list(storage.bucket)]
    assert keys == ["text/a.txt"]


def test_a_second_sweep_measures_nothing_twice(measured: DAG) -> None:
    seen: list[SweepProgress] = []
    before = len(measured.profiles()["count"].runs)
    measured.profile(SPACE, reps=2, backend="local", storage="file", progress=[seen.append])
    assert len(measured.profiles()["count"].runs) == before
    assert [state.runs_done for state in seen] == [0]


def test_predictions_grow_an_interval_and_name_every_stage(measured: DAG) -> None:
    configs = {"count": StageConfig(1, 2, 256), "total": StageConfig(1, 1, 256)}
    prediction = measured.predict(configs)
    assert prediction.time.low <= prediction.time.mean <= prediction.time.high
    assert prediction.energy is not None
    assert set(prediction.stages) == {"count", "total"}
    with pytest.raises(ConfigurationError, match="total"):
        measured.predict({"count": StageConfig(1, 2, 256)})
    with pytest.raises(UnknownStageError, match="nobody"):
        measured.predict({**configs, "nobody": StageConfig(1, 1)})


def test_the_plan_is_set_on_the_stages_runs_and_is_audited(measured: DAG) -> None:
    plan = measured.optimize("energy")
    assert {s.stage_id: s.resource_config for s in measured.stages} == plan.configs
    assert plan.verify().ok
    assert Plan.from_json(plan.to_json()) == plan
    run = execute(measured, plan=plan)
    assert json.loads(run.read("total")[0]) == 400
    assert run.audit.time.measured == run.time
    assert run.audit.energy.predicted == plan.energy
    assert set(run.audit.stages) == {"count", "total"}
    saved = json.loads((measured.workspace.runs("lines") / run.run_id / "run.json").read_text())
    assert saved["audit"]["time"]["measured"] == run.time


def test_a_looser_deadline_never_costs_more_energy(measured: DAG) -> None:
    fastest = measured.optimize("time")
    energies = []
    for factor in (40.0, 20.0, 80.0):
        plan = measured.optimize("energy", max_time=factor * fastest.time.mean, confidence=0.5)
        assert plan.energy is not None
        energies.append((factor, plan.certificate.objective))
    ordered = [energy for _, energy in sorted(energies)]
    assert ordered == sorted(ordered, reverse=True)


def test_an_unattainable_deadline_names_what_can_be_had(measured: DAG) -> None:
    with pytest.raises(InfeasibleError, match="max_time") as caught:
        measured.optimize("energy", max_time=0.001)
    error = caught.value
    assert error.bound == "max_time"
    assert error.value == 0.001
    assert error.attainable is not None
    assert error.attainable > 0.001
    assert isinstance(error.plan, Plan)


@pytest.mark.parametrize(
    "request_", [{"objective": "beauty"}, {"max_time": 0}, {"max_cost": -1}, {"confidence": 1.5}]
)
def test_a_senseless_request_is_refused(measured: DAG, request_: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        measured.optimize(**request_)


def test_scopes_order_as_they_include_each_other(measured: DAG) -> None:
    configs = {"count": StageConfig(1, 2, 256), "total": StageConfig(1, 1, 256)}
    marginal, provisioned, host = (
        measured.predict(configs, scope=scope).energy
        for scope in ("marginal", "provisioned", "host")
    )
    assert marginal is not None
    assert provisioned is not None
    assert host is not None
    assert marginal.mean < provisioned.mean
    assert marginal.mean < host.mean


def test_before_profiling_the_errors_name_the_commands(dag: DAG) -> None:
    with pytest.raises(NotProfiledError, match="flexecutor-energy profile"):
        dag.train()
    with pytest.raises(NotTrainedError, match="flexecutor-energy train"):
        dag.optimize()


def test_without_energy_time_and_cost_still_work(dag: DAG) -> None:
    dag.profile(SPACE, reps=1, backend="local", storage="file", energy="off")
    run = dag.profiles()["count"].runs[0]
    assert run.energy_j is None
    assert "off" in run.meta["energy_reason"]
    dag.train()
    assert dag.optimize("time").energy is None
    assert dag.optimize("cost").cost is not None
    with pytest.raises(MissingEnergyError):
        dag.optimize("energy")


def test_profiles_of_other_code_are_left_out(dag: DAG, tmp_path: Path) -> None:
    dag.profile(SPACE, reps=1, backend="local", storage="file")
    changed = build(tmp_path, reduce=greedy)
    with pytest.raises(NotProfiledError, match="other code"):
        changed.train()
    changed.train(include_stale=True)


def test_a_failing_configuration_is_recorded_and_avoided(tmp_path: Path) -> None:
    dag = build(tmp_path, reduce=greedy)
    space = ConfigSpace(cpu=[1], memory=[256, 512], workers=[1])
    dag.profile(space, reps=2, backend="local", storage="file")
    profile = dag.profiles()["total"]
    assert profile.failed_configs == (StageConfig(1, 1, 256),)
    assert "out_of_memory" in profile.failures[0].reason
    assert {run.config.memory for run in profile.runs} == {512}
    dag.train()
    plan = dag.optimize("energy", space=space)
    assert plan.configs["total"].memory == 512


def test_a_stage_that_always_fails_ends_the_sweep_with_its_error(tmp_path: Path) -> None:
    def broken(context: StageContext) -> None:
        raise ZeroDivisionError("no luck")

    dag = build(tmp_path, reduce=broken)
    with pytest.raises(StageFailedError, match="no luck"):
        dag.profile(SPACE, reps=1, backend="local", storage="file", retries=0)
    assert len(dag.profiles()["count"].runs) >= 1
    with pytest.raises(StageFailedError, match="failed before"):
        dag.profile(SPACE, reps=1, backend="local", storage="file", retries=0)


def test_an_interrupted_sweep_keeps_what_it_measured(dag: DAG) -> None:
    def interrupt(state: SweepProgress) -> None:
        if state.runs_done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dag.profile(SPACE, reps=2, backend="local", storage="file", progress=[interrupt])
    assert len(dag.profiles()["total"].runs) == 2
    dag.profile(SPACE, reps=2, backend="local", storage="file")
    assert len(dag.profiles()["count"].runs) == 8


def test_a_budget_stops_a_sweep(dag: DAG) -> None:
    dag.profile(SPACE, reps=2, backend="local", storage="file", budget=1)
    assert len(dag.profiles()["count"].runs) == 1
    with pytest.raises(ConfigurationError, match="runs"):
        dag.profile(SPACE, backend="local", storage="file", budget={"kwh": 3})


def test_a_space_that_names_a_strange_stage_is_refused_before_anything_runs(dag: DAG) -> None:
    space = ConfigSpace(cpu=[1], workers=[1], stages={"nobody": SPACE})
    with pytest.raises(UnknownStageError, match="nobody"):
        dag.profile(space, backend="local", storage="file")
    assert not dag.profiles()["count"].runs


def test_intermediates_are_dropped_unless_wanted(dag: DAG) -> None:
    configure(dag)
    run = execute(dag)
    assert set(run.outputs) == {"total"}
    with pytest.raises(StorageError, match="keep_intermediates"):
        run.read("count")
    kept = execute(dag, keep_intermediates=True)
    assert len(kept.read("count")) == 2
    assert sum(kept.stages["count"].values) == 400


def test_runs_do_not_read_each_others_results(dag: DAG) -> None:
    configure(dag)
    first, second = execute(dag, keep_intermediates=True), execute(dag)
    assert json.loads(second.read("total")[0]) == 400
    assert first.run_id != second.run_id


def test_without_configurations_execute_says_how_to_set_them(dag: DAG) -> None:
    with pytest.raises(ConfigurationError, match="resource_config"):
        execute(dag)


def test_a_missing_input_ends_before_anything_runs(dag: DAG) -> None:
    storage = dag.storage("file")
    storage.store.delete(storage.bucket, ["text/a.txt"])
    configure(dag)
    with pytest.raises(InputMissingError, match="text"):
        execute(dag)


def test_a_cancelled_run_says_so(dag: DAG) -> None:
    configure(dag)
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(RunCancelledError):
        execute(dag, cancel=cancel)


def test_more_workers_than_pieces_are_clamped_and_both_counts_kept(tmp_path: Path) -> None:
    dag = build(tmp_path)
    storage = dag.storage("file")
    storage.store.put(storage.bucket, "text/a.txt", b"one\ntwo\nthree\n")
    dag.profile(
        ConfigSpace(cpu=[1], memory=[256], workers=[8]), reps=1, backend="local", storage="file"
    )
    run = dag.profiles()["count"].runs[0]
    assert run.config.workers < 8
    assert run.requested_workers == 8


def test_broadcast_gives_every_worker_everything(tmp_path: Path) -> None:
    def lengths(context: StageContext) -> int:
        Path(context.next_output_path("out")).write_text("x")
        return len(context.get_input_paths("text"))

    stage = Stage(
        "all",
        lengths,
        inputs=[FlexData("text", read_strategy=ReadStrategy.BROADCAST)],
        outputs=[FlexData("out")],
    )
    dag = DAG("all", workspace=tmp_path).add_stages([stage])
    storage = dag.storage("file")
    storage.ensure_bucket()
    for i in range(3):
        storage.store.put(storage.bucket, f"text/{i}", b"x")
    stage.resource_config = StageConfig(1, 2)
    assert execute(dag).stages["all"].values == (3, 3)


def test_flexecutors_own_entry_points_work(tmp_path: Path) -> None:
    dag = build(tmp_path)

    @flexorchestrator(bucket="own-bucket")
    def main() -> DAGRun:
        storage = dag.storage("file")
        assert storage.bucket == "own-bucket"
        storage.store.put(storage.bucket, "text/a.txt", TEXT.encode())
        executor = DAGExecutor(dag, executor="local")
        run = executor.execute(num_workers=2, storage="file")
        executor.shutdown()
        return run

    assert main().stages["count"].config.workers == 2


def test_an_energy_method_is_never_replaced_in_silence(dag: DAG) -> None:
    configure(dag)
    with pytest.raises(ConfigurationError, match="known"):
        execute(dag, energy="magic")
    with pytest.raises(EnergyUnavailableError, match="rapl"):
        dag.profile(SPACE, backend="local", storage="file", energy="rapl")
    assert not dag.profiles()["count"].runs


def test_a_store_that_workers_cannot_see_is_refused(dag: DAG) -> None:
    configure(dag)
    storage = dag.storage("memory")
    storage.ensure_bucket()
    with pytest.raises(ConfigurationError, match="memory"):
        dag.execute(backend="local", storage="memory")
