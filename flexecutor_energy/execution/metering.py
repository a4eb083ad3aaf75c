"""Joules of a run's workers: the hosts' energy, shared out by what each worker did.

Samples of all workers of one host are pooled; the host is modelled (or was measured) as a
whole, and its joules are attributed once, so that N workers never count it N times.
"""

import functools
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from flexecutor_energy.energy.attribution import attribute
from flexecutor_energy.energy.method import EnergyMethod, modelled
from flexecutor_energy.energy.modelling import linear_energy, model_host_trace, modelled_energy
from flexecutor_energy.energy.power import LEVEL, PowerCurve
from flexecutor_energy.energy.select import probe_collectors
from flexecutor_energy.energy.traces import Attribution, WorkerEnergy
from flexecutor_energy.errors import ConfigurationError, EnergyUnavailableError
from flexecutor_energy.execution.cpu_traces import (
    ROWS,
    STARTUP,
    WORKER,
    driver_traces,
    function_trace,
    pooled_samples,
    startup_cpu_s,
    startup_trace,
)
from flexecutor_energy.execution.task import HostView, WorkerReport
from flexecutor_energy.execution.trace import RunTrace
from flexecutor_energy.hardware.detect import HostFacts
from flexecutor_energy.hardware.power import host_power_curve

logger = logging.getLogger(__name__)

FOREIGN_LIMIT = 0.10
"""Share of the host's CPU time that others may use before a repetition is flagged."""


METHODS = ("auto", "model", "off")
"""How runs can be metered; ``auto`` takes the best that can be attributed to workers."""


@dataclass(frozen=True, slots=True)
class Joules:
    """Energy of one worker; None where it is not known.

    Attributes
    ----------
    dynamic_j, idle_j : of its function: what its work drew, and its share of idle power
    startup_j : of starting it: interpreter, imports and the processes around it
    """

    dynamic_j: float | None = None
    idle_j: float | None = None
    startup_j: float | None = None

    @property
    def function_j(self) -> float | None:
        """Dynamic and idle joules of the function."""
        return _sum([self.dynamic_j, self.idle_j])

    @property
    def total_j(self) -> float | None:
        """Joules of the function and of its start: scope ``provisioned``."""
        return _sum([self.dynamic_j, self.idle_j, self.startup_j])


@dataclass(frozen=True, slots=True)
class RunEnergy:
    """Energy of one run, with where it comes from.

    Attributes
    ----------
    how : method, boundary, constants and band; None where energy was not measured
    reason : why it was not measured, or ""
    workers : joules by (stage, worker)
    rows : joules by where they went; the rows sum up to the hosts' energy
    idle_power_w : what the hosts draw without load, together; None where not known
    foreign_share : share of the hosts' CPU time that nothing of ours used
    """

    how: EnergyMethod | None = None
    reason: str = ""
    workers: Mapping[tuple[str, int], Joules] = field(default_factory=dict)
    rows: Mapping[str, float] = field(default_factory=dict)
    idle_power_w: float | None = None
    foreign_share: float | None = None

    @property
    def method(self) -> str | None:
        """``model`` and the like, or None where energy was not measured."""
        return self.how.method if self.how is not None else None

    def of(self, stage_id: str, worker_id: int) -> Joules:
        """Return the joules of one worker."""
        return self.workers.get((stage_id, worker_id), Joules())

    def stage_j(self, stage_id: str) -> float | None:
        """Return the joules of all workers of a stage; None if one is not known."""
        return _sum([j.total_j for (stage, _), j in self.workers.items() if stage == stage_id])

    @property
    def total_j(self) -> float | None:
        """Joules of all workers of all stages; None if one is not known."""
        return _sum([joules.total_j for joules in self.workers.values()])

    def meta(self) -> dict[str, Any]:
        """Return where the figures come from, for a profile."""
        if self.how is None:
            return {"method": None, "energy_reason": self.reason}
        band = list(self.how.band) if self.how.band is not None else None
        return {
            "method": self.how.method,
            "scope": "provisioned",
            "boundary": self.how.boundary,
            "energy_source": self.how.source,
            "energy_form": self.how.form,
            "uncertainty": {"level": LEVEL, "band": band, "known": self.how.known},
            "idle_power_w": self.idle_power_w,
            "foreign_load": self.foreign_share,
            "foreign_load_high": (self.foreign_share or 0.0) > FOREIGN_LIMIT,
        }


@dataclass(frozen=True, slots=True)
class _HostEnergy:
    """Energy of one host, shared out; ``attribution`` is None where the host cannot be seen."""

    how: EnergyMethod
    idle_power_w: float
    attribution: Attribution | None
    workers: Mapping[str, Joules]


def check_energy(energy: str) -> None:
    """Raise unless runs can be metered by a method.

    Raises
    ------
    EnergyUnavailableError
        The method's counters cannot be read here, or are not attributed to workers yet; never a
        silent substitute.
    ConfigurationError
        There is no such method.
    """
    if energy in METHODS:
        return
    availability = probe_collectors().get(energy)
    if availability is None:
        raise ConfigurationError(f"unknown energy method {energy!r}; known: {', '.join(METHODS)}")
    if not availability.ok:
        raise EnergyUnavailableError(energy, availability.reason, availability.remedy)
    raise EnergyUnavailableError(
        energy,
        "its counters can be read here, but this version does not attribute them to workers",
        "use energy='model'",
    )


def meter(
    trace: RunTrace,
    storage_cpu_s: float = 0.0,
    energy: str = "auto",
    curves: Mapping[str, PowerCurve] | None = None,
) -> RunEnergy:
    """Return the joules of a run's workers.

    Parameters
    ----------
    trace : the run, also one that was cut short
    storage_cpu_s : CPU seconds of the storage server during the run
    energy : one of ``METHODS``; ``off`` computes nothing
    curves : calibrated power curves by host id, used before the catalogue's
    """
    if energy == "off":
        return RunEnergy(reason="energy was switched off")
    reports = [report for report in trace.reports if len(report.clocks) == 4]
    if not reports:
        return RunEnergy(reason="no worker came to its end")
    hosts = {report.host.host_id: report.host for report in reports}
    parts = []
    for host in hosts.values():
        here = [report for report in reports if report.host.host_id == host.host_id]
        curve = (curves or {}).get(host.host_id) or _catalogue_curve(host.facts)
        parts.append(_host_energy(host, here, trace, storage_cpu_s, curve))
    return _gathered(trace, parts)


@functools.cache
def _catalogue_curve(facts: HostFacts) -> PowerCurve:
    """Look a host up once, so that an unknown processor is warned of once and not every run."""
    return host_power_curve(facts)


def _host_energy(
    host: HostView,
    reports: list[WorkerReport],
    trace: RunTrace,
    storage_cpu_s: float,
    curve: PowerCurve,
) -> _HostEnergy:
    samples = pooled_samples(reports, trace.host_samples if trace.on_this_host else ())
    if len(samples) < 2:
        return _unseen_host(reports, curve)
    own_cpu_s = startup_cpu_s(reports, trace.backend_cpu_s)
    workers = [function_trace(report) for report in reports]
    workers += [startup_trace(r, own_cpu_s[r.task_id], samples[0][0]) for r in reports]
    if trace.on_this_host:
        workers += driver_traces(samples, trace.driver_cpu_s, storage_cpu_s)
    cores = float(host.facts.logical_cpus or 1)
    modelled_host = model_host_trace(samples, curve, cores=cores, workers=workers)
    shares = attribute(modelled_host, workers, idle_power_w=curve.idle_w)
    by_row = dict(_by_row(shares))
    joules = {}
    for report in reports:
        function, start = by_row[WORKER, report.task_id], by_row[STARTUP, report.task_id]
        joules[report.task_id] = Joules(
            _joules(function.dynamic_uj), _joules(function.idle_uj), _joules(start.energy_uj)
        )
    how = modelled(curve, modelled_energy(modelled_host, curve))
    return _HostEnergy(how, curve.idle_w, shares, joules)


def _unseen_host(reports: list[WorkerReport], curve: PowerCurve) -> _HostEnergy:
    """Model each worker by itself, where the host shows no counters (a cloud function)."""
    joules = {}
    own_cpu_s = startup_cpu_s(reports, None)
    for report in reports:
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
    return _HostEnergy(modelled(curve, form="linear"), curve.idle_w, None, joules)


def _by_row(shares: Attribution) -> list[tuple[tuple[str, str], WorkerEnergy]]:
    return cast(list[tuple[tuple[str, str], WorkerEnergy]], list(shares.workers.items()))


def _gathered(trace: RunTrace, parts: list[_HostEnergy]) -> RunEnergy:
    rows = dict.fromkeys((*ROWS, "system", "host_idle", "unassigned"), 0)
    seen = [part.attribution for part in parts if part.attribution is not None]
    for shares in seen:
        rows["system"] += shares.system_uj
        rows["host_idle"] += shares.host_idle_uj
        rows["unassigned"] += shares.unassigned_uj
        for (row, _), share in _by_row(shares):
            rows[row] += share.energy_uj or 0
    by_task = {task_id: joules for part in parts for task_id, joules in part.workers.items()}
    workers = {
        (stage.stage_id, report.worker_id): by_task.get(report.task_id, Joules())
        for stage in trace.stages.values()
        for report in stage.reports
    }
    host_cpu_s = sum(shares.host_cpu_s for shares in seen)
    return RunEnergy(
        how=_common(parts),
        workers=workers,
        rows={row: uj / 1e6 for row, uj in rows.items()} if seen else {},
        idle_power_w=sum(part.idle_power_w for part in parts),
        foreign_share=sum(s.foreign_cpu_s for s in seen) / host_cpu_s if host_cpu_s > 0 else None,
    )


def _common(parts: list[_HostEnergy]) -> EnergyMethod:
    """Return how the energy of several hosts came about: the widest band, every source."""
    first = parts[0].how
    bands = [part.how.band for part in parts]
    known = [band for band in bands if band is not None]
    return EnergyMethod(
        method=first.method,
        boundary=" and ".join(sorted({part.how.boundary for part in parts})),
        known=all(part.how.known for part in parts),
        source="; ".join(dict.fromkeys(part.how.source for part in parts)),
        form=" and ".join(sorted({part.how.form for part in parts})),
        band=(min(b[0] for b in known), max(b[1] for b in known))
        if len(known) == len(bands)
        else None,
    )


def _joules(microjoules: int | None) -> float | None:
    return None if microjoules is None else microjoules / 1e6


def _sum(values: Iterable[float | None]) -> float | None:
    """Return the sum; None as soon as one value is not known, or where there are none."""
    known = list(values)
    if not known or any(value is None for value in known):
        return None
    return sum(value for value in known if value is not None)
