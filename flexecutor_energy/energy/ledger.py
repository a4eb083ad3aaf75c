"""The shares of each worker, summed over intervals in exact integers."""

from collections.abc import Hashable, Mapping, Sequence

from flexecutor_energy.energy.fixedpoint import UNIT
from flexecutor_energy.energy.intervals import HostInterval, WorkerUse


class Ledger:
    """Books the energy of known intervals on workers, system and host idle.

    Every interval is booked whole: what no worker gets stays with the host. Intervals come in
    the order of time, so that only the workers that are there are looked at.

    Parameters
    ----------
    uses : the workers of the host
    cores : cores of the host, in parts of ``UNIT``
    policy : ``reserved``, ``equal`` or ``none``
    """

    def __init__(self, uses: Sequence[WorkerUse], cores: int, policy: str) -> None:
        self._to_come = sorted(uses, key=lambda use: use.first, reverse=True)
        self._present: list[WorkerUse] = []
        self._cores = cores
        self._policy = policy
        self.dynamic: dict[Hashable, int] = {use.worker_id: 0 for use in uses}
        self.idle: dict[Hashable, int] = {use.worker_id: 0 for use in uses}
        self.system = 0
        self.host_idle = 0
        self.total = 0
        self.host_cpu = 0
        self.foreign_cpu = 0

    def add(self, interval: HostInterval) -> None:
        """Book an interval whose counters are known."""
        dynamic = interval.dynamic or {}
        self.total += sum(dynamic.values()) + interval.idle
        self._advance(interval.index)
        used = {use.worker_id: cpu for use in self._present if (cpu := use.used_in(interval))}
        self.host_cpu += interval.busy
        # May be negative for a while: CPU time of a worker is known at the ends of its phases,
        # that of the host in between. Over the whole run both are right.
        self.foreign_cpu += interval.busy - sum(used.values())
        there = [use for use in self._present if use.lives_through(interval)]
        for name, energy in dynamic.items():
            if name == "dram":
                self._book_memory(energy, interval, there)
            else:
                self._book_dynamic(energy, used, interval.busy)
        self._book_idle(interval, there)

    def _advance(self, cut: int) -> None:
        """Let in the workers that have begun by the interval after a cut, let go those ended."""
        while self._to_come and self._to_come[-1].first <= cut:
            self._present.append(self._to_come.pop())
        self._present = [use for use in self._present if use.last > cut]

    def _book_dynamic(self, energy: int, used: Mapping[Hashable, int], whole: int) -> None:
        given = self._split(energy, used, max(whole, sum(used.values())), self.dynamic)
        self.system += energy - given

    def _book_memory(
        self, energy: int, interval: HostInterval, there: Sequence[WorkerUse]
    ) -> None:
        if interval.memory is None:
            self.system += energy
        else:
            held = {use.worker_id: use.rss for use in there}
            self._book_dynamic(energy, held, interval.memory)

    def _book_idle(self, interval: HostInterval, there: Sequence[WorkerUse]) -> None:
        if self._policy == "reserved":
            claims = {use.worker_id: use.cores for use in there}
            whole = max(self._cores, sum(claims.values()))
        elif self._policy == "equal":
            claims = {use.worker_id: UNIT for use in there}
            whole = sum(claims.values())
        else:
            claims, whole = {}, 0
        given = self._split(interval.idle, claims, whole, self.idle)
        self.host_idle += interval.idle - given

    @staticmethod
    def _split(
        energy: int, claims: Mapping[Hashable, int], whole: int, book: dict[Hashable, int]
    ) -> int:
        """Book each claim's part of ``whole``, rounded down; return what was given away."""
        given = 0
        if energy and whole:
            for name, claim in claims.items():
                share = energy * claim // whole
                book[name] += share
                given += share
        return given
