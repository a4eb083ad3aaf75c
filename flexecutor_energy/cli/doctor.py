"""``flexecutor-energy doctor``: what works on this machine, and what would help."""

from typing import Annotated

import typer

from flexecutor_energy.cli import checks
from flexecutor_energy.cli import options as opt
from flexecutor_energy.cli.checks import Finding
from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.failures import reported
from flexecutor_energy.cli.workflows import workspace_of
from flexecutor_energy.errors import EnergyUnavailableError

Strict = Annotated[
    bool,
    typer.Option("--strict", help="Exit with 4 where energy would only be a default guess."),
]


@reported
def doctor(
    show: Show,
    workspace: opt.Workspace = None,
    storage: opt.Storage = None,
    strict: Strict = False,
) -> None:
    """Say what this machine offers: processor, energy methods, limits, storage, Lithops."""
    from flexecutor_energy.hardware.detect import detect_host

    place = workspace_of(workspace)
    facts = detect_host()
    energy, certain = checks.energy(facts)
    parts = {
        "software": checks.software(place),
        "hardware": checks.hardware(facts),
        "energy": energy,
        "limits": checks.limits(),
        "storage": checks.storage(storage, place),
        "Lithops": checks.lithops(),
    }
    for part, findings in parts.items():
        show.heading(part)
        show.say(*(_line(finding) for finding in findings))
    show.document({"energy_known": certain, **parts})
    if strict and not certain:
        reasons = "; ".join(f"{finding.subject}: {finding.detail}" for finding in energy)
        raise EnergyUnavailableError("without guessing", reasons)


def _line(finding: Finding) -> str:
    sign = {"ok": "ok  ", "note": "note", "bad": "BAD "}[finding.state]
    remedy = f" (would help: {finding.remedy})" if finding.remedy else ""
    return f"  {sign} {finding.subject}: {finding.detail}{remedy}"
