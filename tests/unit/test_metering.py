"""Joules of runs: hosts are shared out once, whatever ran on them."""

from dataclasses import replace

import pytest

from flexecutor_energy.energy.curves import tdp_curve
from flexecutor_energy.execution.cpu_traces import startup_cpu_s
from flexecutor_energy.execution.metering import RunEnergy, meter
from flexecutor_energy.execution.task import Clock, HostSample, HostView, WorkerReport
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
    clocks = tuple(
        Clock(t, 1000.0 + t, 0.1 + cpu_s * (t - start_s) / seconds, None) for t in times
    )
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
