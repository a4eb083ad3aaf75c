"""What a measurement found, in joules, and how it is told."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flexecutor_energy.energy.calibration import FOREIGN_LIMIT
from flexecutor_energy.energy.method import EnergyMethod, together
from flexecutor_energy.lithops_meter.calls import FUTURES, ROWS, Call, CallEnergy, Shares
from flexecutor_energy.quantities import format_quantity

WIDTH = 80


@dataclass(frozen=True, slots=True)
class FutureEnergy:
    """Energy of one call, with what it is made of; None where it is not known.

    Attributes
    ----------
    future : what Lithops gave for the call
    host_id : where it ran
    dynamic_j, idle_j : what its own work drew, and its share of idle power for the cores reserved
    cpu_s, duration_s : CPU seconds of its process tree, and how long it took
    reason : why its energy is not known, ""
    """

    future: Any
    host_id: str | None
    dynamic_j: float | None
    idle_j: float | None
    energy_j: float | None
    cpu_s: float | None
    duration_s: float | None
    reason: str

    @classmethod
    def of(cls, future: Any, call: Call, energy: CallEnergy) -> "FutureEnergy":
        """Return the energy of a call beside its future."""
        account = call.account
        return cls(
            future,
            energy.host_id,
            _joules(energy.dynamic_uj),
            _joules(energy.idle_uj),
            _joules(energy.energy_uj),
            account.cpu_s if account is not None else None,
            account.duration_s if account is not None else None,
            energy.reason,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; the future by the names that Lithops gives it."""
        names = {
            name: getattr(self.future, name, None)
            for name in ("job_id", "call_id", "function_name")
        }
        return names | {
            "host_id": self.host_id,
            "energy_j": self.energy_j,
            "dynamic_j": self.dynamic_j,
            "idle_j": self.idle_j,
            "cpu_s": self.cpu_s,
            "duration_s": self.duration_s,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The energy of all calls that were made while somebody measured.

    Joules are whole microjoules. ``total_j`` is the sum over ``by_future``, and over ``by_host``.

    Attributes
    ----------
    calls : energy of each call, in the order in which they were made
    shares : energy of the hosts
    refused : methods that were not used, each with its reason
    duration_s : how long was measured
    """

    calls: tuple[FutureEnergy, ...]
    shares: Shares
    refused: tuple[tuple[str, str], ...]
    duration_s: float

    @property
    def by_future(self) -> dict[Any, float | None]:
        """Joules of each call."""
        return {call.future: call.energy_j for call in self.calls}

    @property
    def by_host(self) -> dict[str, float | None]:
        """Joules of the calls of each host."""
        hosts: dict[str, list[float | None]] = {}
        for call in self.calls:
            if call.host_id is not None:
                hosts.setdefault(call.host_id, []).append(call.energy_j)
        return {host: _sum(joules) for host, joules in hosts.items()}

    @property
    def total_j(self) -> float | None:
        """Joules of all calls; None if one is not known, or there was none."""
        return _sum([call.energy_j for call in self.calls])

    @property
    def how(self) -> EnergyMethod | None:
        """Where the figures come from; None where there are none."""
        hosts = self.shares.hosts
        return together([host.how for host in hosts]) if hosts else None

    @property
    def ledger(self) -> dict[str, float]:
        """Joules of the hosts by where they went (see ``ROWS``); empty where none is known."""
        if not self.shares.hosts:
            return {}
        rows = {row: sum(h.rows[row] for h in self.shares.hosts) / 1e6 for row in ROWS}
        # added up as floats as the total is, so that both agree to the last bit
        known = [call.energy_j for call in self.calls if call.energy_j is not None]
        return rows | {FUTURES: float(sum(known))}

    @property
    def host_total_j(self) -> float | None:
        """Joules of the hosts while they were watched: the sum of the ledger."""
        return _sum(list(self.ledger.values()))

    @property
    def foreign_share(self) -> float | None:
        """Share of the driver's host's CPU time that nothing of ours used; None if not known."""
        known = [h.foreign_share for h in self.shares.hosts if h.foreign_share is not None]
        return max(known, default=None)

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """Everything that keeps a figure from being better, each with the method it is about."""
        method = self.how.method if self.how is not None else "energy"
        found = list(self.refused)
        for reason, count in _counted(call.reason for call in self.calls if call.reason):
            found.append((method, f"{count} of {len(self.calls)} calls: {reason}"))
        if (self.foreign_share or 0.0) > FOREIGN_LIMIT:
            found.append((method, f"others used {self.foreign_share:.0%} of the host's CPU time"))
        return list(dict.fromkeys(found))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "method": self.how.method if self.how is not None else None,
            "how": self.how.to_dict() if self.how is not None else None,
            "scope": "provisioned",
            "duration_s": self.duration_s,
            "total_j": self.total_j,
            "host_total_j": self.host_total_j,
            "by_host": self.by_host,
            "ledger": self.ledger,
            "hosts": [
                {
                    "host_id": host.host_id,
                    "how": host.how.to_dict(),
                    "rows_uj": dict(host.rows),
                    "foreign_share": host.foreign_share,
                }
                for host in self.shares.hosts
            ],
            "futures": [call.to_dict() for call in self.calls],
            "reasons": [list(reason) for reason in self.reasons],
        }

    def describe(self) -> str:
        """Return a few lines for people, each of at most 80 columns."""
        lines = [_headline(self)]
        if self.how is not None:
            lines.append(f"energy is {self.how.describe()}")
            lines += _table(self)
        lines += [f"{method}: {reason}" for method, reason in self.reasons]
        return "\n".join(
            textwrap.fill(line, WIDTH, subsequent_indent="    ", replace_whitespace=False)
            for line in lines
        )


def _headline(report: Report) -> str:
    hosts = len(report.by_host)
    known = [call.energy_j for call in report.calls if call.energy_j is not None]
    where = f" on {hosts} {'host' if hosts == 1 else 'hosts'}" if hosts else ""
    what = f"{len(report.calls)} {'call' if len(report.calls) == 1 else 'calls'}{where}"
    took = f"measured for {format_quantity(report.duration_s, 's')}"
    if known and len(known) < len(report.calls):
        some = f"{len(known)} of them {format_quantity(sum(known), 'J')}"
        return f"{what}: unmeasured ({some}), {took}"
    return f"{what}: {format_quantity(report.total_j, 'J')}, {took}"


def _table(report: Report) -> list[str]:
    total = report.host_total_j or 0.0
    rows = [
        f"  {row:<12}{format_quantity(joules, 'J'):>10}{_percent(joules, total):>8}"
        for row, joules in report.ledger.items()
        if joules
    ]
    lines = [*rows, f"  {'hosts':<12}{format_quantity(report.host_total_j, 'J'):>10}"]
    known = sorted(call.energy_j for call in report.calls if call.energy_j is not None)
    if len(known) > 1:
        low, middle, high = (format_quantity(known[at], "J") for at in (0, len(known) // 2, -1))
        lines.append(f"a call: {low} … {high}, median {middle}")
    return lines


def _percent(part: float, whole: float) -> str:
    return f"{part / whole:.0%}".replace("%", " %") if whole > 0 else ""


def _counted(reasons: Iterable[str]) -> Iterable[tuple[str, int]]:
    counts: dict[str, int] = {}
    for reason in reasons:
        counts[reason] = counts.get(reason, 0) + 1
    return counts.items()


def _joules(microjoules: int | None) -> float | None:
    return None if microjoules is None else microjoules / 1e6


def _sum(values: Sequence[float | None]) -> float | None:
    """Return the sum; None as soon as one value is not known, or where there are none."""
    known = [value for value in values if value is not None]
    return float(sum(known)) if known and len(known) == len(values) else None
