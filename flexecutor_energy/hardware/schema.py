"""The tables of a hardware database, and how its rows become records.

Unknown is NULL. Each table holds shipped and imported rows side by side, told apart by
``origin``: a new version of the shipped ones replaces these and leaves the others.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from flexecutor_energy.hardware.names import normalise
from flexecutor_energy.hardware.records import (
    CONFIDENCES,
    Coefficients,
    CpuRecord,
    Facts,
    InstanceRecord,
)

SHIPPED, USER = "shipped", "user"
_OWN = frozenset({"id", "norm_name", "origin"})
"""Columns that are no fields of a record."""

metadata = MetaData()


def _positive(name: str, kind: type[Float[float] | Integer]) -> Column[Any]:
    return Column(name, kind, CheckConstraint(f"{name} > 0"))


def _confidence(name: str) -> Column[str]:
    known = ", ".join(f"'{each}'" for each in CONFIDENCES)
    return Column(name, Text, CheckConstraint(f"{name} IN ({known})"), nullable=False)


def _origin() -> Column[str]:
    check = CheckConstraint(f"origin IN ('{SHIPPED}', '{USER}')")
    return Column("origin", Text, check, nullable=False)


cpu = Table(
    "cpu",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("norm_name", Text, nullable=False, index=True),
    Column("name", Text, nullable=False),
    _positive("cores", Integer),
    _positive("threads", Integer),
    _positive("tdp_w", Float),
    Column("family", Text),
    Column("source", Text, nullable=False),
    _confidence("confidence"),
    Column("topology_source", Text),
    _origin(),
    CheckConstraint("threads >= cores"),
    CheckConstraint("(tdp_w IS NULL) = (confidence = 'unknown')"),
    CheckConstraint("topology_source IS NOT NULL OR (cores IS NULL AND threads IS NULL)"),
)
Index(
    "cpu_imported_once",
    cpu.c.norm_name,
    unique=True,
    sqlite_where=text(f"origin = '{USER}'"),
    postgresql_where=text(f"origin = '{USER}'"),
)

instance = Table(
    "instance",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("type", Text, nullable=False),
    _positive("vcpu", Integer),
    _positive("memory_gb", Float),
    Column("cpu", Text),
    _positive("platform_vcpu", Integer),
    _positive("sockets", Integer),
    Column("source", Text, nullable=False),
    _confidence("confidence"),
    Column("platform_source", Text, nullable=False),
    _confidence("platform_confidence"),
    _origin(),
    UniqueConstraint("provider", "type", "origin"),
    CheckConstraint("platform_vcpu >= vcpu"),
    CheckConstraint("(vcpu IS NULL AND memory_gb IS NULL) = (confidence = 'unknown')"),
    CheckConstraint(
        "(cpu IS NULL AND platform_vcpu IS NULL AND sockets IS NULL)"
        " = (platform_confidence = 'unknown')"
    ),
)

coefficient = Table(
    "coefficient",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("architecture", Text, nullable=False),
    Column("min_w", Float, CheckConstraint("min_w > 0"), nullable=False),
    Column("max_w", Float, nullable=False),
    Column("measured", Boolean, nullable=False),
    Column("source", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("date", Text, nullable=False),
    _origin(),
    UniqueConstraint("architecture", "origin"),
    CheckConstraint("max_w >= min_w"),
)

seed = Table(
    "catalogue_seed",
    metadata,
    Column("version", Text, nullable=False),
    Column("format", Integer, nullable=False),
)
"""One row: the version of the shipped rows, and that of the tables."""

FORMAT = 1

NAMES = {
    "cpu": ("norm_name",),
    "instance": ("provider", "type"),
    "coefficient": ("architecture",),
}
"""What tells imported rows apart."""


def rows_of(facts: Facts) -> list[tuple[Table, list[dict[str, Any]]]]:
    """Return the rows of the tables that there are facts for."""
    rows = [
        (cpu, [{"norm_name": normalise(row.name), **_row(cpu, row)} for row in facts.cpus]),
        (instance, [_row(instance, row) for row in facts.instances]),
        (coefficient, [_row(coefficient, row) for row in facts.coefficients]),
    ]
    return [(table, some) for table, some in rows if some]


def cpu_record(row: Mapping[Any, Any]) -> CpuRecord:
    """Return a row of ``cpu`` as a record."""
    return CpuRecord(**_fields(row))


def instance_record(row: Mapping[Any, Any]) -> InstanceRecord:
    """Return a row of ``instance`` as a record."""
    return InstanceRecord(**_fields(row))


def coefficient_record(row: Mapping[Any, Any]) -> Coefficients:
    """Return a row of ``coefficient`` as a record."""
    return Coefficients(**_fields(row))


def _row(table: Table, record: CpuRecord | InstanceRecord | Coefficients) -> dict[str, Any]:
    names = [column.name for column in table.columns if column.name not in _OWN]
    origin = USER if record.imported else SHIPPED
    return {"origin": origin, **{name: getattr(record, name) for name in names}}


def _fields(row: Mapping[Any, Any]) -> dict[str, Any]:
    fields = {str(name): value for name, value in row.items() if name not in _OWN}
    return {**fields, "imported": row["origin"] == USER}
