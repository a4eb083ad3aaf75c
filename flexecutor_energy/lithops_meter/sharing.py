"""From the accounts of calls and the samples of hosts to joules. Pure functions, without Lithops.

Each host is measured (or modelled) as a whole, and its joules are shared out once, so that N
calls never count it N times. A host that shows nothing of itself has its calls modelled one by
one, and says so.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from flexecutor_energy.energy.attribution import IdlePolicy
from flexecutor_energy.energy.calibration import Calibration
from flexecutor_energy.energy.choice import COUNTERS
from flexecutor_energy.energy.method import modelled
from flexecutor_energy.energy.modelling import linear_energy
from flexecutor_energy.energy.pooling import methods_of
from flexecutor_energy.energy.power import PowerCurve
from flexecutor_energy.energy.sampler import HostSample
from flexecutor_energy.energy.sharing import HostShares, SeenHost, share_counted, share_modelled
from flexecutor_energy.energy.traces import WorkerTrace
from flexecutor_energy.hardware.detect import HostFacts
from flexecutor_energy.lithops_meter.account import Account
from flexecutor_energy.lithops_meter.calls import (
    DRIVER,
    FUTURES,
    ROWS,
    STARTUP,
    Call,
    CallEnergy,
    DriverHost,
    HostEnergy,
    Shares,
)

SAME_BOOT_S = 5.0
"""Hosts of one id whose clocks began further apart are copies of one sleeping machine."""

_REST = -1

PowerOf = Callable[[HostFacts, str], tuple[PowerCurve, Calibration | None]]
"""Gives the power of a machine by its facts and its key, and what was measured of it."""


@dataclass(frozen=True, slots=True)
class _Host:
    """What is known of one host."""

    host_id: str
    facts: HostFacts
    machine_key: str
    samples: Sequence[HostSample]
    calls: Sequence[tuple[Call, Account]]
    driver: DriverHost | None = None

    @property
    def cores(self) -> float:
        return float(self.facts.logical_cpus or 1)

    def traces(self, start_s: float, end_s: float) -> list[WorkerTrace]:
        """Return who used CPU time when, on a host that was seen from ``start_s`` to ``end_s``."""
        traces = [_function(call, account) for call, account in self.calls]
        if self.driver is not None:
            below_s = self.driver.below_cpu_s - sum(account.cpu_s for _, account in self.calls)
            traces += _startup(self.calls, max(0.0, below_s), start_s, end_s)
            own = [0.0, self.driver.own_cpu_s]
            traces.append(WorkerTrace((DRIVER, 0), [start_s, end_s], own, cores=0.0))
        return traces


def share(
    calls: Sequence[Call],
    method: str,
    power_of: PowerOf,
    driver: DriverHost | None = None,
    policy: IdlePolicy = "reserved",
) -> Shares:
    """Return the energy of all calls.

    Parameters
    ----------
    calls : every call that was made
    method : ``auto`` (a counter where the host's was read, else the model), or one method, which
        is then used or refused, never replaced
    power_of : power of a machine
    driver : the driver's host, where calls can run on it
    policy : who answers for idle power, see ``attribute``
    """
    found = {call.number: CallEnergy(None, reason=call.reason) for call in calls}
    refused: list[tuple[str, str]] = []
    hosts = []
    for host in _hosts(calls, driver):
        energy = _of_host(host, method, power_of, policy)
        refused += [each for _, account in host.calls for each in account.refused]
        if isinstance(energy, str):
            for call, _ in host.calls:
                found[call.number] = CallEnergy(host.host_id, reason=energy)
        else:
            hosts.append(energy)
            found |= energy.calls
    return Shares(found, tuple(hosts), tuple(dict.fromkeys(refused)))


def _hosts(calls: Iterable[Call], driver: DriverHost | None) -> list[_Host]:
    """Return the hosts that calls ran on, the driver's first, each with what is known of it."""
    begun: dict[str, list[float]] = {} if driver is None else {driver.host_id: [driver.began_s]}
    by_host: dict[tuple[str, int], list[tuple[Call, Account]]] = {}
    for call in calls:
        if call.account is not None:
            copy = _copy(begun.setdefault(call.account.host_id, []), call.account)
            by_host.setdefault((call.account.host_id, copy), []).append((call, call.account))
    hosts = []
    if driver is not None:
        here = by_host.pop((driver.host_id, 0), [])
        # it has sampled its host all the time; what calls saw of it adds nothing
        hosts = [
            _Host(driver.host_id, driver.facts, driver.machine_key, driver.samples, here, driver)
        ]
    for (name, copy), members in by_host.items():
        account = members[0][1]
        samples = [sample for _, each in members for sample in each.host_samples]
        host_id = f"{name}#{copy + 1}" if copy else name
        hosts.append(_Host(host_id, account.facts, account.machine_key, samples, members))
    return hosts


def _copy(begun: list[float], account: Account) -> int:
    """Return which of the hosts of one id this is, by when its clock began; note a new one."""
    began_s = account.start.wall_s - account.start.monotonic_s
    for copy, other_s in enumerate(begun):
        if abs(other_s - began_s) < SAME_BOOT_S:
            return copy
    begun.append(began_s)
    return len(begun) - 1


def _function(call: Call, account: Account) -> WorkerTrace:
    return WorkerTrace(
        (FUTURES, call.number),
        [account.start.monotonic_s, account.end.monotonic_s],
        [0.0, account.cpu_s],
        cores=call.cores,
        rss_mb=account.rss_mb,
    )


def _startup(
    calls: Sequence[tuple[Call, Account]], cpu_s: float, start_s: float, end_s: float
) -> list[WorkerTrace]:
    """Return the CPU time around calls: alike for each, from its submission to its start.

    More than one core would have used in that time is somebody else's, at any time.
    """
    traces = []
    rest_s = cpu_s
    for call, account in calls:
        begin_s = account.start.monotonic_s
        span = (min(max(call.submitted_s, start_s), begin_s), begin_s)
        used_s = min(cpu_s / len(calls), span[1] - span[0])
        rest_s -= used_s
        traces.append(WorkerTrace((STARTUP, call.number), span, [0.0, used_s], 0.0))
    rest = [0.0, max(0.0, rest_s)]
    return [*traces, WorkerTrace((STARTUP, _REST), [start_s, end_s], rest, 0.0)]


def _of_host(host: _Host, method: str, power_of: PowerOf, policy: IdlePolicy) -> HostEnergy | str:
    """Return the energy of a host and its calls, or why it is not known."""
    curve, calibration = power_of(host.facts, host.machine_key)
    seen = SeenHost(host.samples, host.cores, curve, calibration)
    read = methods_of(host.samples)
    if method == "auto":
        wanted = [name for name in dict.fromkeys([*COUNTERS, *read]) if name in read]
    else:
        wanted = [] if method == "model" else [method]
    for name in wanted:
        shares = share_counted(seen, name, host.traces, policy)
        if shares is not None:
            return _shared(host, shares)
    if method in {"auto", "model"}:
        shares = share_modelled(seen, host.traces, policy)
        return _shared(host, shares) if shares is not None else _unseen(host, curve)
    refused = {name: why for _, account in host.calls for name, why in account.refused}
    return f"{method}: {refused.get(method, 'its counters were not read on this host')}"


def _unseen(host: _Host, curve: PowerCurve) -> HostEnergy:
    """Model each call by itself, where the host shows nothing (a cloud function)."""
    calls = {}
    for call, account in host.calls:
        energy = linear_energy(
            curve, cpu_s=account.cpu_s, wall_s=account.duration_s, vcpus=call.cores
        )
        dynamic_uj, idle_uj = (
            round(part.mean * 1e6) for part in (energy.dynamic_j, energy.idle_j)
        )
        calls[call.number] = CallEnergy(host.host_id, dynamic_uj, idle_uj)
    rows = dict.fromkeys(ROWS, 0) | {FUTURES: sum(each.energy_uj or 0 for each in calls.values())}
    return HostEnergy(host.host_id, modelled(curve, form="linear"), calls, rows)


def _shared(host: _Host, found: HostShares) -> HostEnergy:
    shares = found.attribution
    rows = dict.fromkeys(ROWS, 0) | {
        "system": shares.system_uj,
        "host_idle": shares.host_idle_uj,
        "unassigned": shares.unassigned_uj,
    }
    calls = {}
    for worker, energy in shares.workers.items():
        row, number = cast(tuple[str, int], worker)
        rows[row] += energy.energy_uj or 0
        if row == FUTURES:
            missing = f"a counter of its host was missing for {shares.unknown_s:.3g} s"
            calls[number] = CallEnergy(
                host.host_id,
                energy.dynamic_uj,
                energy.idle_uj,
                missing if energy.energy_uj is None else "",
            )
    foreign = shares.foreign_share if host.driver is not None else None
    return HostEnergy(host.host_id, found.how, calls, rows, foreign)
