"""What a catalogue in a database does beyond answering: seeding, importing, refusing."""

import multiprocessing
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError

from flexecutor_energy.errors import (
    ConfigurationError,
    MissingExtraError,
    StorageError,
    StorageUnreachableError,
)
from flexecutor_energy.hardware import schema
from flexecutor_energy.hardware.catalogue import shipped_seed
from flexecutor_energy.hardware.database import DatabaseCatalogue
from flexecutor_energy.hardware.engine import engine_for, reading, writing
from flexecutor_energy.hardware.records import Coefficients, CpuRecord, Facts, Seed
from tests.contracts.catalogues import DATABASES, database_url, seed_of

SHIPPED = CpuRecord("Acme A1", 100.0, 8, 16, "table", "medium", topology_source="maker")
MINE = CpuRecord("Acme A1", 90.0, None, None, "my meter", "user", imported=True)


def never() -> Facts:
    raise AssertionError("the rows were read again")


def tdp_of(catalogue: DatabaseCatalogue, name: str) -> float | None:
    found = catalogue.find(name)
    return None if found is None else found.tdp_w


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with database_url(str(request.param), tmp_path) as lent:
        yield lent


def test_rows_are_written_once(url: str) -> None:
    DatabaseCatalogue.open(url, seed_of(Facts((SHIPPED,))))
    again = DatabaseCatalogue.open(url, Seed("1", never))
    assert tdp_of(again, "Acme A1") == 100


def test_a_new_version_replaces_shipped_rows_and_keeps_imported_ones(url: str) -> None:
    old = Facts((SHIPPED, replace(SHIPPED, name="Acme Gone 1")))
    DatabaseCatalogue.open(url, seed_of(old)).add(Facts((replace(MINE, name="Acme Own 1"),)))
    new = Facts((replace(SHIPPED, tdp_w=105.0),))
    catalogue = DatabaseCatalogue.open(url, seed_of(new, "2"))
    assert tdp_of(catalogue, "Acme A1") == 105
    assert catalogue.find("Acme Gone 1") is None
    assert tdp_of(catalogue, "Acme Own 1") == 90
    assert len(catalogue.all()) == 2
    assert tdp_of(DatabaseCatalogue.open(url, Seed("2", never)), "Acme A1") == 105


def test_a_new_version_spells_imported_names_by_its_own_rules(url: str) -> None:
    catalogue = DatabaseCatalogue.open(url, seed_of(Facts()))
    catalogue.add(Facts((MINE, replace(MINE, name="Acme B1", tdp_w=80.0))))
    with writing(engine_for(url)) as connection:  # as older rules may have spelt them
        connection.execute(text("UPDATE cpu SET norm_name = 'old ' || norm_name"))
    assert catalogue.find("Acme A1") is None
    assert tdp_of(DatabaseCatalogue.open(url, seed_of(Facts(), "2")), "Acme A1") == 90


def test_importing_again_replaces_what_was_imported(url: str) -> None:
    catalogue = DatabaseCatalogue.open(url, seed_of(Facts((SHIPPED,))))
    catalogue.add(Facts((MINE,)))
    catalogue.add(Facts((replace(MINE, name="ACME A1 CPU", tdp_w=91.0),)))
    assert tdp_of(catalogue, "Acme A1") == 91
    assert [row.imported for row in catalogue.all()] == [False, True]


def test_an_import_is_there_whole_or_not_at_all(url: str) -> None:
    catalogue = DatabaseCatalogue.open(url, seed_of(Facts((SHIPPED,))))
    bad = Coefficients("Acme", 3.0, 2.0, True, "lab", "1", "2026", imported=True)
    with pytest.raises(StorageError, match=r"(?i)check"):
        catalogue.add(Facts(cpus=(MINE,), coefficients=(bad,)))
    assert tdp_of(catalogue, "Acme A1") == 100
    assert catalogue.all_coefficients() == ()


def test_a_catalogue_that_is_open_sees_what_others_import(url: str) -> None:
    first = DatabaseCatalogue.open(url, seed_of(Facts((SHIPPED,))))
    DatabaseCatalogue.open(url, Seed("1", never)).add(Facts((MINE,)))
    assert tdp_of(first, "Acme A1") == 90


def test_a_database_that_was_not_set_up_is_left_alone(url: str) -> None:
    assert DatabaseCatalogue.existing(url, Seed("1", never)) is None
    assert DatabaseCatalogue.existing(url, Seed("1", never)) is None
    DatabaseCatalogue.open(url, seed_of(Facts((SHIPPED,))))
    existing = DatabaseCatalogue.existing(url, Seed("1", never))
    assert existing is not None
    assert tdp_of(existing, "Acme A1") == 100


def test_tables_of_someone_else_are_not_touched(url: str) -> None:
    with writing(engine_for(url)) as connection:
        connection.execute(text("CREATE TABLE instance (id INTEGER)"))
    with pytest.raises(ConfigurationError, match="not of the hardware catalogue: instance"):
        DatabaseCatalogue.open(url, seed_of(Facts()))
    with reading(engine_for(url)) as connection:
        assert connection.execute(text("SELECT count(*) FROM instance")).scalar() == 0


def test_tables_of_another_format_are_not_touched(url: str) -> None:
    DatabaseCatalogue.open(url, seed_of(Facts()))
    with writing(engine_for(url)) as connection:
        connection.execute(text("UPDATE catalogue_seed SET format = 99"))
    with pytest.raises(ConfigurationError, match="format 99"):
        DatabaseCatalogue.open(url, seed_of(Facts(), "2"))


ROW = {
    "norm_name": "acme a1",
    "name": "Acme A1",
    "source": "table",
    "confidence": "medium",
    "tdp_w": 10.0,
    "origin": "shipped",
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"tdp_w": 0.0},
        {"tdp_w": -1.0},
        {"tdp_w": None},  # yet it claims a confidence
        {"confidence": "unknown"},  # yet there is a figure
        {"confidence": "certain"},
        {"cores": 0, "topology_source": "x"},
        {"cores": 8, "threads": 4, "topology_source": "x"},
        {"threads": 8},  # from nowhere
        {"source": None},
        {"norm_name": None},
        {"origin": "elsewhere"},
    ],
)
def test_the_database_itself_refuses_rows_that_cannot_be(
    url: str, wrong: dict[str, object]
) -> None:
    DatabaseCatalogue.open(url, seed_of(Facts()))
    engine = engine_for(url)
    with engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(insert(schema.cpu), {**ROW, **wrong})


def test_the_database_itself_accepts_what_is_unknown(url: str) -> None:
    catalogue = DatabaseCatalogue.open(url, seed_of(Facts()))
    with writing(engine_for(url)) as connection:
        connection.execute(insert(schema.cpu), {**ROW, "tdp_w": None, "confidence": "unknown"})
    found = catalogue.find("Acme A1")
    assert found == CpuRecord("Acme A1", None, None, None, "table", "unknown")


def open_shipped(url: str) -> int:
    return len(DatabaseCatalogue.open(url).all())


def test_processes_that_set_up_one_database_at_once_fill_it_once(url: str) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        counts = pool.map(open_shipped, [url] * 3)
    assert counts == [len(shipped_seed().load().cpus)] * 3


def test_a_password_is_in_no_message() -> None:
    pytest.importorskip("psycopg")
    url = "postgresql://someone:hidden@127.0.0.1:9/db?sslpassword=hidden"
    with pytest.raises(StorageUnreachableError) as caught:
        DatabaseCatalogue.open(url, seed_of(Facts()))
    assert "someone" in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("not a url", "cannot be read"),
        ("mysql://someone:hidden@host/db", "not 'mysql'"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
    ],
)
def test_a_url_that_cannot_work_is_an_error_of_usage(url: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        DatabaseCatalogue.open(url, seed_of(Facts()))
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_the_usual_spellings_of_postgresql_mean_the_driver_of_the_extra(scheme: str) -> None:
    pytest.importorskip("psycopg")
    assert engine_for(f"{scheme}://u@host/db").url.drivername == "postgresql+psycopg"


def test_without_its_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"flexecutor-energy\[postgres\]"):
        engine_for("postgresql://u@host/db")


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("no database " * 100)
    with pytest.raises(StorageError, match="not a database"):
        DatabaseCatalogue.open(f"sqlite:///{file}", seed_of(Facts()))
    assert file.read_text().startswith("no database")


def test_a_folder_that_is_not_there_is_an_error_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nowhere/hardware\.sqlite"):
        DatabaseCatalogue.open(f"sqlite:///{tmp_path}/nowhere/hardware.sqlite", seed_of(Facts()))


def test_the_version_of_what_is_shipped_stays_the_same_until_it_changes() -> None:
    assert shipped_seed().version == shipped_seed().version
    assert len(shipped_seed().version) == 16
