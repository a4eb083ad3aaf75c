"""Who used CPU time when, in a run on one host: what attribution works on.

Each trace is named ``(row, task id)``; the rows are those of the run's energy ledger.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from flexecutor_energy.energy.traces import WorkerTrace
from flexecutor_energy.execution.task import WorkerReport

WORKER = "workers"
STARTUP = "startup"
ENGINE = "engine"
STORAGE = "storage"
ROWS = (WORKER, STARTUP, ENGINE, STORAGE)


def function_trace(report: WorkerReport) -> WorkerTrace:
    """Return the CPU time of a stage function over its phases, and within them where it is known.

    The clocks of the phases are exact. What was seen from outside, in ticks, lies between them.
    """
    begin = report.clocks[0].cpu_s
    knots = [(clock.monotonic_s, clock.cpu_s - begin) for clock in report.clocks]
    seen = [(time_s, cpu_s - begin) for time_s, cpu_s in report.cpu_samples]
    trace = knots[:1]
    for (start_s, before), (end_s, after) in pairwise(knots):
        inside = [(time_s, cpu_s) for time_s, cpu_s in seen if start_s < time_s < end_s]
        trace += [(time_s, min(max(cpu_s, before), after)) for time_s, cpu_s in inside]
        trace.append((end_s, after))
    return WorkerTrace(
        (WORKER, report.task_id),
        [time_s for time_s, _ in trace],
        [cpu_s for _, cpu_s in trace],
        cores=float(report.limits["cpu"]["held"]),
        rss_mb=report.memory_peak_mb or 0.0,
    )


def startup_trace(report: WorkerReport, cpu_s: float, earliest_s: float) -> WorkerTrace:
    """Return the CPU time that starting a worker took, from its submission to its first phase.

    Its cores are reserved while it starts. Winding down is counted here too.

    Parameters
    ----------
    report : the worker
    cpu_s : CPU seconds of starting it
    earliest_s : first sample of the host; submission is known by wall clock only, which may
        place it a little before
    """
    end = report.clocks[0].monotonic_s
    return WorkerTrace(
        (STARTUP, report.task_id),
        [min(max(end - report.cold_start_s, earliest_s), end), end],
        [0.0, cpu_s],
        cores=float(report.limits["cpu"]["held"]),
    )


def startup_cpu_s(
    reports: Sequence[WorkerReport], backend_cpu_s: float | None
) -> dict[str, float]:
    """Return the CPU seconds of starting each worker, by task id.

    A worker's own start and end, and its share of the processes around it: each of these is
    shared equally by the workers that it served, and all of them are scaled to what the backend
    really used in this run, as a warm process has used CPU time before it.

    Parameters
    ----------
    reports : the workers of one host
    backend_cpu_s : CPU seconds of the processes around the workers in this run; None takes what
        these processes said themselves
    """
    served = Counter((pid, start) for report in reports for pid, start, _ in report.supervisors)
    shares = {
        report.task_id: sum(cpu_s / served[pid, start] for pid, start, cpu_s in report.supervisors)
        for report in reports
    }
    total = sum(shares.values())
    scale = backend_cpu_s / total if backend_cpu_s is not None and total > 0 else 1.0
    return {r.task_id: _own_startup_s(r) + shares[r.task_id] * scale for r in reports}


def _own_startup_s(report: WorkerReport) -> float:
    return max((report.total_cpu_s or 0.0) - (report.function_cpu_s or 0.0), 0.0)


def driver_traces(
    ends_s: tuple[float, float], driver_cpu_s: float | None, storage_cpu_s: float | None
) -> list[WorkerTrace]:
    """Return what the engine and the storage server used, spread over the whole run."""
    parts = {ENGINE: driver_cpu_s, STORAGE: storage_cpu_s}
    return [
        WorkerTrace((row, ""), list(ends_s), [0.0, cpu_s], cores=0.0)
        for row, cpu_s in parts.items()
        if cpu_s
    ]
