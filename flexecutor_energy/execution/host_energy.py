"""Joules of the workers of one host during one run, by one method.

A host is modelled (or was measured) as a whole, and its joules are attributed once, so that N
workers never count it N times.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from flexecutor_energy.energy.method import EnergyMethod, modelled
from flexecutor_energy.energy.modelling import linear_energy
from flexecutor_energy.energy.sharing import HostShares, SeenHost, share_counted, share_modelled
from flexecutor_energy.energy.traces import Attribution, WorkerEnergy, WorkerTrace
from flexecutor_energy.execution.cpu_traces import (
    STARTUP,
    WORKER,
    driver_traces,
    function_trace,
    startup_cpu_s,
    startup_trace,
)
from flexecutor_energy.execution.joules import Joules
from flexecutor_energy.execution.task import WorkerReport


@dataclass(frozen=True, slots=True)
class HostRun:
    """What is known of one host during one run.

    Attributes
    ----------
    host_id : the host
    reports : its workers that came to their end
    seen : its counters, as everybody saw them, and its power curve
    backend_cpu_s : CPU seconds of the processes around the workers; None takes what these said
    driver_cpu_s, storage_cpu_s : CPU seconds of the engine and of the storage server, where
        they run on this host
    """

    host_id: str
    reports: Sequence[WorkerReport]
    seen: SeenHost
    backend_cpu_s: float | None = None
    driver_cpu_s: float | None = None
    storage_cpu_s: float | None = None

    def traces(self, start_s: float, end_s: float) -> list[WorkerTrace]:
        """Return who used CPU time when, on a host that was seen from ``start_s`` to ``end_s``."""
        own_cpu_s = startup_cpu_s(self.reports, self.backend_cpu_s)
        functions = [function_trace(report) for report in self.reports]
        starts = [startup_trace(r, own_cpu_s[r.task_id], start_s) for r in self.reports]
        others = driver_traces((start_s, end_s), self.driver_cpu_s, self.storage_cpu_s)
        return [*functions, *starts, *others]


@dataclass(frozen=True, slots=True)
class HostEnergy:
    """Energy of the workers of one host.

    Attributes
    ----------
    host_id, how : which host, and where the figures come from
    workers : joules by task id
    idle_power_w : watts without load; None where not known
    attribution : all shares; None where the host cannot be seen, only its workers
    """

    host_id: str
    how: EnergyMethod
    workers: Mapping[str, Joules]
    idle_power_w: float | None
    attribution: Attribution | None = None


def counted_energy(run: HostRun, method: str) -> HostEnergy | None:
    """Share out what a counter of the host measured; None where it was not read twice."""
    shares = share_counted(run.seen, method, run.traces)
    return _of_workers(run, shares) if shares is not None else None


def modelled_host(run: HostRun) -> HostEnergy:
    """Share out what a power curve says of the host's pooled load; of its workers where unseen."""
    shares = share_modelled(run.seen, run.traces)
    return _of_workers(run, shares) if shares is not None else _unseen(run)


def _unseen(run: HostRun) -> HostEnergy:
    """Model each worker by itself, where the host shows no counters (a cloud function)."""
    joules = {}
    curve = run.seen.curve
    own_cpu_s = startup_cpu_s(run.reports, None)
    for report in run.reports:
        vcpus = float(report.limits["cpu"]["held"])
        function, start = (
            linear_energy(curve, cpu_s=cpu_s, wall_s=wall_s, vcpus=vcpus)
            for cpu_s, wall_s in (
                (report.function_cpu_s or 0.0, report.function_s),
                (own_cpu_s[report.task_id], report.cold_start_s),
            )
        )
        joules[report.task_id] = Joules(
            function.dynamic_j.mean,
            function.idle_j.mean,
            start.dynamic_j.mean + start.idle_j.mean,
        )
    return HostEnergy(run.host_id, modelled(curve, form="linear"), joules, curve.idle_w)


def _of_workers(run: HostRun, shares: HostShares) -> HostEnergy:
    by_row = cast(Mapping[tuple[str, str], WorkerEnergy], shares.attribution.workers)
    joules = {}
    for report in run.reports:
        function, start = by_row[WORKER, report.task_id], by_row[STARTUP, report.task_id]
        joules[report.task_id] = Joules(
            _in_joules(function.dynamic_uj),
            _in_joules(function.idle_uj),
            _in_joules(start.energy_uj),
        )
    return HostEnergy(run.host_id, shares.how, joules, shares.idle_power_w, shares.attribution)


def _in_joules(microjoules: int | None) -> float | None:
    return None if microjoules is None else microjoules / 1e6
