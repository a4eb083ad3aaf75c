"""Where the CPU time of a run went, checked against what its process trees really used.

Start-up of interpreters is up to half of a small job. Energy that vanishes there would falsify
every comparison, so it has a row of its own.
"""

import os
import resource
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flexecutor_energy.execution import procfs
from flexecutor_energy.execution.task import WorkerReport
from flexecutor_energy.execution.trace import RunTrace


@dataclass(frozen=True, slots=True)
class Ledger:
    """CPU seconds of one run, by where they were spent.

    Attributes
    ----------
    workers_s : stage functions: read, compute and write, failed attempts included
    startup_s : interpreters, imports and the processes that start and watch the functions
    engine_s : the driver
    storage_s : the embedded storage server; 0 where storage is elsewhere, as its CPU is not ours
    total_s : what the process trees of driver, backend and server used, read on its own;
        None where workers run on other hosts
    """

    workers_s: float
    startup_s: float
    engine_s: float
    storage_s: float
    total_s: float | None

    @property
    def accounted_s(self) -> float:
        """Sum of the rows."""
        return self.workers_s + self.startup_s + self.engine_s + self.storage_s

    @property
    def coverage(self) -> float | None:
        """Accounted share of the total; None where the total is not known."""
        return self.accounted_s / self.total_s if self.total_s else None

    def __add__(self, other: "Ledger") -> "Ledger":
        totals = (self.total_s, other.total_s)
        return Ledger(
            self.workers_s + other.workers_s,
            self.startup_s + other.startup_s,
            self.engine_s + other.engine_s,
            self.storage_s + other.storage_s,
            None if None in totals else sum(total for total in totals if total is not None),
        )

    def to_dict(self) -> dict[str, float | None]:
        """Return the rows for JSON."""
        return {
            "workers_s": self.workers_s,
            "startup_s": self.startup_s,
            "engine_s": self.engine_s,
            "storage_s": self.storage_s,
            "total_s": self.total_s,
            "coverage": self.coverage,
        }


class TreeMeter:
    """Reads the CPU time of this process's tree, and of the storage server beside it.

    Parameters
    ----------
    server_pids : the processes of the embedded server, which need not be our children
    """

    def __init__(self, server_pids: Callable[[], Iterable[int]] = tuple) -> None:
        self._server_pids = server_pids
        self._before = self._read()

    def since(self) -> tuple[float, float]:
        """Return CPU seconds since the meter was made: of everything, and of the server."""
        now = self._read()
        return now[0] - self._before[0], now[1] - self._before[1]

    def _read(self) -> tuple[float, float]:
        servers = set(self._server_pids())
        others = {*procfs.descendants(os.getpid()), *servers}
        return _own_and_reaped_s() + _cpu_s(others), _cpu_s(servers)


def _own_and_reaped_s() -> float:
    """Return the CPU seconds of this process and of its children that ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _cpu_s(pids: Iterable[int]) -> float:
    found = [procfs.process_cpu(pid) for pid in pids]
    return sum(cpu.own_s + cpu.reaped_s for cpu in found if cpu is not None)


def ledger_of(trace: RunTrace, meter: TreeMeter) -> Ledger:
    """Return where the CPU time of a finished run went."""
    everything_s, server_s = meter.since()
    workers = sum(_function_s(report) for report in trace.reports)
    invocations = sum(report.total_cpu_s or 0.0 for report in trace.reports)
    return Ledger(
        workers_s=workers,
        startup_s=invocations - workers + (trace.backend_cpu_s or 0.0),
        engine_s=trace.driver_cpu_s or 0.0,
        storage_s=server_s,
        total_s=everything_s if trace.on_this_host else None,
    )


def _function_s(report: WorkerReport) -> float:
    """CPU of the function; of one that was cut short, all that its process used."""
    inside = report.function_cpu_s
    return inside if inside is not None else (report.total_cpu_s or 0.0)
