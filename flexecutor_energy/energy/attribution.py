"""From a host's joules to its workers' joules.

Pure functions over recorded counters. The trace of a host is cut at each of its samples and at
each start and end of a worker; between two samples everything is taken to rise evenly. On each
interval between two cuts:

1. Idle energy is the idle power times the time, at most what was measured; the rest is dynamic.
2. Dynamic energy follows CPU time: a worker gets its own over that of the whole host (or over
   that of all workers, where clock ticks make these look larger than the host).
3. Idle energy is shared by policy: ``reserved`` by the cores reserved over the cores of the host,
   ``equal`` over the workers alive, ``none``.
4. Dynamic energy of DRAM follows resident memory over the memory in use on the host.
5. What no worker gets is ``system`` (dynamic) or ``host_idle``.
6. An interval that lacks a counter is unknown and counts in no total. A worker that overlaps it
   is None, and its shares of the known intervals are ``unassigned``.

Shares are integers in parts of 2^-64 µJ up to the end, where one largest-remainder rounding
splits the total over its rows and each row over its workers.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Literal, get_args

from flexecutor_energy.energy.domains import counted, kind, main_kind
from flexecutor_energy.energy.fixedpoint import FINE, UNIT, fixed, rounded
from flexecutor_energy.energy.intervals import (
    HostInterval,
    WorkerUse,
    cuts,
    host_intervals,
    uncovered,
    worker_use,
)
from flexecutor_energy.energy.ledger import Ledger
from flexecutor_energy.energy.traces import Attribution, HostTrace, WorkerEnergy, WorkerTrace
from flexecutor_energy.errors import ConfigurationError

IdlePolicy = Literal["reserved", "equal", "none"]


def attribute(
    host: HostTrace,
    workers: Sequence[WorkerTrace],
    policy: IdlePolicy = "reserved",
    idle_power_w: float | Mapping[str, float] = 0.0,
) -> Attribution:
    """Share the energy of one host among its workers.

    Parameters
    ----------
    host : counters of the host; they must cover the life of each worker, or the worker is unknown
    workers : everything whose energy is wanted, also the engine or a storage server (with
        ``cores=0`` they get no idle energy)
    policy : who answers for idle energy: ``reserved`` (cores reserved over cores of the host),
        ``equal`` (all workers alive alike) or ``none``
    idle_power_w : watts without load: one number for the processors together, or a number for
        each domain or kind of domain; 0 if it is not known

    Returns
    -------
    Attribution
        Whole microjoules; known workers, system, host idle and unassigned add up to the total.

    Raises
    ------
    ConfigurationError
        The policy or a domain of ``idle_power_w`` is unknown, a power is negative or not finite,
        or two workers share an id.
    """
    if policy not in get_args(IdlePolicy):
        raise ConfigurationError(
            f"policy must be one of {', '.join(get_args(IdlePolicy))}, not {policy!r}"
        )
    _check_ids(workers)
    grid = cuts(host, workers)
    uses = [worker_use(trace, grid) for trace in workers]
    within = host_intervals(host, _idle_watts(host, idle_power_w), grid)
    intervals = [*within, *uncovered(host, uses)]
    gaps = [interval for interval in intervals if not interval.known]
    missing = {use.worker_id for use in uses if any(use.misses(gap) for gap in gaps)}
    ledger = Ledger(uses, fixed(host.cores), policy)
    for interval in intervals:
        if interval.known:
            ledger.add(interval)
    return _result(intervals, ledger, uses, missing)


def _check_ids(workers: Sequence[WorkerTrace]) -> None:
    seen: set[Hashable] = set()
    for worker in workers:
        if worker.worker_id in seen:
            raise ConfigurationError(f"two workers share the id {worker.worker_id!r}")
        seen.add(worker.worker_id)


def _idle_watts(host: HostTrace, idle_power_w: float | Mapping[str, float]) -> dict[str, float]:
    """Return the idle power of each kind of domain that counts."""
    kinds = counted(host.energy_uj)
    if not isinstance(idle_power_w, Mapping):
        main = main_kind(host.energy_uj)
        idle_power_w = {} if main is None else {main: idle_power_w}
    watts = dict.fromkeys(kinds, 0.0)
    for domain, power in idle_power_w.items():
        if not 0 <= power < math.inf:
            raise ConfigurationError(f"idle power of {domain!r} must be 0 W or more, not {power}")
        if domain not in host.energy_uj and domain not in kinds:
            raise ConfigurationError(
                f"idle power is given for {domain!r}, but the host has: "
                f"{', '.join(host.energy_uj) or 'no domains'}"
            )
        if kind(domain) in watts:
            watts[kind(domain)] += power
    return watts


def _result(
    intervals: Sequence[HostInterval],
    ledger: Ledger,
    uses: Sequence[WorkerUse],
    missing: set[Hashable],
) -> Attribution:
    known = [use.worker_id for use in uses if use.worker_id not in missing]
    dynamic = {name: ledger.dynamic[name] for name in known}
    idle = {name: ledger.idle[name] for name in known}
    total = ledger.total // FINE
    rows = rounded(
        {
            "dynamic": sum(dynamic.values()),
            "idle": sum(idle.values()),
            "system": ledger.system,
            "host_idle": ledger.host_idle,
            "unassigned": sum(ledger.dynamic[name] + ledger.idle[name] for name in missing),
        },
        total,
    )
    dynamic_uj, idle_uj = rounded(dynamic, rows["dynamic"]), rounded(idle, rows["idle"])
    unknown = sum(interval.end - interval.start for interval in intervals if not interval.known)
    covered = sum(interval.end - interval.start for interval in intervals if interval.known)
    return Attribution(
        workers={
            use.worker_id: WorkerEnergy(dynamic_uj.get(use.worker_id), idle_uj.get(use.worker_id))
            for use in uses
        },
        system_uj=rows["system"],
        host_idle_uj=rows["host_idle"],
        unassigned_uj=rows["unassigned"],
        total_uj=total,
        unknown_s=unknown / UNIT,
        known_s=covered / UNIT,
        host_cpu_s=ledger.host_cpu / UNIT,
        foreign_cpu_s=max(0, ledger.foreign_cpu) / UNIT,
    )
