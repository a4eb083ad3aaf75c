"""Joules of one host during one run, by one method, shared out to whoever used it.

A host is modelled (or was measured) as a whole, and its joules are attributed once, so that N
workers never count it N times.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from flexecutor_energy.energy.attribution import attribute
from flexecutor_energy.energy.calibration import Calibration
from flexecutor_energy.energy.domains import boundary, counted, main_kind
from flexecutor_energy.energy.method import EnergyMethod, modelled
from flexecutor_energy.energy.modelling import linear_energy, model_host_trace, modelled_energy
from flexecutor_energy.energy.pooling import counter_trace
from flexecutor_energy.energy.power import PowerCurve
from flexecutor_energy.energy.sampler import HostSample
from flexecutor_energy.energy.traces import Attribution, HostTrace, WorkerEnergy, WorkerTrace
from flexecutor_energy.execution.cpu_traces import (
    STARTUP,
    WORKER,
    driver_traces,
    function_trace,
    startup_cpu_s,
    startup_trace,
)
from flexecutor_energy.execution.joules import Joules
from flexecutor_energy.execution.task import HostView, WorkerReport

IDLE_UNKNOWN = "idle power not known: all of it counts as dynamic"


@dataclass(frozen=True, slots=True)
class HostRun:
    """What is known of one host during one run.

    Attributes
    ----------
    host : the host
    reports : its workers that came to their end
    samples : its counters, as everybody saw them
    curve : its power curve, calibrated where it was
    calibration : what was measured without and under load, if that was done
    backend_cpu_s : CPU seconds of the processes around the workers; None takes what these said
    driver_cpu_s, storage_cpu_s : CPU seconds of the engine and of the storage server, where
        they run on this host
    """

    host: HostView
    reports: Sequence[WorkerReport]
    samples: Sequence[HostSample]
    curve: PowerCurve
    calibration: Calibration | None = None
    backend_cpu_s: float | None = None
    driver_cpu_s: float | None = None
    storage_cpu_s: float | None = None

    @property
    def cores(self) -> float:
        """Hardware threads of the host."""
        return float(self.host.facts.logical_cpus or 1)

    def traces(self, start_s: float, end_s: float) -> list[WorkerTrace]:
        """Return who used CPU time when, on a host that was seen from ``start_s`` to ``end_s``."""
        own_cpu_s = startup_cpu_s(self.reports, self.backend_cpu_s)
        functions = [function_trace(report) for report in self.reports]
        starts = [startup_trace(r, own_cpu_s[r.task_id], start_s) for r in self.reports]
        others = driver_traces((start_s, end_s), self.driver_cpu_s, self.storage_cpu_s)
        return [*functions, *starts, *others]


@dataclass(frozen=True, slots=True)
class HostEnergy:
    """Energy of one host, shared out.

    Attributes
    ----------
    how : where the figures come from
    workers : joules by task id
    idle_power_w : watts without load; None where not known
    attribution : all shares; None where the host cannot be seen, only its workers
    """

    how: EnergyMethod
    workers: Mapping[str, Joules]
    idle_power_w: float | None
    attribution: Attribution | None = None


def counted_energy(run: HostRun, method: str) -> HostEnergy | None:
    """Share out what a counter of the host measured; None where it was not read twice."""
    trace = counter_trace(run.samples, method, run.cores)
    if trace is None:
        return None
    encloses = boundary(trace.energy_uj)
    idle_w = _idle_watts(run, trace, encloses)
    workers = run.traces(trace.times_s[0], trace.times_s[-1])
    shares = attribute(trace, workers, idle_power_w=idle_w or 0.0)
    domains = ", ".join(name for names in counted(trace.energy_uj).values() for name in names)
    source = f"counters of {domains}" + ("" if idle_w else f"; {IDLE_UNKNOWN}")
    how = EnergyMethod(method, encloses, known=True, source=source, form="counter")
    idle_power_w = sum(idle_w.values()) if idle_w else None
    return HostEnergy(how, _joules_of(run.reports, shares), idle_power_w, shares)


def modelled_host(run: HostRun) -> HostEnergy:
    """Share out what a power curve says of the host's pooled load; of its workers where unseen."""
    samples = [(sample.monotonic_s, sample.busy_s) for sample in run.samples]
    seen = sorted(time for time, busy_s in samples if busy_s is not None)
    if len(seen) < 2:
        return _unseen(run)
    workers = run.traces(seen[0], seen[-1])
    trace = model_host_trace(samples, run.curve, cores=run.cores, workers=workers)
    shares = attribute(trace, workers, idle_power_w=run.curve.idle_w)
    how = modelled(run.curve, modelled_energy(trace, run.curve))
    return HostEnergy(how, _joules_of(run.reports, shares), run.curve.idle_w, shares)


def _unseen(run: HostRun) -> HostEnergy:
    """Model each worker by itself, where the host shows no counters (a cloud function)."""
    joules = {}
    own_cpu_s = startup_cpu_s(run.reports, None)
    for report in run.reports:
        vcpus = float(report.limits["cpu"]["held"])
        function, start = (
            linear_energy(run.curve, cpu_s=cpu_s, wall_s=wall_s, vcpus=vcpus)
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
    return HostEnergy(modelled(run.curve, form="linear"), joules, run.curve.idle_w)


def _idle_watts(run: HostRun, trace: HostTrace, encloses: str) -> dict[str, float] | None:
    """Return idle watts by kind of domain: measured, or those of a curve of the same domain."""
    if run.calibration is not None:
        measured = run.calibration.idle_watts(encloses)
        if measured is not None:
            return measured
    main = main_kind(trace.energy_uj)
    if main is not None and run.curve.known and run.curve.boundary == main:
        return {main: run.curve.idle_w}
    return None


def _joules_of(reports: Sequence[WorkerReport], shares: Attribution) -> dict[str, Joules]:
    by_row = cast(Mapping[tuple[str, str], WorkerEnergy], shares.workers)
    joules = {}
    for report in reports:
        function, start = by_row[WORKER, report.task_id], by_row[STARTUP, report.task_id]
        joules[report.task_id] = Joules(
            _in_joules(function.dynamic_uj),
            _in_joules(function.idle_uj),
            _in_joules(start.energy_uj),
        )
    return joules


def _in_joules(microjoules: int | None) -> float | None:
    return None if microjoules is None else microjoules / 1e6
