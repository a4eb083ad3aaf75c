"""Which catalogue answers, where none is given: the quickest one that knows everything.

What is shipped is read from its files and kept in memory, without SQLAlchemy, whose import alone
costs more CPU time than reading them. A database is asked only where the settings name one that
holds a catalogue, or where a user imported rows into the one of this account.
"""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from flexecutor_energy.errors import StorageError
from flexecutor_energy.hardware.catalogue import Catalogue, shipped_catalogue
from flexecutor_energy.hardware.records import CpuRecord

if TYPE_CHECKING:
    from flexecutor_energy.hardware.database import DatabaseCatalogue
    from flexecutor_energy.settings import Settings

_LOG = logging.getLogger(__name__)


def find_cpu(name: str, catalogue: Catalogue | None = None) -> CpuRecord | None:
    """Return what is known of the processor that a host names, None if it is not known.

    Parameters
    ----------
    name : a model name as in ``/proc/cpuinfo``, such as ``AMD EPYC 7R13 Processor``
    catalogue : where to look; None takes ``current_catalogue()``
    """
    return (catalogue or current_catalogue()).find(name)


def current_catalogue(settings: "Settings | None" = None) -> Catalogue:
    """Return the catalogue that lookups use: what is shipped, and what was imported.

    Nothing is written to a database that does not hold a catalogue. One that cannot be reached
    is warned of, and what is shipped answers in its stead.

    Raises
    ------
    ConfigurationError
        The database that the settings name cannot be one of this catalogue.
    MissingExtraError
        It is PostgreSQL, and the driver is not installed.
    """
    url = _named(settings)
    if url is None:
        file = user_database()
        url = _url(file) if file is not None and _has_imports(file) else None
    if url is None:
        return shipped_catalogue()
    from flexecutor_energy.hardware.database import DatabaseCatalogue

    try:
        return DatabaseCatalogue.existing(url) or shipped_catalogue()
    except StorageError as error:
        _LOG.warning("%s; only the hardware facts that are shipped are used", error)
        return shipped_catalogue()


def stored_catalogue(settings: "Settings | None" = None) -> "DatabaseCatalogue":
    """Return the catalogue in its database, which is made and filled where it is missing.

    Raises
    ------
    ConfigurationError, MissingExtraError
        The database that the settings name cannot be one of this catalogue.
    StorageError
        The database cannot be reached, read or written.
    """
    from flexecutor_energy.hardware.database import DatabaseCatalogue

    return DatabaseCatalogue.open(_named(settings) or _url(_made(user_database())))


def user_database() -> Path | None:
    """Return the database file of this account, used where the settings name no database.

    None where the account has no home folder.
    """
    try:
        return Path.home() / ".local" / "share" / "flexecutor-energy" / "hardware.sqlite"
    except RuntimeError:
        return None


def _named(settings: "Settings | None") -> str | None:
    if settings is None:
        from flexecutor_energy.settings import Settings

        settings = Settings()
    return settings.database_url.get_secret_value() if settings.database_url else None


def _url(file: Path) -> str:
    return f"sqlite:///{file}"


def _made(file: Path | None) -> Path:
    """Return a file whose folder exists."""
    remedy = "name another with FLEXECUTOR_ENERGY_DATABASE_URL=sqlite:////folder/file.sqlite"
    if file is None:
        raise StorageError(f"this account has no home folder for the hardware database; {remedy}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot make {file.parent} for the hardware database: {error.strerror}; {remedy}"
        ) from error
    return file


def _has_imports(file: Path) -> bool:
    """Return whether a user's rows are in a database file, without loading SQLAlchemy for it."""
    if not file.exists():
        return False
    tables = ("cpu", "instance", "coefficient")
    query = " UNION ALL ".join(f"SELECT 1 FROM {name} WHERE origin = 'user'" for name in tables)
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
            return database.execute(f"{query} LIMIT 1").fetchone() is not None
    except sqlite3.Error:
        return True  # opening it says what is wrong
