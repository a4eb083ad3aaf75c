"""The catalogues that the contract suite runs on: in memory, in SQLite and in PostgreSQL."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from flexecutor_energy.hardware.catalogue import Catalogue, MemoryCatalogue
from flexecutor_energy.hardware.database import DatabaseCatalogue
from flexecutor_energy.hardware.engine import engine_for, writing
from flexecutor_energy.hardware.records import Facts, Seed

DATABASES = ("sqlite", "postgresql")
KINDS = ("memory", *DATABASES)


@contextlib.contextmanager
def database_url(kind: str, folder: Path) -> Iterator[str]:
    """Lend an empty database; skip the test where there is no PostgreSQL to be had."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/hardware.sqlite"
        return
    server = os.environ.get("POSTGRES_URL")
    if not server:
        pytest.skip("no PostgreSQL: POSTGRES_URL names none")
    schema = f"test_{secrets.token_hex(6)}"
    engine = engine_for(server)
    with writing(engine) as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    try:
        yield f"{server}{'&' if '?' in server else '?'}options=-csearch_path%3D{schema}"
    finally:
        with writing(engine) as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))


def seed_of(facts: Facts, version: str = "1") -> Seed:
    return Seed(version, lambda: facts)


@contextlib.contextmanager
def opened(kind: str, folder: Path, shipped: Facts, imported: Facts) -> Iterator[Catalogue]:
    """Open a catalogue of one kind that holds shipped and imported rows."""
    if kind == "memory":
        yield MemoryCatalogue(
            Facts(
                imported.cpus + shipped.cpus,
                imported.instances + shipped.instances,
                imported.coefficients + shipped.coefficients,
            )
        )
        return
    with database_url(kind, folder) as url:
        catalogue = DatabaseCatalogue.open(url, seed_of(shipped))
        catalogue.add(imported)
        yield catalogue
