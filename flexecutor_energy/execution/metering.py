"""Joules of a run's workers: the energy of each host, by each method, and which of them counts."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import cast

from flexecutor_energy.energy.calibration import Calibration
from flexecutor_energy.energy.choice import COUNTERS, MeterChoice
from flexecutor_energy.energy.method import together
from flexecutor_energy.energy.pooling import methods_of
from flexecutor_energy.energy.power import PowerCurve
from flexecutor_energy.energy.rollup import roll_up
from flexecutor_energy.energy.select import probe_collectors
from flexecutor_energy.energy.sharing import SeenHost
from flexecutor_energy.energy.traces import WorkerEnergy
from flexecutor_energy.errors import ConfigurationError, EnergyUnavailableError
from flexecutor_energy.execution.cpu_traces import ROWS
from flexecutor_energy.execution.host_energy import (
    HostEnergy,
    HostRun,
    counted_energy,
    modelled_host,
)
from flexecutor_energy.execution.joules import Joules, MethodEnergy, RunEnergy
from flexecutor_energy.execution.task import HostView, WorkerReport
from flexecutor_energy.execution.trace import RunTrace
from flexecutor_energy.hardware.power import remembered_host_curve
from flexecutor_energy.settings import Settings

METHODS = ("auto", "rapl", "perf", "model", "all", "off")
"""How runs can be metered, besides the methods that other packages bring.

``auto`` takes the first of rapl, perf and model that works on every host of a run; ``all``
computes every one that works, stores them side by side, and counts by the one of ``auto``.
"""


def meter_choice(energy: str) -> MeterChoice | None:
    """Return which counters are to be read for an energy method; None for ``off``."""
    if energy == "off":
        return None
    settings = Settings()
    root = str(settings.host_root) if settings.host_root is not None else None
    return MeterChoice(energy, root, settings.perf_command)


def check_energy(energy: str, *, here: bool = False) -> None:
    """Raise unless runs can be metered by a method.

    Parameters
    ----------
    energy : the method
    here : whether it must work on this host, as workers run on it

    Raises
    ------
    EnergyUnavailableError
        The method was asked for by its name and does not work; never a silent substitute.
    ConfigurationError
        There is no such method.
    """
    if energy in {"auto", "model", "all", "off"} or (energy in METHODS and not here):
        return
    choice = meter_choice(energy) or MeterChoice()
    probed = probe_collectors(root=choice.root_path, perf_command=choice.perf_command)
    if energy not in probed:
        known = ", ".join(dict.fromkeys([*METHODS, *probed]))
        raise ConfigurationError(f"unknown energy method {energy!r}; known: {known}")
    if here and not probed[energy].ok:
        raise EnergyUnavailableError(energy, probed[energy].reason, probed[energy].remedy)


def meter(
    trace: RunTrace,
    storage_cpu_s: float = 0.0,
    energy: str = "auto",
    curves: Mapping[str, PowerCurve] | None = None,
    calibrations: Mapping[str, Calibration] | None = None,
) -> RunEnergy:
    """Return the joules of a run's workers.

    Parameters
    ----------
    trace : the run, also one that was cut short
    storage_cpu_s : CPU seconds of the storage server during the run
    energy : one of ``METHODS``, or a method of another package; ``off`` computes nothing
    curves : power curves by host id, used before the catalogue's
    calibrations : measured power by machine key, used before both
    """
    if energy == "off":
        return RunEnergy(reason="energy was switched off")
    reports = [report for report in trace.reports if len(report.clocks) == 4]
    if not reports:
        return RunEnergy(reason="no worker came to its end")
    hosts = _hosts(trace, reports, storage_cpu_s, curves or {}, calibrations or {})
    refused = tuple(dict.fromkeys(_refused(trace)))
    by_method = _by_method(trace, hosts, energy)
    chosen = next((m for m in _preference(energy, by_method) if m in by_method), None)
    if chosen is None:
        why = dict(refused).get(energy, "its counters were not read on every host of the run")
        return RunEnergy(None, f"{energy}: {why}", by_method, refused)
    return RunEnergy(by_method[chosen], _gaps(by_method[chosen]), by_method, refused)


def _hosts(
    trace: RunTrace,
    reports: Sequence[WorkerReport],
    storage_cpu_s: float,
    curves: Mapping[str, PowerCurve],
    calibrations: Mapping[str, Calibration],
) -> list[HostRun]:
    hosts: dict[str, HostView] = {report.host.host_id: report.host for report in reports}
    found = []
    for host in hosts.values():
        here = [report for report in reports if report.host.host_id == host.host_id]
        calibration = calibrations.get(host.machine_key)
        curve = curves.get(host.host_id) or remembered_host_curve(host.facts)
        found.append(
            HostRun(
                host.host_id,
                here,
                SeenHost(
                    samples=[
                        *(trace.host_samples if trace.on_this_host else ()),
                        *(sample for report in here for sample in report.host_samples),
                    ],
                    cores=float(host.facts.logical_cpus or 1),
                    curve=calibration.apply(curve) if calibration is not None else curve,
                    calibration=calibration,
                ),
                backend_cpu_s=trace.backend_cpu_s,
                driver_cpu_s=trace.driver_cpu_s if trace.on_this_host else None,
                storage_cpu_s=storage_cpu_s if trace.on_this_host else None,
            )
        )
    return found


def _refused(trace: RunTrace) -> Iterable[tuple[str, str]]:
    yield from trace.meters_refused
    for report in trace.reports:
        yield from report.meters_refused


def _by_method(trace: RunTrace, hosts: Sequence[HostRun], energy: str) -> dict[str, MethodEnergy]:
    """Return the energy of the run by each method that covers all its hosts."""
    read = dict.fromkeys(method for run in hosts for method in methods_of(run.seen.samples))
    found = {}
    for method in read:
        if energy in {"auto", "all", method}:
            counted = [counted_energy(run, method) for run in hosts]
            parts = [part for part in counted if part is not None]
            if len(parts) == len(hosts):
                found[method] = _gathered(trace, parts)
    if energy in {"model", "all"} or (energy == "auto" and not found):
        found["model"] = _gathered(trace, [modelled_host(run) for run in hosts])
    return found


def _preference(energy: str, found: Iterable[str]) -> Iterable[str]:
    if energy not in {"auto", "all"}:
        return (energy,)
    return dict.fromkeys([*COUNTERS, "model", *found])


def _gathered(trace: RunTrace, parts: Sequence[HostEnergy]) -> MethodEnergy:
    rows = dict.fromkeys((*ROWS, "system", "host_idle", "unassigned"), 0)
    seen = [part.attribution for part in parts if part.attribution is not None]
    for shares in seen:
        rows["system"] += shares.system_uj
        rows["host_idle"] += shares.host_idle_uj
        rows["unassigned"] += shares.unassigned_uj
        for (row, _), share in cast(
            Iterable[tuple[tuple[str, str], WorkerEnergy]], shares.workers.items()
        ):
            rows[row] += share.energy_uj or 0
    by_task = {task_id: joules for part in parts for task_id, joules in part.workers.items()}
    by_host = {p.host_id: p.attribution for p in parts if p.attribution is not None}
    host_cpu_s = sum(shares.host_cpu_s for shares in seen)
    idle_w = [part.idle_power_w for part in parts]
    known_idle_w = [watts for watts in idle_w if watts is not None]
    return MethodEnergy(
        how=together([part.how for part in parts]),
        workers={
            (stage.stage_id, report.worker_id): by_task.get(report.task_id, Joules())
            for stage in trace.stages.values()
            for report in stage.reports
        },
        rows={row: uj / 1e6 for row, uj in rows.items()} if seen else {},
        idle_power_w=sum(known_idle_w) if len(known_idle_w) == len(idle_w) else None,
        foreign_share=sum(s.foreign_cpu_s for s in seen) / host_cpu_s if host_cpu_s > 0 else None,
        unknown_s=sum(shares.unknown_s for shares in seen),
        levels=roll_up(by_host, _owner) if len(by_host) == len(parts) else None,
    )


def _owner(host_id: str, invocation: Hashable) -> tuple[Hashable, str]:
    """Return the process and the stage of what has a row: a worker with its start-up, or us."""
    del host_id
    row, task_id = cast(tuple[str, str], invocation)
    return task_id or row, task_id.rsplit("/", 2)[0] or row


def _gaps(energy: MethodEnergy) -> str:
    """Say that counters were missing for a while, if some worker's energy is unknown for it."""
    missing = [key for key, joules in energy.workers.items() if joules.total_j is None]
    if not missing:
        return ""
    names = ", ".join(f"{stage}/{worker}" for stage, worker in missing[:5])
    more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
    return (
        f"{energy.how.method}: a counter was missing for {energy.unknown_s:.3g} s, "
        f"while these were at work: {names}{more}"
    )
