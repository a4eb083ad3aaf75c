"""Hosts side by side: what the driver has, and what workers have."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexecutor_energy.cli import checks
from flexecutor_energy.cli.checks import EnergyFindings
from flexecutor_energy.cli.findings import Finding
from flexecutor_energy.cli.tables import table

if TYPE_CHECKING:
    from rich.table import Table

    from flexecutor_energy.execution.examination import HostExamination

_SHOWN = 2
_WORDS = {"ok": "yes", "note": "no", "bad": "NO"}


@dataclass(frozen=True, slots=True)
class Host:
    """One host that was looked at.

    Attributes
    ----------
    seen : what was found there
    energy : how joules can be had there
    workers : how many workers looked at it; 0 for the driver's own look
    """

    seen: "HostExamination"
    energy: EnergyFindings
    workers: int = 0


def host_table(driver: Host, hosts: Sequence[Host]) -> "Table":
    """Return a table with a column for the driver and one for each of the first hosts."""
    shown = [driver, *hosts[:_SHOWN]]
    result = table("", "driver", *(_title(host) for host in shown[1:]))
    for column in result.columns:
        column.overflow = "fold"  # paths are shown to their end
    for label, cells in _rows(shown, driver):
        result.add_row(label, *cells)
    return result


def hidden(hosts: Sequence[Host]) -> int:
    """Return how many hosts the table leaves out."""
    return max(0, len(hosts) - _SHOWN)


def _title(host: Host) -> str:
    return "1 worker" if host.workers == 1 else f"{host.workers} workers"


def _rows(shown: Sequence[Host], driver: Host) -> list[tuple[str, list[str]]]:
    seen = [host.seen for host in shown]
    methods = list(dict.fromkeys(m.subject for host in shown for m in host.energy.methods))
    software = list(dict.fromkeys(name for each in seen for name in each.software))
    return [
        ("host", [_name(host, driver) for host in shown]),
        ("processor", [each.host.facts.cpu_name or "no name" for each in seen]),
        ("size", [checks.size(each) for each in seen]),
        ("kind", [checks.kind_of_machine(each.host.facts) for each in seen]),
        *((method, [_method(host, method) for host in shown]) for method in methods),
        ("calibration", [_words(host.energy.calibration) for host in shown]),
        ("cpu limit", [each.cpu_limit or "whole cores only (affinity)" for each in seen]),
        *((name, [each.software.get(name) or "not there" for each in seen]) for name in software),
    ]


def _name(host: Host, driver: Host) -> str:
    node = host.seen.host.node
    if host is not driver and host.seen.host.host_id == driver.seen.host.host_id:
        return f"{node} (the driver's host)"
    return node


def _method(host: Host, method: str) -> str:
    found = next((one for one in host.energy.methods if one.subject == method), None)
    if found is None:
        return "no: not installed there"
    guessed = method == "model" and host.seen.energy[method].ok  # neither a yes nor a no
    return found.detail if guessed else _words(found)


def _words(finding: Finding) -> str:
    return f"{_WORDS[finding.state]}: {finding.detail}"
