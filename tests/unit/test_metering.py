"""Joules of runs: hosts are shared out once, whatever ran on them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flexecutor_energy.energy.calibration import Calibration, MeasuredPower
from flexecutor_energy.energy.curves import tdp_curve
from flexecutor_energy.energy.reading import EnergyReading
from flexecutor_energy.energy.sampler import HostSample
from flexecutor_energy.errors import ConfigurationError, EnergyUnavailableError
from flexecutor_energy.execution.cpu_traces import function_trace, startup_cpu_s
from flexecutor_energy.execution.joules import RunEnergy
from flexecutor_energy.execution.metering import check_energy, meter, meter_choice
from flexecutor_energy.execution.task import Clock, HostView, WorkerReport
from flexecutor_energy.execution.trace import RunTrace, StageTrace
from flexecutor_energy.hardware.detect import HostFacts
from flexecutor_energy.workflow.config import StageConfig

CURVE = tdp_curve("a processor", 100.0, threads=4, source="made for this test")
FACTS = HostFacts("a processor", 4, 4, 1, False, None, None, 8000.0)


def report(
    worker: int,
    *,
    host: str = "h1",
    start_s: float = 10.0,
    seconds: float = 4.0,
    cpu_s: float = 4.0,
    visible: bool = True,
    stage: str = "a",
    supervisors: tuple[tuple[int, int, float], ...] = ((7, 1, 0.3),),
) -> WorkerReport:
    """Return a worker that started 0.5 s before its first phase, with 0.1 s of start-up CPU."""
    times = [start_s, start_s + seconds / 4, start_s + seconds * 3 / 4, start_s + seconds]
    clocks = tuple(Clock(t, 1000.0 + t, 0.1 + cpu_s * (t - start_s) / seconds) for t in times)
    samples = (HostSample(start_s - 0.5, 100.0), HostSample(start_s + seconds, 120.0))
    return WorkerReport(
        task_id=f"{stage}/{worker}/1",
        worker_id=worker,
        attempt=1,
        failure=None,
        host=HostView(host, host, FACTS),
        clocks=clocks,
        submitted_wall_s=1000.0 + start_s - 0.5,
        total_cpu_s=cpu_s + 0.1,
        memory_peak_mb=100.0,
        limits={"cpu": {"held": 1.0}},
        host_samples=samples if visible else (),
        supervisors=supervisors,
    )


def trace_of(*reports: WorkerReport) -> RunTrace:
    trace = RunTrace("r", on_this_host=False)
    stages: dict[str, list[WorkerReport]] = {}
    for item in reports:
        stages.setdefault(item.task_id.partition("/")[0], []).append(item)
    for name, workers in stages.items():
        config = StageConfig(1, len(workers), 0)
        trace.stages[name] = StageTrace(
            name, config, config, tuple(workers), (), 0.0, 4.5, {}, 0, 0
        )
    return trace


def metered(*reports: WorkerReport) -> RunEnergy:
    curves = {item.host.host_id: CURVE for item in reports}
    return meter(trace_of(*reports), curves=curves)


def test_overlapping_workers_never_count_the_host_twice() -> None:
    energy = metered(*(report(i) for i in range(4)))
    everything = sum(energy.rows.values())
    # 20 CPU seconds of 4 cores in 4.5 s: full load, and a full host draws 1.02 times its TDP
    assert everything <= CURVE.watts(1.0).mean * 4.5 + 1e-6
    assert energy.total_j is not None
    assert energy.total_j == pytest.approx(
        energy.rows["workers"] + energy.rows["startup"], abs=1e-5
    )
    shares = {energy.of("a", i).total_j for i in range(4)}
    assert max(s or 0 for s in shares) - min(s or 0 for s in shares) < 1e-5


def test_two_hosts_are_kept_apart() -> None:
    alone = metered(report(0))
    both = metered(report(0), report(1, host="h2"))
    assert both.of("a", 0) == alone.of("a", 0)
    assert sum(both.rows.values()) == pytest.approx(2 * sum(alone.rows.values()), abs=1e-5)


def test_start_up_is_apart_from_the_function_and_part_of_the_total() -> None:
    joules = metered(report(0)).of("a", 0)
    assert joules.startup_j is not None
    assert joules.startup_j > 0
    assert joules.function_j is not None
    assert joules.total_j == pytest.approx(joules.function_j + joules.startup_j)


def test_energy_that_was_switched_off_is_unmeasured_with_a_reason() -> None:
    energy = meter(trace_of(report(0)), energy="off")
    assert energy.total_j is None
    assert energy.method is None
    assert "off" in energy.reason
    assert energy.meta()["energy_reason"] == energy.reason


def test_a_run_without_finished_workers_has_no_energy() -> None:
    energy = meter(RunTrace("r"))
    assert energy.total_j is None
    assert energy.reason


def test_workers_of_an_unseen_host_are_modelled_each_by_itself_and_labelled() -> None:
    energy = metered(report(0, visible=False))
    assert energy.how is not None
    assert energy.how.form == "linear"
    assert energy.of("a", 0).total_j is not None
    assert energy.rows == {}


def test_the_band_and_the_constants_stand_beside_the_figures() -> None:
    meta = metered(report(0)).meta()
    low, high = meta["uncertainty"]["band"]
    assert low < 1 < high
    assert "made for this test" in meta["energy_source"]
    assert meta["method"] == "model"


def test_processes_around_workers_are_shared_by_those_they_served() -> None:
    one, two = report(0, supervisors=((7, 1, 0.4),)), report(1, supervisors=((7, 1, 0.4),))
    shares = startup_cpu_s([one, two], None)
    assert shares == {"a/0/1": pytest.approx(0.3), "a/1/1": pytest.approx(0.3)}
    # a warm process had used most of its CPU before this run
    scaled = startup_cpu_s([one, two], 0.1)
    assert sum(scaled.values()) == pytest.approx(0.1 + 2 * 0.1)


def test_a_worker_that_did_not_finish_takes_no_part() -> None:
    broken = replace(report(1), clocks=report(1).clocks[:2])
    trace = trace_of(report(0))
    trace.wasted.append(broken)
    assert meter(trace, curves={"h1": CURVE}).of("a", 0).total_j is not None


def counted(
    *reports: WorkerReport,
    method: str = "rapl",
    watts: float = 50.0,
    missing_at: int | None = None,
    cores: float = 4.0,
) -> tuple[WorkerReport, ...]:
    """Return reports whose host has a package counter, sampled each half second by worker 0."""
    first, *rest = reports
    times = [9.0 + 0.5 * at for at in range(14)]
    samples = []
    for at, time in enumerate(times):
        count = None if at == missing_at else round(watts * time * 1e6)
        reading = EnergyReading(time, time, {(0, "package"): count}, method)
        samples.append(HostSample(time, 50.0 + cores * (time - 9.0), 1000.0, (reading,)))
    return (replace(first, host_samples=tuple(samples)), *rest)


def test_four_workers_at_once_share_what_the_counter_of_their_host_measured() -> None:
    energy = meter(trace_of(*counted(*(report(i) for i in range(4)))), energy="rapl")
    assert energy.method == "rapl"
    assert energy.how is not None
    assert not energy.how.modelled
    assert energy.how.boundary == "package"
    # the trace is 6.5 s long at 50 W; the naive way would give each worker all of its 4 seconds
    assert sum(energy.rows.values()) == pytest.approx(325.0, abs=1e-5)
    functions = [energy.of("a", i).function_j or 0.0 for i in range(4)]
    assert max(functions) - min(functions) < 1e-5
    assert sum(functions) <= 4 * 50.0


def test_idle_power_comes_from_a_curve_of_the_same_domain_and_is_flagged_where_none_does() -> None:
    workers = counted(*(report(i) for i in range(4)))
    known = meter(trace_of(*workers), energy="rapl", curves={"h1": CURVE})
    assert known.idle_power_w == pytest.approx(CURVE.idle_w)
    assert (known.of("a", 0).idle_j or 0.0) > 0
    wall = replace(CURVE, boundary="wall")
    unknown = meter(trace_of(*workers), energy="rapl", curves={"h1": wall})
    assert unknown.idle_power_w is None
    assert unknown.of("a", 0).idle_j == 0.0
    assert "idle power not known" in unknown.meta()["energy_source"]


def test_what_was_measured_on_a_machine_goes_before_what_is_published() -> None:
    calibration = Calibration(
        "m1",
        "a processor",
        "rapl",
        "package",
        MeasuredPower(10.0, kinds_w={"package": 10.0}),
        MeasuredPower(50.0, kinds_w={"package": 50.0}),
        "2026-01-01T00:00:00Z",
        "made for this test",
    )
    view = HostView("h1", "h1", FACTS, "m1")
    workers = [replace(item, host=view) for item in counted(report(0))]
    more: dict[str, Any] = {"curves": {"h1": CURVE}, "calibrations": {"m1": calibration}}
    measured = meter(trace_of(*workers), energy="rapl", **more)
    assert measured.idle_power_w == pytest.approx(10.0)
    model = meter(trace_of(*workers), energy="model", **more)
    assert model.idle_power_w == pytest.approx(10.0)
    assert "made for this test" in model.meta()["energy_source"]


def test_every_method_stands_beside_the_one_that_counts() -> None:
    workers = counted(report(0), report(1))
    energy = meter(trace_of(*workers), energy="all", curves={"h1": CURVE})
    assert list(energy.by_method) == ["rapl", "model"]
    assert energy.method == "rapl"
    both = energy.functions_j("a", 0)
    assert both["rapl"] == energy.of("a", 0).function_j
    assert both["model"] != both["rapl"]
    model = meter(trace_of(*workers), energy="model", curves={"h1": CURVE})
    assert model.functions_j("a", 0) == {"model": both["model"]}


def test_auto_takes_a_counter_before_the_model_and_only_where_every_host_has_it() -> None:
    workers = counted(report(0))
    assert meter(trace_of(*workers), curves={"h1": CURVE}).method == "rapl"
    curves = {"h1": CURVE, "h2": CURVE}
    mixed = meter(trace_of(*workers, report(1, host="h2")), curves=curves)
    assert mixed.method == "model"
    assert list(mixed.by_method) == ["model"]


def test_a_method_that_was_asked_for_is_never_replaced() -> None:
    refused = (("rapl", "energy_uj: permission denied"),)
    lacking = replace(report(0), meters_refused=refused)
    energy = meter(trace_of(lacking), energy="rapl", curves={"h1": CURVE})
    assert energy.total_j is None
    assert energy.method is None
    assert "permission denied" in energy.reason
    assert energy.meta()["methods_refused"] == dict(refused)


def test_a_worker_that_lived_through_a_gap_of_the_counter_is_unknown_with_the_reason() -> None:
    short = report(1, start_s=14.0, seconds=1.0, cpu_s=1.0)
    workers = counted(report(0), short, missing_at=5)  # at 11.5 s
    energy = meter(trace_of(*workers), energy="rapl", curves={"h1": CURVE})
    assert energy.of("a", 0).function_j is None
    assert energy.of("a", 1).function_j is not None
    assert energy.total_j is None
    assert "a/0" in energy.reason
    assert energy.rows["unassigned"] > 0


def test_two_hosts_with_counters_are_kept_apart() -> None:
    one = counted(report(0))
    two = counted(report(1, host="h2"), watts=100.0)
    energy = meter(trace_of(*one, *two), energy="rapl")
    assert energy.of("a", 1).total_j == pytest.approx(2 * (energy.of("a", 0).total_j or 0.0))
    assert sum(energy.rows.values()) == pytest.approx(6.5 * 150.0, abs=1e-5)


def test_the_samples_of_the_driver_count_where_workers_run_beside_it() -> None:
    (seen,) = counted(report(0))
    trace = trace_of(replace(seen, host_samples=()))
    trace.host_samples.extend(seen.host_samples)
    assert meter(trace, energy="rapl").total_j is None  # the workers were elsewhere
    trace.on_this_host = True
    assert meter(trace, energy="rapl").total_j is not None


def test_methods_are_checked_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXECUTOR_ENERGY_HOST_ROOT", str(tmp_path))
    check_energy("auto", here=True)
    check_energy("rapl")  # it may work where the workers are
    with pytest.raises(EnergyUnavailableError, match="rapl"):
        check_energy("rapl", here=True)
    with pytest.raises(ConfigurationError, match="all"):
        check_energy("guess")
    assert meter_choice("off") is None
    choice = meter_choice("rapl")
    assert choice is not None
    assert choice.root == str(tmp_path)


def test_four_hosts_roll_up_by_host_worker_and_stage_and_nothing_vanishes() -> None:
    stages = ("map", "join", "reduce", "rank", "check")
    workers: list[WorkerReport] = []
    for host in range(4):
        here = [
            report(
                host * 25 + at,
                host=f"h{host}",
                start_s=10.0 + 0.05 * at,
                seconds=1.0 + 0.1 * at,
                cpu_s=0.05 * (at + 1),
                stage=stages[at % 5],
                visible=False,
            )
            for at in range(25)
        ]
        workers += counted(*here, watts=40.0 + 10 * host)
    energy = meter(trace_of(*workers), energy="rapl")
    assert energy.chosen is not None
    levels = energy.chosen.levels
    assert levels is not None
    assert len(levels.hosts) == 4
    assert set(levels.functions) == set(stages)
    assert len(levels.workers) == 100
    for name, rows in energy.host_rows_j.items():
        parts = [joules for row, joules in rows.items() if row != "total"]
        assert sum(parts) == pytest.approx(rows["total"], abs=1e-9)
        own = [each.known_uj for (host, _), each in levels.workers.items() if host == name]
        assert sum(own) == levels.hosts[name].workers_uj
    everything = sum(each.known_uj for each in levels.functions.values())
    assert everything == levels.all_hosts.workers_uj
    assert levels.total_uj == round(6.5 * (40 + 50 + 60 + 70) * 1e6)
    assert energy.stage_j("map") == pytest.approx(levels.functions["map"].known_uj / 1e6)


def test_a_worker_that_waits_while_another_works_gets_nothing_for_that_while() -> None:
    early, late = report(0, cpu_s=2.0), report(1, cpu_s=2.0)
    base = 0.1  # CPU seconds before the first phase
    early = replace(early, cpu_samples=((11.01, base + 0.5), (11.99, base + 1.5)))
    late = replace(late, cpu_samples=((11.01, base + 0.5), (11.99, base + 0.5)))
    trace = function_trace(late)
    assert trace.times_s == [10.0, 11.0, 11.01, 11.99, 13.0, 14.0]
    assert trace.cpu_s == pytest.approx([0.0, 0.5, 0.5, 0.5, 1.5, 2.0])
    # ticks never make a phase use more than its exact clocks say
    odd = replace(late, cpu_samples=((10.5, base + 9.0), (11.5, base)))
    assert function_trace(odd).cpu_s == pytest.approx([0.0, 0.5, 0.5, 0.5, 1.5, 2.0])
    both = meter(trace_of(*counted(early, late)), energy="rapl", curves={"h1": CURVE})
    assert (both.of("a", 0).dynamic_j or 0.0) > 0
