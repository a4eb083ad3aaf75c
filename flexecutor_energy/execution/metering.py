"""Joules of a run's workers: the hosts' energy, shared out by what each worker did.

Samples of all workers of one host are pooled; the host is modelled (or was measured) as a
whole, and its joules are attributed once, so that N workers never count it N times.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from flexecutor_energy.energy.attribution import attribute
from flexecutor_energy.energy.model import model_host_trace
from flexecutor_energy.energy.power import PowerCurve
from flexecutor_energy.energy.traces import Attribution, WorkerTrace
from flexecutor_energy.execution.task import HostSample, HostView, WorkerReport
from flexecutor_energy.execution.trace import RunTrace
from flexecutor_energy.hardware.power import host_power_curve

logger = logging.getLogger(__name__)

FOREIGN_LIMIT = 0.10
"""Share of the host's CPU time that others may use before a repetition is flagged."""


@dataclass(frozen=True, slots=True)
class Joules:
    """Energy of one worker; None where it is not known."""

    dynamic_j: float | None = None
    idle_j: float | None = None

    @property
    def total_j(self) -> float | None:
        """Dynamic and idle joules together."""
        if self.dynamic_j is None or self.idle_j is None:
            return None
        return self.dynamic_j + self.idle_j


@dataclass(frozen=True, slots=True)
class RunEnergy:
    """Energy of one run, with where it comes from.

    Attributes
    ----------
    method : ``model``, or None where energy was not measured
    reason : why it was not measured, or ""
    boundary : what the joules enclose: ``package``, ``wall``, …
    source : the constants behind a modelled figure
    band : ends of its 80 % band, as multiples of the figure
    known : whether the processor's own constants were used, not a default
    workers : joules by (stage, worker)
    rows : joules by where they went; the rows sum up to the hosts' energy
    foreign_share : share of the hosts' CPU time that nothing of ours used
    """

    method: str | None = None
    reason: str = ""
    boundary: str | None = None
    source: str = ""
    band: tuple[float, float] | None = None
    known: bool = False
    workers: Mapping[tuple[str, int], Joules] = field(default_factory=dict)
    rows: Mapping[str, float] = field(default_factory=dict)
    foreign_share: float | None = None

    def of(self, stage_id: str, worker_id: int) -> Joules:
        """Return the joules of one worker."""
        return self.workers.get((stage_id, worker_id), Joules())

    def stage_j(self, stage_id: str) -> float | None:
        """Return the joules of all workers of a stage; None if one is not known."""
        values = [j.total_j for (stage, _), j in self.workers.items() if stage == stage_id]
        if not values or any(value is None for value in values):
            return None
        return sum(value for value in values if value is not None)

    @property
    def total_j(self) -> float | None:
        """Joules of all workers of all stages; None if one is not known."""
        stages = {stage for stage, _ in self.workers}
        values = [self.stage_j(stage) for stage in stages]
        if not values or any(value is None for value in values):
            return None
        return sum(value for value in values if value is not None)

    def meta(self) -> dict[str, Any]:
        """Return where the figures come from, for a profile."""
        if self.method is None:
            return {"method": None, "energy_reason": self.reason}
        return {
            "method": self.method,
            "scope": "provisioned",
            "boundary": self.boundary,
            "energy_source": self.source,
            "uncertainty": {"level": 0.8, "band": list(self.band or ()), "known": self.known},
            "foreign_load": self.foreign_share,
            "foreign_load_high": (self.foreign_share or 0.0) > FOREIGN_LIMIT,
        }


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
    energy : ``auto`` or ``model``; ``off`` computes nothing
    curves : calibrated power curves by host id, used before the catalogue's
    """
    if energy == "off":
        return RunEnergy(reason="energy was switched off")
    reports = [report for report in trace.reports if len(report.clocks) == 4]
    if not reports:
        return RunEnergy(reason="no worker came to its end")
    hosts = {report.host.host_id: report.host for report in reports}
    parts: list[tuple[Attribution, PowerCurve]] = []
    for host in hosts.values():
        here = [report for report in reports if report.host.host_id == host.host_id]
        curve = (curves or {}).get(host.host_id) or host_power_curve(host.facts)
        attribution = _attribute_host(host, here, trace, storage_cpu_s, curve)
        if attribution is None:
            return RunEnergy(reason=f"host {host.node!r} does not show its CPU counters")
        parts.append((attribution, curve))
    return _gathered(trace, parts)


def _attribute_host(
    host: HostView,
    reports: list[WorkerReport],
    trace: RunTrace,
    storage_cpu_s: float,
    curve: PowerCurve,
) -> Attribution | None:
    samples = _pooled(reports)
    if len(samples) < 2:
        return None
    workers = [t for report in reports for t in _traces(report)]
    if trace.on_this_host:
        workers += _others(samples, trace, storage_cpu_s)
    cores = float(host.facts.logical_cpus or 1)
    points = [(sample.monotonic_s, sample.busy_s) for sample in samples]
    return attribute(model_host_trace(points, curve, cores), workers, idle_power_w=curve.idle_w)


def _pooled(reports: Iterable[WorkerReport]) -> list[HostSample]:
    """Return the host samples of all workers of one host, by time, counters never falling."""
    found = [sample for report in reports for sample in report.host_samples]
    for report in reports:
        found += [
            HostSample(clock.monotonic_s, clock.host_busy_s)
            for clock in report.clocks
            if clock.host_busy_s is not None
        ]
    ordered: list[HostSample] = []
    for sample in sorted(found, key=lambda s: (s.monotonic_s, s.busy_s)):
        if ordered and sample.monotonic_s == ordered[-1].monotonic_s:
            continue
        busy = max(sample.busy_s, ordered[-1].busy_s) if ordered else sample.busy_s
        ordered.append(HostSample(sample.monotonic_s, busy))
    return ordered


def _traces(report: WorkerReport) -> list[WorkerTrace]:
    """Return the function's CPU over its phases, and its start-up before them."""
    first = report.clocks[0]
    function = WorkerTrace(
        ("worker", report.task_id),
        [clock.monotonic_s for clock in report.clocks],
        [clock.cpu_s for clock in report.clocks],
        cores=float(report.limits["cpu"]["held"]),
        rss_mb=report.memory_peak_mb or 0.0,
    )
    before = report.host_samples[0].monotonic_s if report.host_samples else first.monotonic_s
    if before >= first.monotonic_s:
        return [function]
    startup = WorkerTrace(
        ("startup", report.task_id), [before, first.monotonic_s], [0.0, first.cpu_s], cores=0.0
    )
    return [function, startup]


def _others(samples: list[HostSample], trace: RunTrace, storage_cpu_s: float) -> list[WorkerTrace]:
    """Return what the engine, its backend and the storage server used over the whole run."""
    parts = {
        "engine": trace.driver_cpu_s,
        "startup": trace.backend_cpu_s,
        "storage": storage_cpu_s,
    }
    ends = [samples[0].monotonic_s, samples[-1].monotonic_s]
    return [
        WorkerTrace((row, ""), ends, [0.0, cpu_s], cores=0.0)
        for row, cpu_s in parts.items()
        if cpu_s
    ]


def _gathered(trace: RunTrace, parts: list[tuple[Attribution, PowerCurve]]) -> RunEnergy:
    rows = dict.fromkeys(
        ("workers", "startup", "engine", "storage", "system", "host_idle", "unassigned"), 0
    )
    by_task: dict[str, Joules] = {}
    for attribution, _ in parts:
        rows["system"] += attribution.system_uj
        rows["host_idle"] += attribution.host_idle_uj
        rows["unassigned"] += attribution.unassigned_uj
        for identity, shares in attribution.workers.items():
            row, task_id = cast(tuple[str, str], identity)
            rows["workers" if row == "worker" else row] += shares.energy_uj or 0
            if row == "worker":
                by_task[task_id] = Joules(_joules(shares.dynamic_uj), _joules(shares.idle_uj))
    workers = {
        (stage.stage_id, report.worker_id): by_task.get(report.task_id, Joules())
        for stage in trace.stages.values()
        for report in stage.reports
    }
    host_cpu_s = sum(attribution.host_cpu_s for attribution, _ in parts)
    foreign_s = sum(attribution.foreign_cpu_s for attribution, _ in parts)
    bands = [curve.relative_band() for _, curve in parts]
    return RunEnergy(
        method="model",
        boundary=" and ".join(sorted({curve.boundary for _, curve in parts})),
        source="; ".join(dict.fromkeys(curve.source for _, curve in parts)),
        band=(min(low for low, _ in bands), max(high for _, high in bands)),
        known=all(curve.known for _, curve in parts),
        workers=workers,
        rows={row: uj / 1e6 for row, uj in rows.items()},
        foreign_share=foreign_s / host_cpu_s if host_cpu_s > 0 else None,
    )


def _joules(microjoules: int | None) -> float | None:
    return None if microjoules is None else microjoules / 1e6
