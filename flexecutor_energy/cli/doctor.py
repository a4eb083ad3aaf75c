"""``flexecutor-energy doctor``: what works here and where workers run, and what would help."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flexecutor_energy.cli import checks
from flexecutor_energy.cli import options as opt
from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.failures import reported
from flexecutor_energy.cli.findings import Finding, folded, say_findings
from flexecutor_energy.cli.host_table import Host, hidden, host_table
from flexecutor_energy.cli.workflows import workspace_of
from flexecutor_energy.errors import EnergyError, EnergyFormatError, FlexecutorEnergyError

if TYPE_CHECKING:
    from flexecutor_energy.energy.calibration import Calibration
    from flexecutor_energy.energy.choice import MeterChoice
    from flexecutor_energy.workspace import Workspace

Remote = Annotated[
    bool,
    typer.Option("--remote", help="Have workers look at their hosts too, beside the driver's."),
]
Probes = Annotated[
    int,
    typer.Option("--probes", min=1, help="Workers that look: they may land on several hosts."),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Exit with 4 where energy would only be a default guess (with --remote: there).",
    ),
]


@reported
def doctor(
    show: Show,
    workspace: opt.Workspace = None,
    storage: opt.Storage = None,
    backend: opt.Backend = "lithops",
    remote: Remote = False,
    probes: Probes = 2,
    strict: Strict = False,
) -> None:
    """Say what there is: processor, energy methods, calibration, limits, storage, Lithops.

    Each way to measure energy says whether it works, why not, and what would help. The hosts of
    workers may be others than this one: --remote looks there.
    """
    from flexecutor_energy.execution.examination import examine_host

    place = workspace_of(workspace)
    choice = checks.counters_here()
    calibrations, damage = _calibrations(place)
    seen = examine_host(choice)
    here = Host(seen, checks.energy(seen, calibrations))
    there: list[Host] = []
    failed: FlexecutorEnergyError | None = None
    if remote:
        try:
            there = _hosts_of_workers(backend, choice, probes, here, calibrations)
        except FlexecutorEnergyError as error:  # the rest is told first
            failed = error
    parts = {
        "hardware": checks.hardware(seen),
        "energy": [*here.energy.methods, *(damage or [here.energy.calibration])],
        "limits": checks.limits(seen),
        "storage": checks.storage(storage, place),
        "Lithops": checks.lithops("lithops" if backend == "local" else backend),
        "software": checks.software(place),
    }
    if there:
        _say_hosts(show, here, there, damage)
    for part, findings in parts.items():
        if not there or part in {"storage", "Lithops"}:
            show.heading(part)
            say_findings(show, findings)
    if failed is not None:
        raise failed
    workers = {"workers": [_document(host) for host in there]} if remote else {}
    show.document(
        {"energy_known": here.energy.certain, **parts, "driver": _document(here), **workers}
    )
    if strict:
        _require_more_than_a_guess(there or [here])


def _calibrations(
    workspace: "Workspace",
) -> "tuple[Mapping[str, Calibration], list[Finding]]":
    """Return the calibrations of a workspace, and what is wrong with them."""
    from flexecutor_energy.hardware.calibrations import load_calibrations

    try:
        return load_calibrations(workspace), []
    except EnergyFormatError as error:
        return {}, [Finding("calibration", "bad", str(error))]


def _hosts_of_workers(
    backend: str,
    choice: "MeterChoice",
    probes: int,
    driver: Host,
    calibrations: "Mapping[str, Calibration]",
) -> list[Host]:
    """Return the hosts that workers found themselves on, those with most workers first."""
    from flexecutor_energy.execution.backends.protocol import Examiner
    from flexecutor_energy.execution.backends.select import open_backend

    opened = open_backend(backend)
    try:
        found = opened.examine(choice, probes) if isinstance(opened, Examiner) else []
    finally:
        opened.close()
    by_host = {seen.host.host_id: seen for seen in found}
    counts = [sum(each.host.host_id == host_id for each in found) for host_id in by_host]
    own_id = driver.seen.host.host_id
    hosts = [
        Host(seen, checks.energy(seen, calibrations, here=host_id == own_id), count)
        for (host_id, seen), count in zip(by_host.items(), counts, strict=True)
    ]
    return sorted(hosts, key=lambda host: -host.workers)


def _say_hosts(show: Show, driver: Host, hosts: Sequence[Host], damage: Sequence[Finding]) -> None:
    """Print the driver's host and those of workers side by side, and what would help there."""
    show.heading("driver and workers")
    show.say(host_table(driver, hosts))
    if left := hidden(hosts):
        show.say(f"and {left} more hosts of workers (--json lists them)")
    say_findings(show, damage)
    remedies = {
        finding.subject: finding.remedy
        for host in hosts
        for finding in (*host.energy.methods, host.energy.calibration, *checks.limits(host.seen))
        if finding.remedy
    }
    if remedies:
        show.heading("what would help where workers run")
        for subject, remedy in remedies.items():
            show.say(*folded(remedy, show.out.width, f"  {subject:<12} → "))


def _document(host: Host) -> dict[str, Any]:
    return {
        "host": asdict(host.seen),
        "workers": host.workers,
        "energy": [*host.energy.methods, host.energy.calibration],
        "energy_known": host.energy.certain,
        "power_curve": host.energy.curve.to_dict(),
    }


def _require_more_than_a_guess(hosts: Sequence[Host]) -> None:
    """Raise where a host has nothing but the default of an unknown processor."""
    for host in hosts:
        if not host.energy.certain:
            name = host.seen.host.node or "this host"
            reasons = "; ".join(f"{one.subject}: {one.detail}" for one in host.energy.methods)
            raise EnergyError(f"energy would only be guessed at on {name}: {reasons}")
