"""What is known of processors, rented machines and micro-architectures, one record each."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

_LOG = logging.getLogger(__name__)

CONFIDENCES = ("high", "medium", "low", "user", "unknown")
"""What a row may say of its figures; ``user`` is what an imported row says by default."""


@dataclass(frozen=True, slots=True)
class CpuRecord:
    """What is known of one processor model.

    Attributes
    ----------
    name : as its source writes it
    tdp_w : thermal design power of one package, watts; None where no source gives one
    cores, threads : of one package, or as many as its platform offers; None where unknown
    source : where the TDP comes from, or why there is none
    confidence : of the TDP: one of ``CONFIDENCES``, or ``conflicting`` where sources disagree
    family : micro-architecture with coefficients of its own, for parts without a TDP
    topology_source : where cores and threads come from
    imported : whether a user gave it; such rows win over those that are shipped
    """

    name: str
    tdp_w: float | None
    cores: int | None
    threads: int | None
    source: str
    confidence: str
    family: str | None = None
    topology_source: str | None = None
    imported: bool = False


@dataclass(frozen=True, slots=True)
class InstanceRecord:
    """What is known of one machine type of a cloud, and of the host that it is a part of.

    Attributes
    ----------
    provider, type : such as ``aws`` and ``m5.large``
    vcpu : hardware threads that it rents; None where unknown
    memory_gb : memory in the provider's gigabytes, which at AWS are 2^30 bytes
    cpu : its processor; None where it may be one of several
    platform_vcpu, sockets : hardware threads and packages of the whole host, so that
        ``vcpu / platform_vcpu`` is its share of them; None where unknown
    source, confidence : of vcpu and memory
    platform_source, platform_confidence : of cpu, platform_vcpu and sockets, or why they are
        unknown
    imported : whether a user gave it; such a row replaces the one that is shipped
    """

    provider: str
    type: str
    vcpu: int | None
    memory_gb: float | None
    cpu: str | None
    platform_vcpu: int | None
    sockets: int | None
    source: str
    confidence: str
    platform_source: str
    platform_confidence: str
    imported: bool = False


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Watts of one hardware thread of a micro-architecture, at the wall.

    Attributes
    ----------
    min_w, max_w : idle and busy, watts per thread
    measured : False if the source took them from another architecture
    source, version, date : whose figures, from which edition, of when
    imported : whether a user gave it; such a row replaces the one that is shipped
    """

    architecture: str
    min_w: float
    max_w: float
    measured: bool
    source: str
    version: str
    date: str
    imported: bool = False

    @property
    def citation(self) -> str:
        """Source, version and date in one line."""
        return ", ".join((self.source, self.version, self.date))


@dataclass(frozen=True, slots=True)
class Facts:
    """Rows of the three tables, as their sources have them."""

    cpus: tuple[CpuRecord, ...] = ()
    instances: tuple[InstanceRecord, ...] = ()
    coefficients: tuple[Coefficients, ...] = ()


@dataclass(frozen=True, slots=True)
class Seed:
    """What a database is filled with.

    Attributes
    ----------
    version : changes whenever the rows, or the rules by which names are compared, do
    load : reads the rows; called only where a database does not hold this version
    """

    version: str
    load: Callable[[], Facts]


def merged(rows: Sequence[CpuRecord]) -> CpuRecord | None:
    """Return what rows of one model say together, None if there are none.

    What a user imported wins value by value: the TDP with its source, cores and threads with
    theirs. Shipped rows that differ in their TDP leave it unknown, because nothing tells which
    of them is right.
    """
    shipped = _agreed([row for row in rows if not row.imported])
    imported = next((row for row in reversed(rows) if row.imported), None)
    if imported is None or shipped is None:
        return imported or shipped
    record = replace(imported, family=imported.family or shipped.family)
    if imported.tdp_w is None and shipped.tdp_w is not None:
        record = replace(
            record,
            tdp_w=shipped.tdp_w,
            source=shipped.source,
            confidence=shipped.confidence,
        )
    if imported.cores is None and imported.threads is None:
        record = replace(
            record,
            cores=shipped.cores,
            threads=shipped.threads,
            topology_source=shipped.topology_source,
        )
    return record


def _agreed(rows: Sequence[CpuRecord]) -> CpuRecord | None:
    known = [row for row in rows if row.tdp_w is not None] or rows
    if not known:
        return None
    record = next((row for row in known if row.threads is not None), known[0])
    powers = {row.tdp_w for row in known}
    if len(powers) > 1:
        _LOG.debug("tables give %s different TDPs: %s W", record.name, powers)
        return replace(record, tdp_w=None, confidence="conflicting")
    return record
