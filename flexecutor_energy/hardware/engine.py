"""From the URL of a database to a connection, and from a driver's errors to the project's."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from flexecutor_energy.errors import (
    ConfigurationError,
    MissingExtraError,
    StorageError,
    StorageUnreachableError,
)

_WAIT_S = 10
_ADVISORY_LOCK = 7_210_473
"""Any number, as long as every writer of a catalogue takes the same."""


def engine_for(url: str) -> Engine:
    """Return an engine that holds no connection between two uses, so that workers may be forked.

    Parameters
    ----------
    url : ``sqlite:///file``, ``postgresql://user:password@host/database``, or ``postgres://…``

    Raises
    ------
    ConfigurationError
        The URL cannot be read, or names another kind of database, or no file.
    MissingExtraError
        The driver of PostgreSQL is not installed.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError(
            "the URL of the hardware database cannot be read; it should look like "
            "sqlite:////folder/file.sqlite or postgresql://user:password@host:5432/database"
        ) from error
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        return _sqlite(parsed)
    if kind in {"postgresql", "postgres"}:
        return _postgresql(parsed)
    raise ConfigurationError(
        f"a hardware database is SQLite or PostgreSQL, not {kind!r} ({place_of(parsed)})"
    )


def place_of(url: URL) -> str:
    """Return which database a URL names, without its password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.set(query={}).render_as_string(hide_password=True)


def is_there(engine: Engine) -> bool:
    """Return whether connecting would not make a new file."""
    url = engine.url
    return url.get_backend_name() != "sqlite" or Path(str(url.database)).exists()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Lend a connection to read with.

    Raises
    ------
    StorageError
        The database cannot be reached or read.
    """
    with _told(engine), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Lend a transaction during which no other process writes the catalogue.

    Raises
    ------
    StorageError
        The database cannot be reached or written.
    """
    with _told(engine), engine.connect() as connection, connection.begin():
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
        yield connection


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise ConfigurationError(
            "a hardware database in SQLite needs a file: sqlite:////folder/file"
        )
    # the driver begins no transactions of its own: "writing" says when, and of which kind
    arguments = {"timeout": _WAIT_S, "isolation_level": None}
    return create_engine(url, poolclass=NullPool, connect_args=arguments)


def _postgresql(url: URL) -> Engine:
    driver = url.set(drivername="postgresql+psycopg")
    try:
        return create_engine(driver, poolclass=NullPool, connect_args={"connect_timeout": _WAIT_S})
    except ImportError as error:
        raise MissingExtraError(
            "psycopg", "postgres", "a hardware catalogue in PostgreSQL"
        ) from error


@contextmanager
def _told(engine: Engine) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        lines = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
        message = f"hardware catalogue in {place_of(engine.url)}: {lines[0]}"
        if isinstance(error, OperationalError) and engine.dialect.name != "sqlite":
            raise StorageUnreachableError(message) from error
        raise StorageError(message) from error
