"""The catalogue in a database: SQLite or PostgreSQL, seeded from what is shipped."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar

from sqlalchemy import (
    Connection,
    Engine,
    Select,
    Table,
    bindparam,
    delete,
    insert,
    inspect,
    select,
)
from sqlalchemy.sql.elements import ColumnElement

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.hardware import schema
from flexecutor_energy.hardware.catalogue import shipped_seed
from flexecutor_energy.hardware.engine import engine_for, is_there, place_of, reading, writing
from flexecutor_energy.hardware.names import is_model, normalise
from flexecutor_energy.hardware.records import (
    Coefficients,
    CpuRecord,
    Facts,
    InstanceRecord,
    Seed,
    merged,
)

_LOG = logging.getLogger(__name__)
Record = TypeVar("Record")


class DatabaseCatalogue:
    """A catalogue in a database: every answer is a query, so it is always current."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str, seed: Seed | None = None) -> Self:
        """Return the catalogue of a database, which is set up or brought up to date first.

        Parameters
        ----------
        url : ``sqlite:////folder/file`` or ``postgresql://user:password@host/database``
        seed : the rows it is to hold besides imported ones; None takes those that are shipped

        Raises
        ------
        ConfigurationError
            The URL is wrong, or the database holds tables of these names that are not ours.
        MissingExtraError
            The driver of PostgreSQL is not installed.
        StorageError
            The database cannot be reached, read or written.
        """
        engine = engine_for(url)
        return cls._current(engine, _seeded(engine), seed)

    @classmethod
    def existing(cls, url: str, seed: Seed | None = None) -> Self | None:
        """Return the catalogue of a database that was set up, None of one that was not.

        Nothing is written to a database that does not hold a catalogue yet.

        Raises
        ------
        ConfigurationError, MissingExtraError, StorageError
            As for ``open``.
        """
        engine = engine_for(url)
        version = _seeded(engine) if is_there(engine) else None
        return None if version is None else cls._current(engine, version, seed)

    @classmethod
    def _current(cls, engine: Engine, version: str | None, seed: Seed | None) -> Self:
        seed = seed or shipped_seed()
        if version != seed.version:
            _sow(engine, seed)
        return cls(engine)

    @property
    def place(self) -> str:
        """Which database this is, without its password."""
        return place_of(self._engine.url)

    def find(self, name: str) -> CpuRecord | None:
        """Return the record of the model that a host names, None if it is not known."""
        key = normalise(name)
        rows = self._rows(schema.cpu, schema.cpu_record, schema.cpu.c.norm_name == key)
        return merged([row for row in rows if row.imported or is_model(key)])

    def instance(self, kind: str, provider: str = "aws") -> InstanceRecord | None:
        """Return the record of a machine type, None if it is not known."""
        named = (schema.instance.c.provider == provider) & (schema.instance.c.type == kind)
        rows = self._rows(schema.instance, schema.instance_record, named)
        return rows[-1] if rows else None

    def coefficients(self, architecture: str | None) -> Coefficients | None:
        """Return the watts per thread of a micro-architecture, None if there are none."""
        named = schema.coefficient.c.architecture == architecture
        rows = self._rows(schema.coefficient, schema.coefficient_record, named)
        return rows[-1] if rows else None

    def all(self) -> tuple[CpuRecord, ...]:
        """Return every row of a processor, as its source has it; imported ones last."""
        return self._rows(schema.cpu, schema.cpu_record)

    def all_instances(self) -> tuple[InstanceRecord, ...]:
        """Return every row of a machine type; imported ones last."""
        return self._rows(schema.instance, schema.instance_record)

    def all_coefficients(self) -> tuple[Coefficients, ...]:
        """Return every row of a micro-architecture; imported ones last."""
        return self._rows(schema.coefficient, schema.coefficient_record)

    def add(self, facts: Facts) -> None:
        """Store imported rows, all or none; they replace imported rows of the same names.

        Raises
        ------
        StorageError
            The database cannot be reached or written.
        """
        with writing(self._engine) as connection:
            _replace_imported(connection, facts)

    def _rows(
        self,
        table: Table,
        record: Callable[[Mapping[Any, Any]], Record],
        where: ColumnElement[bool] | None = None,
    ) -> tuple[Record, ...]:
        query = _in_order(table)
        with reading(self._engine) as connection:
            found = connection.execute(query if where is None else query.where(where))
            return tuple(record(row) for row in found.mappings())


def _in_order(table: Table) -> Select[Any]:
    """Return a query of all rows: shipped ones in the order of their file, then imported ones."""
    return select(table).order_by(table.c.origin, table.c.id)


def _seeded(engine: Engine) -> str | None:
    """Return the version of the shipped rows that a database holds, None if it has none."""
    with reading(engine) as connection:
        return _version(connection)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(schema.seed.name):
        return None
    row = connection.execute(select(schema.seed)).one()
    if row.format != schema.FORMAT:
        raise ConfigurationError(
            f"the hardware catalogue in {place_of(connection.engine.url)} has format "
            f"{row.format}, and this program knows {schema.FORMAT}; give it another database"
        )
    return str(row.version)


def _sow(engine: Engine, seed: Seed) -> None:
    """Write the shipped rows anew, and spell the names of imported ones by today's rules."""
    with writing(engine) as connection:
        version = _version(connection)
        if version == seed.version:  # another process was quicker
            return
        if version is None:
            _refuse_strangers(connection)
            schema.metadata.create_all(connection)
        mine = connection.execute(
            _in_order(schema.cpu).where(schema.cpu.c.origin == schema.USER)
        ).mappings()
        imported = Facts(cpus=tuple(schema.cpu_record(row) for row in mine))
        connection.execute(delete(schema.cpu))
        for table in (schema.instance, schema.coefficient):
            connection.execute(delete(table).where(table.c.origin == schema.SHIPPED))
        connection.execute(delete(schema.seed))
        facts = seed.load()
        for table, rows in schema.rows_of(facts):
            connection.execute(insert(table), rows)
        _replace_imported(connection, imported)
        connection.execute(insert(schema.seed), {"version": seed.version, "format": schema.FORMAT})
    _LOG.info("hardware facts %s were written to %s", seed.version, place_of(engine.url))


def _replace_imported(connection: Connection, facts: Facts) -> None:
    for table, rows in schema.rows_of(facts):
        named = schema.NAMES[table.name]
        newest = list({tuple(row[name] for name in named): row for row in rows}.values())
        same = [table.c[name] == bindparam(f"given_{name}") for name in named]
        connection.execute(
            delete(table).where(table.c.origin == schema.USER, *same),
            [{f"given_{name}": row[name] for name in named} for row in newest],
        )
        connection.execute(insert(table), newest)


def _refuse_strangers(connection: Connection) -> None:
    present = inspect(connection).get_table_names()
    strangers = sorted({*schema.NAMES}.intersection(present))
    if strangers:
        raise ConfigurationError(
            f"{place_of(connection.engine.url)} has tables that are not of the hardware "
            f"catalogue: {', '.join(strangers)}; give it a database or a schema of its own"
        )
