"""Turning what a run did into the records that profiles keep."""

import datetime
from collections.abc import Mapping
from typing import Any

from flexecutor_energy.execution.joules import RunEnergy
from flexecutor_energy.execution.task import WorkerReport
from flexecutor_energy.execution.trace import RunTrace, StageTrace
from flexecutor_energy.records.run import FailedRun, StageRun, WorkerRecord
from flexecutor_energy.version import __version__
from flexecutor_energy.workflow.config import StageConfig


def stage_run(
    trace: RunTrace, stage: StageTrace, energy: RunEnergy, hashes: Mapping[str, str]
) -> StageRun:
    """Return one finished stage of a run as a profile keeps it.

    Parameters
    ----------
    trace : the run
    stage : the stage of it
    energy : joules of the run's workers
    hashes : ``code_hash`` and ``input_hash`` of the stage
    """
    workers = tuple(worker_record(report, stage.stage_id, energy) for report in stage.reports)
    return StageRun(
        config=stage.config,
        workers=workers,
        # a wall clock that was set back in between tells nothing
        makespan_s=stage.makespan_s if stage.makespan_s >= 0 else None,
        meta={**_run_meta(trace), **_stage_meta(trace, stage), **energy.meta(), **hashes},
    )


def failed_run(
    trace: RunTrace, stage_id: str, requested: StageConfig, hashes: Mapping[str, str]
) -> FailedRun:
    """Return the failure of one stage of a run as a profile keeps it."""
    error = trace.failures[stage_id]
    reason = f"{error.kind}: {error.cause}"
    return FailedRun(requested, trace.run_id, reason, {**_run_meta(trace), **hashes})


def worker_record(report: WorkerReport, stage_id: str, energy: RunEnergy) -> WorkerRecord:
    """Return what one worker measured, with its share of the energy."""
    if len(report.clocks) != 4:
        return WorkerRecord(memory_peak_mb=report.memory_peak_mb)
    read, compute, write, end = report.clocks
    joules = energy.of(stage_id, report.worker_id)
    return WorkerRecord(
        read_s=compute.monotonic_s - read.monotonic_s,
        compute_s=write.monotonic_s - compute.monotonic_s,
        write_s=end.monotonic_s - write.monotonic_s,
        cold_start_s=report.cold_start_s,
        energy_j=joules.function_j,
        energy_dynamic_j=joules.dynamic_j,
        energy_idle_j=joules.idle_j,
        energy_startup_j=joules.startup_j,
        energy_by_method=energy.functions_j(stage_id, report.worker_id),
        cpu_time_s=report.function_cpu_s,
        startup_cpu_time_s=read.cpu_s,
        memory_peak_mb=report.memory_peak_mb,
        bytes_read=report.bytes_read,
        bytes_written=report.bytes_written,
    )


def _run_meta(trace: RunTrace) -> dict[str, Any]:
    started = datetime.datetime.fromtimestamp(trace.started_wall_s or 0.0, datetime.UTC)
    return {
        "run_id": trace.run_id,
        "time": started.isoformat(timespec="milliseconds"),
        "backend": trace.backend,
        "software": f"flexecutor-energy {__version__}",
    }


def _stage_meta(trace: RunTrace, stage: StageTrace) -> dict[str, Any]:
    hosts = {r.host.host_id: r.host for r in stage.reports}
    limits = [dict(report.limits) for report in stage.reports]
    return {
        "python": stage.reports[0].software.removeprefix("python "),
        "requested_workers": stage.requested.workers,
        "requested_cpu": stage.requested.cpu,
        "fan_in": dict(stage.fan_in),
        "hosts": [
            {
                "id": host.host_id,
                "node": host.node,
                "cpu": host.facts.cpu_name,
                "cores": host.facts.logical_cpus,
            }
            for host in hosts.values()
        ],
        "limits": limits[0] if all(item == limits[0] for item in limits) else limits,
        "memory_baseline_mb": [report.memory_baseline_mb for report in stage.reports],
        "attempts": [report.attempt for report in stage.reports],
        "co_runners": co_runners(trace, stage),
        "input_bytes": stage.input_bytes,
        "requests": {"puts": stage.puts, "gets": stage.gets},
        "submitted_s": stage.submitted_s,
        "finished_s": stage.finished_s,
    }


def co_runners(trace: RunTrace, stage: StageTrace) -> list[str]:
    """Return the stages of the same run that were at work during part of this one."""
    return [
        other.stage_id
        for other in trace.stages.values()
        if other.stage_id != stage.stage_id
        and other.submitted_s < stage.finished_s
        and stage.submitted_s < other.finished_s
    ]
