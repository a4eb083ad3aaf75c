"""``flexecutor-energy calibrate``: what this machine draws idle and busy, measured or given."""

import datetime
import functools
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flexecutor_energy.cli import checks
from flexecutor_energy.cli import options as opt
from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.failures import reported
from flexecutor_energy.cli.findings import say_findings
from flexecutor_energy.cli.phase_bars import watched
from flexecutor_energy.cli.tables import percent, shown_path, table
from flexecutor_energy.cli.workflows import workspace_of
from flexecutor_energy.errors import ConfigurationError, EnergyUnavailableError

if TYPE_CHECKING:
    from rich.table import Table

    from flexecutor_energy.energy.calibration import Calibration
    from flexecutor_energy.energy.choice import MeterChoice
    from flexecutor_energy.energy.collector import EnergyCollector
    from flexecutor_energy.hardware.detect import HostFacts

SHORTEST_S = 5.0
"""Below this a spread is one of three or four windows, which says nothing."""

ADVISED_S = 30.0

_MEASURED = "Measured here"
_GIVEN = "Given from a wall meter"

Seconds = Annotated[
    float,
    typer.Option("--seconds", help="How long each state is watched.", rich_help_panel=_MEASURED),
]
Method = Annotated[
    str,
    typer.Option(
        "--method",
        metavar="auto|rapl|perf|NAME",
        help="The energy counter; auto takes the first that can be read.",
        rich_help_panel=_MEASURED,
    ),
]
IdleOnly = Annotated[
    bool,
    typer.Option("--idle-only", help="Put no load on the machine.", rich_help_panel=_MEASURED),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Keep idle power although other programs were running.",
        rich_help_panel=_MEASURED,
    ),
]
IdleW = Annotated[
    float | None,
    typer.Option(
        "--idle-w",
        metavar="WATTS",
        help="Without load.",
        rich_help_panel=_GIVEN,
        show_default=False,
    ),
]
MaxW = Annotated[
    float | None,
    typer.Option(
        "--max-w",
        metavar="WATTS",
        help="With every CPU busy.",
        rich_help_panel=_GIVEN,
        show_default=False,
    ),
]
Boundary = Annotated[
    str,
    typer.Option(
        "--boundary",
        metavar="wall|package|package+dram",
        help="What these watts enclose.",
        rich_help_panel=_GIVEN,
    ),
]
Source = Annotated[
    str | None,
    typer.Option(
        "--source",
        metavar="TEXT",
        help="Where they come from, such as the name of the meter.",
        rich_help_panel=_GIVEN,
        show_default=False,
    ),
]

_PART_OF_A_MACHINE = (
    "this is a virtual machine: its watts are a part of those that a meter at the wall shows"
)
_BOUNDARIES = ("wall", "package", "package+dram")


@reported
def calibrate(
    show: Show,
    seconds: Seconds = ADVISED_S,
    method: Method = "auto",
    idle_only: IdleOnly = False,
    force: Force = False,
    idle_w: IdleW = None,
    max_w: MaxW = None,
    boundary: Boundary = "wall",
    source: Source = None,
    workspace: opt.Workspace = None,
) -> None:
    """Find out what this machine draws idle and busy, so that modelled joules fit it.

    Measures with an energy counter: first without load, so leave the machine alone, then with
    every CPU busy. Where no counter can be read, give what a meter at the wall shows.
    """
    from flexecutor_energy.hardware.calibrations import (
        calibration_file,
        load_calibrations,
        save_calibration,
    )
    from flexecutor_energy.hardware.detect import detect_host, machine_key

    place = workspace_of(workspace)
    facts = detect_host()
    path = calibration_file(place, machine_key(facts))
    before = load_calibrations(place).get(machine_key(facts))
    if idle_w is None and max_w is None:
        result = _measured(show, facts, seconds, method, idle_only=idle_only, force=force)
    else:
        result = _given(facts, idle_w, max_w, boundary, source)
    save_calibration(place, result)
    _say(show, result, facts, before, path)
    show.document({"calibration": result.to_dict(), "file": str(path), "replaced": before})


def _given(
    facts: "HostFacts",
    idle_w: float | None,
    max_w: float | None,
    boundary: str,
    source: str | None,
) -> "Calibration":
    from flexecutor_energy.energy.calibration import Calibration, MeasuredPower
    from flexecutor_energy.hardware.detect import machine_key

    if idle_w is None or max_w is None:
        raise ConfigurationError("--idle-w and --max-w belong together; give both")
    if not 0 < idle_w <= max_w < math.inf:
        raise ConfigurationError(
            f"--idle-w {idle_w:g} --max-w {max_w:g}: a machine draws more than 0 W idle, and no "
            "less when it is busy"
        )
    if boundary not in _BOUNDARIES:
        known = ", ".join(_BOUNDARIES)
        raise ConfigurationError(f"--boundary {boundary}: it is one of {known}")
    return Calibration(
        machine_key=machine_key(facts),
        cpu=facts.cpu_name or "unnamed processor",
        method="given",
        boundary=boundary,
        idle=MeasuredPower(idle_w),
        loaded=MeasuredPower(max_w),
        time=_now(),
        source=source or "from the command line",
    )


def _measured(
    show: Show, facts: "HostFacts", seconds: float, method: str, *, idle_only: bool, force: bool
) -> "Calibration":
    from flexecutor_energy.energy.calibrating import Calibrator
    from flexecutor_energy.energy.calibration import Calibration
    from flexecutor_energy.energy.collector import close_collector
    from flexecutor_energy.hardware.detect import machine_key
    from flexecutor_energy.hardware.full_load import DESCRIPTION, FullLoad

    if not SHORTEST_S <= seconds < math.inf:
        raise ConfigurationError(
            f"--seconds {seconds:g}: give {ADVISED_S:g}, and no less than {SHORTEST_S:g}, or "
            "there is no spread to tell"
        )
    choice = checks.counters_here()
    collector = _collector(show, method, choice)
    what = collector.probe().reason
    cpus = facts.logical_cpus or 1
    phases = f"{seconds:g} s idle" + ("" if idle_only else f", {seconds:g} s with all CPUs busy")
    show.note(f"measuring with {collector.method}: {what}")
    show.note(f"{phases}; leave the machine alone")
    try:
        with watched(show, seconds) as seen:
            calibrator = Calibrator(collector, cpus, seconds, root=choice.system_root, seen=seen)
            load = None if idle_only else functools.partial(FullLoad, cpus)
            found = calibrator.measure(load, accept_foreign=force)
    finally:
        close_collector(collector)
    return Calibration(
        machine_key=machine_key(facts),
        cpu=facts.cpu_name or "unnamed processor",
        method=collector.method,
        boundary=found.boundary,
        idle=found.idle.power,
        loaded=None if found.loaded is None else found.loaded.power,
        time=_now(),
        source=what if found.loaded is None else f"{what}; load: {DESCRIPTION}",
        foreign_share=found.idle.foreign_share,
    )


def _collector(show: Show, method: str, choice: "MeterChoice") -> "EnergyCollector":
    """Return the counter to measure with, or raise with what would make one usable."""
    if method in {"model", "off", "all"}:
        raise ConfigurationError(
            f"--method {method}: a calibration is measured with one counter; give rapl or perf"
        )
    opened = replace(choice, method=method).open()
    if opened.collectors:
        return opened.collectors[0]
    from flexecutor_energy.execution.examination import examine_host

    counters = [
        finding
        for finding in checks.energy(examine_host(choice), {}).methods
        if finding.subject != "model" and method in {"auto", finding.subject}
    ]
    say_findings(show, counters)
    reasons = "; ".join(f"{one.subject}: {one.detail} ({one.remedy})" for one in counters)
    raise EnergyUnavailableError(
        method,
        reasons if show.for_machines else "no counter can be read, as said above",
        "a meter at the wall will do: flexecutor-energy calibrate --idle-w WATTS --max-w WATTS",
    )


def _say(
    show: Show,
    result: "Calibration",
    facts: "HostFacts",
    before: "Calibration | None",
    path: Path,
) -> None:
    if result.method == "given":
        show.say(result.describe())
        if facts.virtualised and result.boundary == "wall":
            show.note(_PART_OF_A_MACHINE)
    else:
        show.say(_powers(result))
        show.say(f"other programs used {percent(result.foreign_share, 1)} of the CPUs when idle")
    if before is not None:
        show.say(f"replaces the calibration {before.describe_origin()}")
    show.say(f"kept in {shown_path(path)}, and used for this machine from now on")


def _powers(result: "Calibration") -> "Table":
    rows = table(result.boundary, "watts>", "10 % to 90 % of windows>", "windows>")
    for state, power in (("idle", result.idle), ("busy", result.loaded)):
        if power is not None:
            spread = f"{power.low_w:.3g} … {power.high_w:.3g}"
            windows = f"{power.windows} in {power.seconds:.0f} s"
            rows.add_row(state, f"{power.mean_w:.3g}", spread, windows)
    return rows


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
