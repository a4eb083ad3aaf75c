"""Energy of several hosts by host, by worker process and by function, conserved at each level.

``attribute`` shares out one host among the invocations that ran there. Here these shares are only
added up, in whole microjoules, so nothing is rounded and nothing vanishes::

    total = Σ hosts (workers + system + host idle + unassigned)
    workers of a host = Σ its worker processes = Σ its invocations that are known
    workers of all hosts = Σ functions

An invocation whose energy is unknown makes that of its process and of its function unknown too.
What is known of them stays visible beside it (``known_uj``), so that the sums hold all the same.
"""

import math
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from flexecutor_energy.energy.traces import Attribution, WorkerEnergy

HostId = TypeVar("HostId", bound=Hashable)


@dataclass(frozen=True, slots=True)
class GroupEnergy:
    """The energy of some invocations taken together.

    Attributes
    ----------
    known_dynamic_uj, known_idle_uj : microjoules of the invocations whose energy is known
    invocations : how many there are
    unknown : how many of them have no known energy
    """

    known_dynamic_uj: int = 0
    known_idle_uj: int = 0
    invocations: int = 0
    unknown: int = 0

    @property
    def known_uj(self) -> int:
        """Dynamic and idle energy of the known invocations: the part that adds up."""
        return self.known_dynamic_uj + self.known_idle_uj

    @property
    def dynamic_uj(self) -> int | None:
        """Dynamic energy of all invocations, None if one of them is unknown."""
        return None if self.unknown else self.known_dynamic_uj

    @property
    def idle_uj(self) -> int | None:
        """Idle energy of all invocations, None if one of them is unknown."""
        return None if self.unknown else self.known_idle_uj

    @property
    def energy_uj(self) -> int | None:
        """Energy of all invocations, None if one of them is unknown."""
        return None if self.unknown else self.known_uj


@dataclass(frozen=True, slots=True)
class HostEnergy:
    """Where the energy of one host, or of all hosts together, went.

    ``workers_uj + system_uj + host_idle_uj + unassigned_uj == total_uj``, exactly.

    Attributes
    ----------
    total_uj : energy over the time that is known
    workers : the invocations that ran there
    system_uj, host_idle_uj, unassigned_uj : see ``Attribution``
    unknown_s : seconds for which a counter was missing, summed over hosts
    hosts : how many hosts these are
    unknown_hosts : how many of them have energy that is not known for all the time
    """

    total_uj: int
    workers: GroupEnergy
    system_uj: int
    host_idle_uj: int
    unassigned_uj: int
    unknown_s: float
    hosts: int
    unknown_hosts: int

    @property
    def workers_uj(self) -> int:
        """Energy of the invocations that is known."""
        return self.workers.known_uj

    @property
    def energy_uj(self) -> int | None:
        """The total, None if it is unknown for some of the time, or there is no host at all."""
        return None if self.unknown_hosts or not self.hosts else self.total_uj


@dataclass(frozen=True, slots=True)
class RollUp:
    """The energy of several hosts at three levels.

    Attributes
    ----------
    all_hosts : everything together
    hosts : by host
    workers : by worker process, named by its host and itself
    functions : by function, over all hosts
    """

    all_hosts: HostEnergy
    hosts: Mapping[Hashable, HostEnergy]
    workers: Mapping[tuple[Hashable, Hashable], GroupEnergy]
    functions: Mapping[str, GroupEnergy]

    @property
    def total_uj(self) -> int:
        """Energy of all hosts over the time that is known."""
        return self.all_hosts.total_uj

    @property
    def energy_uj(self) -> int | None:
        """Energy of all hosts, None if that of one of them is not known for all the time."""
        return self.all_hosts.energy_uj


def roll_up(
    attributions: Mapping[HostId, Attribution],
    owner: Callable[[HostId, Hashable], tuple[Hashable, str]],
) -> RollUp:
    """Add up the shares of energy of several hosts by host, worker process and function.

    Parameters
    ----------
    attributions : for each host where its energy went; the engine, a storage server or the
        start-up of workers may be among the workers, with a function name of their own
    owner : called with a host and the id of one of its workers (an invocation), gives the worker
        process that ran it and the name of its function
    """
    by_worker: dict[tuple[Hashable, Hashable], list[WorkerEnergy]] = {}
    by_function: dict[str, list[WorkerEnergy]] = {}
    for host, attribution in attributions.items():
        for invocation, share in attribution.workers.items():
            process, function = owner(host, invocation)
            by_worker.setdefault((host, process), []).append(share)
            by_function.setdefault(function, []).append(share)
    hosts: dict[Hashable, HostEnergy] = {
        host: _of_host(attribution) for host, attribution in attributions.items()
    }
    return RollUp(
        all_hosts=_together(list(hosts.values())),
        hosts=hosts,
        workers={name: _group(shares) for name, shares in by_worker.items()},
        functions={name: _group(shares) for name, shares in by_function.items()},
    )


def _group(shares: Collection[WorkerEnergy]) -> GroupEnergy:
    known = [share for share in shares if share.energy_uj is not None]
    return GroupEnergy(
        known_dynamic_uj=sum(share.dynamic_uj or 0 for share in known),
        known_idle_uj=sum(share.idle_uj or 0 for share in known),
        invocations=len(shares),
        unknown=len(shares) - len(known),
    )


def _of_host(attribution: Attribution) -> HostEnergy:
    nothing = attribution.total_uj == 0 and attribution.known_s == 0
    return HostEnergy(
        total_uj=attribution.total_uj,
        workers=_group(attribution.workers.values()),
        system_uj=attribution.system_uj,
        host_idle_uj=attribution.host_idle_uj,
        unassigned_uj=attribution.unassigned_uj,
        unknown_s=attribution.unknown_s,
        hosts=1,
        unknown_hosts=int(attribution.unknown_s > 0 or nothing),
    )


def _together(hosts: Sequence[HostEnergy]) -> HostEnergy:
    groups = [host.workers for host in hosts]
    return HostEnergy(
        total_uj=sum(host.total_uj for host in hosts),
        workers=GroupEnergy(
            known_dynamic_uj=sum(group.known_dynamic_uj for group in groups),
            known_idle_uj=sum(group.known_idle_uj for group in groups),
            invocations=sum(group.invocations for group in groups),
            unknown=sum(group.unknown for group in groups),
        ),
        system_uj=sum(host.system_uj for host in hosts),
        host_idle_uj=sum(host.host_idle_uj for host in hosts),
        unassigned_uj=sum(host.unassigned_uj for host in hosts),
        # Exactly rounded, so that the order of hosts does not matter.
        unknown_s=math.fsum(host.unknown_s for host in hosts),
        hosts=sum(host.hosts for host in hosts),
        unknown_hosts=sum(host.unknown_hosts for host in hosts),
    )
