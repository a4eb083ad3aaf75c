"""CSV tables of processors, machine types and coefficients: read, and checked line by line."""

import csv
import io
from collections.abc import Callable, Collection, Iterator
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NoReturn

from flexecutor_energy.errors import ConfigurationError, FormatError
from flexecutor_energy.hardware.names import normalise
from flexecutor_energy.hardware.records import (
    CONFIDENCES,
    Coefficients,
    CpuRecord,
    Facts,
    InstanceRecord,
)

COLUMNS = {
    "name": (
        "name",
        "tdp_w",
        "cores",
        "threads",
        "family",
        "confidence",
        "source",
        "topology_source",
    ),
    "type": (
        "provider",
        "type",
        "vcpu",
        "memory_gb",
        "cpu",
        "platform_vcpu",
        "sockets",
        "confidence",
        "source",
        "platform_confidence",
        "platform_source",
    ),
    "architecture": ("architecture", "min_w", "max_w", "measured", "source", "version", "date"),
}
"""The column that tells one table from the others, and the columns of that table."""

_REQUIRED = {
    "name": ("name", "tdp_w", "source"),
    "type": ("type", "vcpu", "source"),
    "architecture": COLUMNS["architecture"],
}


def read_cpus(path: Traversable) -> list[CpuRecord]:
    """Return the processors of a CSV file with the columns of ``data/README.md``.

    Raises
    ------
    FormatError
        A column is missing, or a value is not what it should be.
    """
    return [_cpu(line, imported=False) for line in _lines(path)]


def read_instances(path: Traversable) -> list[InstanceRecord]:
    """Return the machine types of a CSV file with the columns of ``data/README.md``.

    Raises
    ------
    FormatError
        A column is missing, or a value is not what it should be.
    """
    return [_instance(line, imported=False) for line in _lines(path)]


def read_coefficients(path: Traversable) -> list[Coefficients]:
    """Return the coefficients of a CSV file with the columns of ``data/README.md``.

    Raises
    ------
    FormatError
        A column is missing, or a value is not what it should be.
    """
    return [_coefficients(line, imported=False) for line in _lines(path)]


def read_import(path: Path) -> Facts:
    """Return the rows of a user's CSV file, marked as imported.

    The file has the columns of one of the tables in ``data/README.md``, in any order; the column
    ``name``, ``type`` or ``architecture`` tells which. Every row names its source.

    Raises
    ------
    ConfigurationError
        The file cannot be read, or a row cannot be meant; the message names line and column.
    """
    try:
        lines = list(_lines(path))
        key = _kind(path, lines)
        _refuse_repeated(lines, key, normalise if key == "name" else str)
        if key == "name":
            return Facts(cpus=tuple(_cpu(line, imported=True) for line in lines))
        if key == "type":
            return Facts(instances=tuple(_instance(line, imported=True) for line in lines))
        return Facts(coefficients=tuple(_coefficients(line, imported=True) for line in lines))
    except FormatError as error:
        raise ConfigurationError(f"{error}; nothing was imported") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8 text: {error}") from error
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror or error}") from error


class _Line:
    """One row of a file, and where it stands; thousands are read where a run starts."""

    __slots__ = ("_file", "_number", "row")

    def __init__(self, file: str, number: int, row: dict[str, str | None]) -> None:
        self._file = file
        self._number = number
        self.row = row

    @property
    def place(self) -> str:
        return f"{self._file}:{self._number}"

    def refuse(self, column: str, problem: str) -> NoReturn:
        raise FormatError(f"{self.place}: column {column!r} {problem}")

    def maybe(self, column: str) -> str | None:
        value = self.row.get(column)
        return value.strip() or None if value else None

    def text(self, column: str) -> str:
        return self.maybe(column) or self.refuse(column, "is missing or empty")

    def positive(self, column: str) -> float | None:
        text = self.maybe(column)
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError:
            self.refuse(column, f"is {text!r}, not a number")
        if not 0 < value < float("inf"):
            self.refuse(column, f"is {text}; leave it empty where it is not known")
        return value

    def count(self, column: str) -> int | None:
        value = self.positive(column)
        if value is not None and value != int(value):
            self.refuse(column, f"is {value}, not a whole number")
        return None if value is None else int(value)

    def confidence(self, column: str, *, known: bool, default: str | None) -> str:
        """Return how far to trust figures; it says ``unknown`` just where there are none."""
        given = self.maybe(column) or (default if known else "unknown") or self.text(column)
        if given not in CONFIDENCES:
            self.refuse(column, f"is {given!r}, not one of: {', '.join(CONFIDENCES)}")
        if known == (given == "unknown"):
            state = "is" if known else "is not"
            self.refuse(column, f"says {given!r}, but the figure {state} given")
        return given


def _cpu(line: _Line, *, imported: bool) -> CpuRecord:
    name, tdp_w = line.text("name"), line.positive("tdp_w")
    cores, threads = line.count("cores"), line.count("threads")
    if imported and not normalise(name):
        line.refuse("name", f"is {name!r}, which names no processor")
    if cores is not None and threads is not None and threads < cores:
        line.refuse("threads", f"is {threads}, fewer than the {cores} cores")
    source, topology = line.text("source"), line.maybe("topology_source")
    if topology is None and imported and (cores or threads):
        topology = source
    return CpuRecord(
        name=name,
        tdp_w=tdp_w,
        cores=cores,
        threads=threads,
        source=source,
        confidence=line.confidence(
            "confidence", known=tdp_w is not None, default="user" if imported else None
        ),
        family=line.maybe("family"),
        topology_source=topology,
        imported=imported,
    )


def _instance(line: _Line, *, imported: bool) -> InstanceRecord:
    vcpu, memory_gb = line.count("vcpu"), line.positive("memory_gb")
    cpu, sockets = line.maybe("cpu"), line.count("sockets")
    platform_vcpu = line.count("platform_vcpu")
    if vcpu is not None and platform_vcpu is not None and platform_vcpu < vcpu:
        line.refuse("platform_vcpu", f"is {platform_vcpu}, fewer than the {vcpu} vcpu")
    default = "user" if imported else None
    return InstanceRecord(
        provider=(line.maybe("provider") or "aws").lower(),
        type=line.text("type"),
        vcpu=vcpu,
        memory_gb=memory_gb,
        cpu=cpu,
        platform_vcpu=platform_vcpu,
        sockets=sockets,
        source=line.text("source"),
        confidence=line.confidence(
            "confidence", known=vcpu is not None or memory_gb is not None, default=default
        ),
        platform_source=line.maybe("platform_source") or line.text("source"),
        platform_confidence=line.confidence(
            "platform_confidence",
            known=any(value is not None for value in (cpu, platform_vcpu, sockets)),
            default=default,
        ),
        imported=imported,
    )


def _coefficients(line: _Line, *, imported: bool) -> Coefficients:
    min_w, max_w = line.positive("min_w"), line.positive("max_w")
    if min_w is None or max_w is None:
        line.refuse("min_w" if min_w is None else "max_w", "is empty: both ends must be given")
    if min_w > max_w:
        line.refuse("max_w", f"is {max_w:g}, less than min_w {min_w:g}")
    measured = line.text("measured")
    if measured not in {"yes", "no"}:
        line.refuse("measured", f"is {measured!r}, not yes or no")
    return Coefficients(
        architecture=line.text("architecture"),
        min_w=min_w,
        max_w=max_w,
        measured=measured == "yes",
        source=line.text("source"),
        version=line.text("version"),
        date=line.text("date"),
        imported=imported,
    )


def _lines(path: Traversable) -> Iterator[_Line]:
    reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")), strict=True)
    try:
        for row in reader:
            line = _Line(path.name, reader.line_num, row)
            if None in row:
                raise FormatError(f"{line.place}: more values than columns; quote commas")
            yield line
    except csv.Error as error:
        raise FormatError(f"{path.name}:{reader.reader.line_num}: {error}") from error


def _kind(path: Path, lines: Collection[_Line]) -> str:
    """Return the column that tells which table a file holds, after a look at its columns."""
    if not lines:
        raise FormatError(f"{path.name}:1: a line of column names and a row are needed")
    given = set(next(iter(lines)).row)
    key = next((key for key in COLUMNS if key in given), None)
    if key is None:
        raise FormatError(
            f"{path.name}:1: no column 'name' (of a processor), 'type' (of a machine) or "
            f"'architecture' (of coefficients) among: {', '.join(sorted(given))}"
        )
    for column in sorted(given.difference(COLUMNS[key])):
        known = ", ".join(COLUMNS[key])
        raise FormatError(f"{path.name}:1: column {column!r} is not one of: {known}")
    for column in _REQUIRED[key]:
        if column not in given:
            raise FormatError(f"{path.name}:1: column {column!r} is missing")
    return key


def _refuse_repeated(lines: Collection[_Line], key: str, spelt: Callable[[str], str]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for line in lines:
        name = ((line.maybe("provider") or "aws").lower(), spelt(line.text(key)))
        if name in seen:
            line.refuse(key, f"repeats {line.text(key)!r} of {seen[name]}")
        seen[name] = line.place
