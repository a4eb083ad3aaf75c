"""The processors that the project knows, found by the name that a host reports."""

import csv
import io
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable

from flexecutor_energy.errors import FormatError
from flexecutor_energy.hardware.names import is_model, normalise

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CpuRecord:
    """What is known of one processor model.

    Attributes
    ----------
    name : as its source writes it
    tdp_w : thermal design power of one package, watts; None where no source gives one
    cores, threads : of one package, or as many as its platform offers; None where unknown
    source : where the TDP comes from
    confidence : of the TDP: ``high``, ``medium``, ``low``, ``conflicting`` or ``unknown``
    family : micro-architecture with coefficients of its own, for parts without a TDP
    topology_source : where cores and threads come from
    """

    name: str
    tdp_w: float | None
    cores: int | None
    threads: int | None
    source: str
    confidence: str
    family: str | None = None
    topology_source: str | None = None


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Watts of one hardware thread of a micro-architecture, at the wall.

    Attributes
    ----------
    min_w, max_w : idle and busy, watts per thread
    measured : False if the source took them from another architecture
    source : whose figures, which version, which date
    """

    architecture: str
    min_w: float
    max_w: float
    measured: bool
    source: str


class Catalogue:
    """Processors and coefficients from any source of rows.

    Parameters
    ----------
    cpus : the processors; rows of one model are merged, and where their TDPs differ the merged
        record has none, because nothing tells which is right
    coefficients : watts per thread of micro-architectures
    """

    def __init__(
        self, cpus: Iterable[CpuRecord], coefficients: Iterable[Coefficients] = ()
    ) -> None:
        self._rows = tuple(cpus)
        self._coefficients = {row.architecture: row for row in coefficients}
        self._by_key: Mapping[str, CpuRecord] = _indexed(self._rows)

    def find(self, name: str) -> CpuRecord | None:
        """Return the record of the model that a host names, None if it is not known.

        Only equal models match, after trademarks, clock rates and the like are taken off both
        names. A brand without a model, or a model that is merely similar, is not known.
        """
        return self._by_key.get(normalise(name))

    def all(self) -> tuple[CpuRecord, ...]:
        """Return every row, as its source has it."""
        return self._rows

    def coefficients(self, architecture: str | None) -> Coefficients | None:
        """Return the watts per thread of a micro-architecture, None if there are none."""
        return None if architecture is None else self._coefficients.get(architecture)


@lru_cache(maxsize=1)
def shipped_catalogue() -> Catalogue:
    """Return the catalogue that comes with the project (read once; it never changes)."""
    data = resources.files("flexecutor_energy.hardware") / "data"
    return Catalogue(read_cpus(data / "cpus.csv"), read_coefficients(data / "coefficients.csv"))


def find_cpu(name: str, catalogue: Catalogue | None = None) -> CpuRecord | None:
    """Return what is known of the processor that a host names, None if it is not known.

    Parameters
    ----------
    name : a model name as in ``/proc/cpuinfo``, such as ``AMD EPYC 7R13 Processor``
    catalogue : where to look; None takes the one that comes with the project
    """
    return (catalogue or shipped_catalogue()).find(name)


def read_cpus(path: Traversable) -> list[CpuRecord]:
    """Return the processors of a CSV file with the columns of ``data/README.md``.

    Raises
    ------
    FormatError
        A column is missing, or a number is none or not positive.
    """
    return [
        CpuRecord(
            name=_text(row, "name", place),
            tdp_w=_positive(row, "tdp_w", place),
            cores=_count(row, "cores", place),
            threads=_count(row, "threads", place),
            source=_text(row, "source", place),
            confidence=_text(row, "confidence", place),
            family=row.get("family") or None,
            topology_source=row.get("topology_source") or None,
        )
        for place, row in _rows(path)
    ]


def read_coefficients(path: Traversable) -> list[Coefficients]:
    """Return the coefficients of a CSV file with the columns of ``data/coefficients.csv``.

    Raises
    ------
    FormatError
        A column is missing, or a number is none or not positive.
    """
    table = []
    for place, row in _rows(path):
        min_w, max_w = _positive(row, "min_w", place), _positive(row, "max_w", place)
        if min_w is None or max_w is None:
            raise FormatError(f"{place}: min_w and max_w must both be given")
        origin = [_text(row, key, place) for key in ("source", "version", "date")]
        table.append(
            Coefficients(
                architecture=_text(row, "architecture", place),
                min_w=min_w,
                max_w=max_w,
                measured=_text(row, "measured", place) == "yes",
                source=", ".join(origin),
            )
        )
    return table


def _indexed(rows: Iterable[CpuRecord]) -> dict[str, CpuRecord]:
    groups: dict[str, list[CpuRecord]] = defaultdict(list)
    for row in rows:
        key = normalise(row.name)
        if is_model(key):
            groups[key].append(row)
    return {key: _merged(same) for key, same in groups.items()}


def _merged(rows: list[CpuRecord]) -> CpuRecord:
    known = [row for row in rows if row.tdp_w is not None] or rows
    record = next((row for row in known if row.threads is not None), known[0])
    powers = {row.tdp_w for row in known}
    if len(powers) > 1:
        _LOG.debug("tables give %s different TDPs: %s W", record.name, powers)
        return replace(record, tdp_w=None, confidence="conflicting")
    return record


def _rows(path: Traversable) -> Iterable[tuple[str, dict[str, str]]]:
    reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    for number, row in enumerate(reader, start=2):
        yield f"{path.name}:{number}", row


def _text(row: Mapping[str, str | None], column: str, place: str) -> str:
    value = row.get(column)
    if not value:
        raise FormatError(f"{place}: column {column!r} is missing or empty")
    return value


def _positive(row: Mapping[str, str | None], column: str, place: str) -> float | None:
    text = row.get(column)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise FormatError(f"{place}: {column} is {text!r}, not a number") from error
    if not 0 < value < float("inf"):
        raise FormatError(f"{place}: {column} is {text}; leave it empty where it is not known")
    return value


def _count(row: Mapping[str, str | None], column: str, place: str) -> int | None:
    value = _positive(row, column, place)
    if value is not None and value != int(value):
        raise FormatError(f"{place}: {column} is {value}, not a whole number")
    return None if value is None else int(value)
