"""What ``doctor`` looks at, one function a subject. Each finding says what would help."""

import logging
import os
import platform
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from flexecutor_energy.cli.findings import Finding, State
from flexecutor_energy.errors import FlexecutorEnergyError
from flexecutor_energy.version import __version__
from flexecutor_energy.workspace import Workspace

if TYPE_CHECKING:
    from flexecutor_energy.energy.calibration import Calibration
    from flexecutor_energy.energy.choice import MeterChoice
    from flexecutor_energy.energy.power import PowerCurve
    from flexecutor_energy.energy.reading import Availability
    from flexecutor_energy.execution.examination import HostExamination
    from flexecutor_energy.hardware.detect import HostFacts


def counters_here() -> "MeterChoice":
    """Return where the settings say that energy counters lie, and how perf is called."""
    from flexecutor_energy.energy.choice import MeterChoice
    from flexecutor_energy.settings import Settings

    settings = Settings()
    root = None if settings.host_root is None else str(settings.host_root)
    return MeterChoice(root=root, perf_command=settings.perf_command)


def hardware(seen: "HostExamination") -> list[Finding]:
    """Return what a host is."""
    facts = seen.host.facts
    state: State = "ok" if facts.cpu_name else "note"
    return [
        Finding("processor", state, facts.cpu_name or "no name"),
        Finding("host", "ok", f"{size(seen)}, {kind_of_machine(facts)}"),
    ]


def size(seen: "HostExamination") -> str:
    """Return CPUs and memory of a host, such as ``4 CPUs on 2 cores, 8.0 GB``."""
    facts = seen.host.facts
    cpus, cores = _known(facts.logical_cpus, "CPU"), _known(facts.physical_cores, "core")
    memory = "unknown memory" if facts.memory_mb is None else f"{facts.memory_mb / 1e3:.1f} GB"
    less = facts.logical_cpus is not None and seen.usable_cpus < facts.logical_cpus
    usable = f" ({seen.usable_cpus} usable)" if less else ""
    return f"{cpus} on {cores}{usable}, {memory}"


def kind_of_machine(facts: "HostFacts") -> str:
    """Return whether a host is a virtual machine, and whose."""
    kind = {True: "virtual machine", False: "no virtual machine", None: "unknown whether real"}
    return kind[facts.virtualised] + (f" ({facts.product})" if facts.product else "")


@dataclass(frozen=True, slots=True)
class EnergyFindings:
    """How joules can be had on a host.

    Attributes
    ----------
    methods : one finding a method
    calibration : what is known of the power of this very machine
    curve : what the model takes
    certain : whether one of the methods does without guessing at the processor
    """

    methods: tuple[Finding, ...]
    calibration: Finding
    curve: "PowerCurve"
    certain: bool


def energy(
    seen: "HostExamination", calibrations: "Mapping[str, Calibration]", *, here: bool = True
) -> EnergyFindings:
    """Return how joules can be had on a host.

    Parameters
    ----------
    seen : the host
    calibrations : what machines were measured to draw, by machine key
    here : whether it is the driver's
    """
    from flexecutor_energy.hardware.power import host_power_curve

    facts = seen.host.facts
    calibration = calibrations.get(seen.host.machine_key)
    with _unsaid("flexecutor_energy.hardware.power"):  # that a processor is unknown: said below
        curve = host_power_curve(facts)
    if calibration is not None:
        curve = calibration.apply(curve)
    methods = tuple(
        _model(availability, curve) if method == "model" else _counter(method, availability, facts)
        for method, availability in seen.energy.items()
    )
    certain = any(
        availability.ok and (method != "model" or curve.known)
        for method, availability in seen.energy.items()
    )
    if calibration is not None and calibration.disturbed:
        others = f"measured while others used {calibration.foreign_share:.0%} of the CPUs"
        detail = f"{others}; {calibration.describe()}"
        found = Finding("calibration", "note", detail, _how_to_calibrate(methods, here=here))
    elif calibration is not None:
        found = Finding("calibration", "ok", calibration.describe())
    else:
        others = f" ({len(calibrations)} of other machines)" if calibrations else ""
        detail = f"none of this machine{others}"
        found = Finding("calibration", "note", detail, _how_to_calibrate(methods, here=here))
    return EnergyFindings(methods, found, curve, certain)


@contextmanager
def _unsaid(name: str) -> Iterator[None]:
    """Keep a logger from warning."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _counter(method: str, availability: "Availability", facts: "HostFacts") -> Finding:
    from flexecutor_energy.energy.perf import REMEDY_NO_PMU
    from flexecutor_energy.energy.rapl import REMEDY_NO_ZONES

    if availability.ok:
        return Finding(method, "ok", availability.reason, availability.remedy)
    remedy = availability.remedy
    if facts.virtualised and remedy in {REMEDY_NO_ZONES, REMEDY_NO_PMU}:
        remedy = "none in a virtual machine; bare metal has energy counters"
    return Finding(method, "note", availability.reason, remedy)


def _model(availability: "Availability", curve: "PowerCurve") -> Finding:
    if not availability.ok:
        return Finding("model", "note", availability.reason, availability.remedy)
    low, high = curve.relative_band()
    band = f"{low - 1:+.0%} to {high - 1:+.0%}".replace("%", "\u00a0%")
    watts = f"{curve.idle_w:.3g} W idle to {curve.max_w:.3g} W busy, {curve.boundary}, {band}"
    if curve.kind == "calibrated":
        return Finding("model", "ok", f"{watts}; as calibrated")
    if curve.known:
        return Finding("model", "ok", watts, more=f"from {curve.source}")
    guess = f"a default guess: {watts}"
    remedy = "its TDP (`flexecutor-energy hardware import -h`) or a calibration"
    return Finding("model", "note", guess, remedy, more=f"from {curve.source}")


def _how_to_calibrate(methods: tuple[Finding, ...], *, here: bool) -> str:
    command = "flexecutor-energy calibrate"
    if not here:
        return f"`{command}` there, and its file copied to .flexecutor/calibration here"
    if any(finding.state == "ok" and finding.subject != "model" for finding in methods):
        return f"`{command}` measures it in a minute"
    return f"what a wall meter shows: `{command} --idle-w WATTS --max-w WATTS`"


def limits(seen: "HostExamination") -> list[Finding]:
    """Return how cpu and memory limits are enforced on a host."""
    if seen.cpu_limit is not None:
        cpu = Finding("cpu", "ok", f"{seen.cpu_limit}: shares of a core hold")
    else:
        cpu = Finding(
            "cpu",
            "note",
            "affinity: whole cores hold, shares of a core do not (recorded as what held)",
            "permission to make CPU control groups (root, or a delegated cgroup)",
        )
    return [cpu, Finding("memory", "ok", "address space bounded, resident size watched")]


def storage(choice: str | None, workspace: Workspace) -> list[Finding]:
    """Return which object store would be used, and whether it answers."""
    from flexecutor_energy.storage.admin import check
    from flexecutor_energy.storage.select import open_storage

    try:
        with open_storage(choice, workspace) as opened:
            result = check(opened.spec)
            usable = result.reachable and result.authorized is not False
            where = opened.describe()
            detail = where if usable else f"{where}: {result.detail}"
    except FlexecutorEnergyError as error:
        return [Finding("object store", "bad", str(error))]
    return [Finding("object store", "ok" if usable else "bad", detail)]


def lithops(backend: str = "lithops") -> list[Finding]:
    """Return the version of Lithops, where its configuration is, and where it leads to.

    Parameters
    ----------
    backend : ``lithops``, or a configuration file for it
    """
    from flexecutor_energy.execution.backends.lithops import LithopsBackend
    from flexecutor_energy.execution.backends.lithops_config import SEARCHED, configuration_place

    place = configuration_place() if backend == "lithops" else Path(backend)
    try:
        leads_to = LithopsBackend(None if backend == "lithops" else backend).name
    except FlexecutorEnergyError as error:
        return [Finding("Lithops", "bad", str(error))]
    findings = [Finding("Lithops", "ok", f"{metadata.version('lithops')}, runs on {leads_to}")]
    if place is None:
        findings.append(Finding("configured", "ok", f"nowhere: no file at {SEARCHED}"))
    elif isinstance(place, Path) and not place.exists():
        findings.append(
            Finding(
                "configured",
                "bad",
                f"LITHOPS_CONFIG_FILE names {place}, which is not there; Lithops then runs on "
                "localhost",
                "name a file that exists, or unset the variable",
            )
        )
    else:
        findings.append(Finding("configured", "ok", f"in {place}"))
    return findings


def software(workspace: Workspace) -> list[Finding]:
    """Return versions, extras, and whether the workspace can be written to."""
    python = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    root = workspace.root
    writable = os.access(root if root.exists() else root.parent, os.W_OK)
    return [
        Finding("version", "ok", f"{__version__}, Python {python}"),
        Finding("workspace", "ok" if writable else "bad", f"{root}"),
        *extras(),
    ]


def extras() -> list[Finding]:
    """Return for each extra whether its packages are installed."""
    try:
        requirements = metadata.requires("flexecutor-energy") or []
    except metadata.PackageNotFoundError:
        return [Finding("extras", "note", "unknown: used from a folder, not installed")]
    wanted: dict[str, list[str]] = {}
    for requirement in requirements:
        match = re.match(r"([\w.-]+)[^;]*;.*extra == ['\"]([\w-]+)['\"]", requirement)
        if match and match[1] != "flexecutor-energy" and match[2] not in {"all", "dev"}:
            wanted.setdefault(match[2], []).append(match[1])
    return [_extra(extra, packages) for extra, packages in wanted.items()]


def _extra(extra: str, packages: list[str]) -> Finding:
    missing = [package for package in packages if not _is_installed(package)]
    if not missing:
        return Finding(f"extra {extra}", "ok", ", ".join(packages))
    remedy = f"pip install 'flexecutor-energy[{extra}]'"
    return Finding(f"extra {extra}", "note", f"{', '.join(missing)} not installed", remedy)


def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _known(count: int | None, what: str) -> str:
    if count is None:
        return f"an unknown number of {what}s"
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
