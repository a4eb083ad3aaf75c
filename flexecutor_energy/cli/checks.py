"""What ``doctor`` looks at, one function a subject. Each finding says what would help."""

import os
import platform
import re
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from flexecutor_energy.errors import FlexecutorEnergyError
from flexecutor_energy.hardware.detect import HostFacts
from flexecutor_energy.version import __version__
from flexecutor_energy.workspace import Workspace

State = Literal["ok", "note", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    subject : what
    state : ``ok``; ``note`` for what works with a limitation; ``bad`` for what does not work
    detail : what was found
    remedy : what would help, or ""
    """

    subject: str
    state: State
    detail: str
    remedy: str = ""


def hardware(facts: HostFacts) -> list[Finding]:
    """Return what this host is."""
    counts = f"{_known(facts.logical_cpus)} CPUs, {_known(facts.physical_cores)} cores"
    virtual = {True: "virtual machine", False: "no virtual machine", None: "unknown whether real"}
    memory = "unknown memory" if facts.memory_mb is None else f"{facts.memory_mb / 1e3:.1f} GB"
    usable = len(os.sched_getaffinity(0))
    return [
        Finding("processor", "ok" if facts.cpu_name else "note", facts.cpu_name or "no name"),
        Finding("host", "ok", f"{counts}, {memory}, {virtual[facts.virtualised]}"),
        Finding("usable", "ok", f"{usable} CPUs for this process"),
    ]


def energy(facts: HostFacts) -> tuple[list[Finding], bool]:
    """Return which energy methods work, and whether one does without guessing at the processor."""
    from flexecutor_energy.energy.select import probe_collectors
    from flexecutor_energy.hardware.power import host_power_curve

    curve = host_power_curve(facts)
    findings = []
    certain = False
    for method, availability in probe_collectors(curve=curve).items():
        guess = method == "model" and not curve.known
        certain = certain or (availability.ok and not guess)
        detail, remedy = availability.reason, availability.remedy
        if method == "model" and availability.ok:
            low, high = curve.relative_band()
            detail += f"; {curve.boundary}, 80 % band {low:.2f} to {high:.2f} times"
            remedy = remedy or ("the TDP of this processor in the catalogue" if guess else "")
        state: State = "note" if guess or not availability.ok else "ok"
        findings.append(Finding(method, state, detail, remedy))
    return findings, certain


def limits() -> list[Finding]:
    """Return how cpu and memory limits are enforced here."""
    from flexecutor_energy.execution.limits import CgroupRoots, CpuGroup

    group = CpuGroup.create(0.5, CgroupRoots.of_this_process())
    if group is not None:
        group.close()
        cpu = Finding("cpu limit", "ok", f"{group.mechanism}: shares of a core hold")
    else:
        cpu = Finding(
            "cpu limit",
            "note",
            "affinity: whole cores hold, shares of a core do not (recorded as what held)",
            "permission to make CPU control groups (root, or a delegated cgroup)",
        )
    memory = "address space is bounded and resident size is watched (rlimit-as+watchdog)"
    return [cpu, Finding("memory limit", "ok", memory)]


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


def lithops() -> list[Finding]:
    """Return the version of Lithops, and where it would run functions."""
    from flexecutor_energy.execution.backends.lithops import LithopsBackend
    from flexecutor_energy.settings import Settings

    named = Settings().lithops_config_file
    where = f"configuration {named}" if named else "no configuration named (LITHOPS_CONFIG_FILE)"
    try:
        backend = LithopsBackend().name
    except FlexecutorEnergyError as error:
        return [Finding("Lithops", "bad", str(error))]
    version = metadata.version("lithops")
    return [Finding("Lithops", "ok", f"{version}, leads to {backend}, {where}")]


def software(workspace: Workspace) -> list[Finding]:
    """Return versions, extras, and whether the workspace can be written to."""
    python = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    root = workspace.root
    writable = os.access(root if root.exists() else root.parent, os.W_OK)
    return [
        Finding("flexecutor-energy", "ok", f"{__version__}, Python {python}"),
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


def _known(value: int | None) -> str:
    return "an unknown number of" if value is None else str(value)
