"""Energy counters of processors through the powercap tree of Linux (RAPL).

The kind of a zone comes from its ``name`` file: neither the order nor the number of folders
tells it. A zone that is listed twice, flat and nested, is one zone; where the same domain is
offered through model-specific registers and through memory-mapped ones (``intel-rapl-mmio``), the
former is taken. AMD processors appear under ``intel-rapl`` too.
"""

import errno
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from flexecutor_energy.energy.collector import Clocks
from flexecutor_energy.energy.domains import counted, label, main_kind
from flexecutor_energy.energy.procstat import read_small_file
from flexecutor_energy.energy.reading import Availability, Domain, EnergyReading

POWERCAP = Path("/sys/class/powercap")

_ZONE = re.compile(r"(?P<control>[a-z][a-z-]*rapl[a-z-]*):(?P<place>\d+(?::\d+)*)")
_NAME = re.compile(
    r"(?P<kind>package|core|uncore|dram|psys)(?:-(?P<socket>\d+))?(?P<die>-die-\d+)?"
)
_NUMBER = re.compile(r"\d+", re.ASCII)
_DEPTH = 3

REMEDY_ROOT_ONLY = (
    "energy_uj is root-only since CVE-2020-8694: run"
    " `sudo chmod a+r /sys/class/powercap/*/energy_uj` (until the next boot), or keep it by the"
    ' udev rule SUBSYSTEM=="powercap", RUN+="/bin/chmod a+r /sys%p/energy_uj"; into a container'
    " mount /sys/devices/virtual/powercap"
)
REMEDY_NO_ZONES = (
    "load the driver with `sudo modprobe intel_rapl_msr`; virtual machines have no RAPL, and a"
    " container needs /sys/class/powercap and /sys/devices/virtual/powercap of its host"
)


@dataclass(frozen=True, slots=True)
class Zone:
    """One counter of the powercap tree."""

    domain: Domain
    folder: Path
    counter: Path

    def may_replace(self, other: "Zone | None") -> bool:
        """Return whether this is what another zone of the domain has become.

        One of another control type is not: it counts from a start of its own.
        """
        if other is None:
            return True
        controls = [zone.folder.name.partition(":")[0] for zone in (self, other)]
        return controls[0] == controls[1] and not other.folder.is_dir()


class RaplCollector:
    """Reads the energy counters of all sockets; needs no privileges where the files allow it.

    Zones are looked up when the folder has others than before; those that vanish read as None.

    Parameters
    ----------
    root : the powercap folder
    clocks : where time comes from
    read_text : how a file is read
    """

    def __init__(
        self,
        root: Path = POWERCAP,
        *,
        clocks: Clocks | None = None,
        read_text: Callable[[Path], str] | None = None,
    ) -> None:
        self._root = Path(root)
        self._clocks = clocks or Clocks()
        self._read_text = read_text or _read_text
        self._zones: tuple[Zone, ...] = ()
        self._entries: frozenset[str] | None = None
        self._ranges: dict[Domain, int] = {}

    @property
    def method(self) -> str:
        """``rapl``."""
        return "rapl"

    def zones(self) -> tuple[Zone, ...]:
        """Return the zones of the tree, each domain once, and those that were there before."""
        entries = _entries(self._root)
        if entries != self._entries or not self._zones:
            known = {zone.domain: zone for zone in self._zones}
            for zone in self._discover():
                if zone.may_replace(known.get(zone.domain)):
                    known[zone.domain] = zone
            self._zones = tuple(known[domain] for domain in sorted(known))
            self._entries = entries
        return self._zones

    def probe(self) -> Availability:
        """Return whether all counters of the total can be read; name the file that cannot."""
        self._zones, self._entries, self._ranges = (), None, {}
        zones = self.zones()
        for folder in _zone_folders(self._root, _DEPTH):
            # It could be a socket, which the total would lack without a word.
            if self._is_refused(folder / "name"):
                reason = f"{folder / 'name'}: {os.strerror(errno.EACCES)}"
                return Availability(False, reason, REMEDY_ROOT_ONLY)
        if not zones:
            missing = "has no RAPL zones" if self._root.is_dir() else "does not exist"
            return Availability(False, f"{self._root} {missing}", REMEDY_NO_ZONES)
        by_label = {label(zone.domain): zone for zone in zones}
        if main_kind(by_label) is None:
            reason = f"{self._root} has {', '.join(by_label)} and no package to hold them"
            return Availability(False, reason, REMEDY_NO_ZONES)
        for names in counted(by_label).values():
            for name in names:
                refusal = self._refusal(by_label[name])
                if refusal is not None:
                    return refusal
        return Availability(True, f"{', '.join(sorted(by_label))} in {self._root}")

    def read(self) -> EnergyReading:
        """Return all counters now; one that cannot be read is None with its reason."""
        counters: dict[Domain, int | None] = {}
        ranges: dict[Domain, int | None] = {}
        problems: dict[Domain, str] = {}
        now, wall = self._clocks.monotonic(), self._clocks.wall()
        for zone in self.zones():
            value, problem = self._number(zone.counter)
            counters[zone.domain] = value
            if problem is not None:
                problems[zone.domain] = problem
            ranges[zone.domain] = self._range(zone)
        if not counters:
            counters = {(0, "package"): None}
            problems = {(0, "package"): f"{self._root} has no RAPL zones"}
        return EnergyReading(now, wall, counters, "rapl", ranges, problems)

    def _range(self, zone: Zone) -> int | None:
        """Return where a counter starts again; it never changes, so it is read once."""
        if zone.domain not in self._ranges:
            span = self._number(zone.folder / "max_energy_range_uj")[0]
            if not span:
                return None
            self._ranges[zone.domain] = span
        return self._ranges[zone.domain]

    def _refusal(self, zone: Zone) -> Availability | None:
        value, problem = self._number(zone.counter)
        if value is not None:
            return None
        refused = any(os.strerror(code) in (problem or "") for code in (errno.EACCES, errno.EPERM))
        remedy = REMEDY_ROOT_ONLY if refused else ""
        return Availability(False, f"{label(zone.domain)}: {problem}", remedy)

    def _number(self, path: Path) -> tuple[int | None, str | None]:
        try:
            text = self._read_text(path).strip()
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            return None, f"{path}: {why}"
        except UnicodeDecodeError:
            return None, f"{path}: not a number"
        if _NUMBER.fullmatch(text):
            return int(text), None
        return None, f"{path}: {'empty' if not text else f'not a number: {text[:40]!r}'}"

    def _discover(self) -> Iterator[Zone]:
        folders = {folder.name: folder for folder in _zone_folders(self._root, _DEPTH)}
        names = {name: self._zone_name(folder) for name, folder in folders.items()}
        found: dict[Domain, Zone] = {}
        # Registers before memory-mapped duplicates, packages before their parts.
        for name in sorted(folders, key=lambda name: ("mmio" in name, name)):
            domain = _domain(name, names)
            if domain is not None and domain not in found:
                found[domain] = Zone(domain, folders[name], folders[name] / "energy_uj")
        yield from sorted(found.values(), key=lambda zone: zone.domain)

    def _is_refused(self, path: Path) -> bool:
        try:
            self._read_text(path)
        except PermissionError:
            return True
        except (OSError, UnicodeDecodeError):
            return False
        return False

    def _zone_name(self, folder: Path) -> str:
        try:
            return self._read_text(folder / "name").strip()
        except (OSError, UnicodeDecodeError):
            return ""


def _read_text(path: Path) -> str:
    return read_small_file(path, 256)


def _entries(folder: Path) -> frozenset[str]:
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries)
    except OSError:
        return frozenset()


def _zone_folders(folder: Path, depth: int) -> Iterator[Path]:
    """Yield the folders of zones below a folder, deepest first so that flat ones win."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    zones = [entry for entry in entries if "rapl" in entry.name and entry.is_dir()]
    if depth > 1:
        for entry in zones:
            yield from _zone_folders(entry, depth - 1)
    yield from (entry for entry in zones if _ZONE.fullmatch(entry.name))


def _domain(zone: str, names: dict[str, str]) -> Domain | None:
    """Return socket and domain of a zone by its name and that of the zone around it."""
    match = _NAME.fullmatch(names[zone])
    if match is None:
        return None
    return int(match["socket"] or _socket_around(zone, names)), match["kind"] + (
        match["die"] or ""
    )


def _socket_around(zone: str, names: dict[str, str]) -> str:
    """Return the socket of a zone whose own name does not tell it."""
    if names[zone] == "psys":
        return "0"
    around, _, _ = zone.rpartition(":")
    match = _NAME.fullmatch(names.get(around, ""))
    if match is not None and match["socket"]:
        return match["socket"]
    return zone.split(":")[1]
