"""Which catalogue answers where none is given, and what that costs."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flexecutor_energy.errors import ConfigurationError, StorageError
from flexecutor_energy.hardware import (
    current_catalogue,
    find_cpu,
    power_curve,
    shipped_catalogue,
    stored_catalogue,
)
from flexecutor_energy.hardware.database import DatabaseCatalogue
from flexecutor_energy.hardware.lookup import user_database
from flexecutor_energy.hardware.records import CpuRecord, Facts
from flexecutor_energy.settings import Settings

MINE = Facts((CpuRecord("Acme A1", 90.0, None, None, "my meter", "user", imported=True),))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An account without a database, and an environment that names none."""
    for name in ("FLEXECUTOR_ENERGY_DATABASE_URL", "POSTGRES_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def named(url: str) -> Settings:
    return Settings.model_validate({"FLEXECUTOR_ENERGY_DATABASE_URL": url})


def test_what_is_shipped_answers_where_nothing_was_imported(home: Path) -> None:
    assert current_catalogue() is shipped_catalogue()
    stored_catalogue()
    assert current_catalogue() is shipped_catalogue()
    assert list(home.rglob("*.sqlite")) == [user_database()]


def test_lookups_make_no_files(home: Path) -> None:
    find_cpu("Acme A1")
    current_catalogue(named(f"sqlite:///{home}/mine.sqlite"))
    assert list(home.rglob("*")) == []


def test_what_was_imported_answers_from_then_on() -> None:
    assert find_cpu("Acme A1") is None
    stored_catalogue().add(MINE)
    assert find_cpu("Acme A1") == MINE.cpus[0]
    curve = power_curve("Acme A1 CPU @ 2.00GHz")
    assert curve.known
    assert curve.max_w == pytest.approx(90 * 1.02)
    assert "my meter" in curve.source


def test_the_database_that_the_settings_name_is_asked_first(home: Path) -> None:
    settings = named(f"sqlite:///{home}/mine.sqlite")
    stored_catalogue(settings).add(MINE)
    assert current_catalogue(settings).find("Acme A1") == MINE.cpus[0]
    assert find_cpu("Acme A1") is None  # this account's own was not touched
    assert current_catalogue(settings).find("AMD EPYC 7R13") == find_cpu("AMD EPYC 7R13")


def test_a_named_database_without_a_catalogue_is_left_alone(home: Path) -> None:
    settings = named(f"sqlite:///{home}/mine.sqlite")
    assert current_catalogue(settings) is shipped_catalogue()
    assert isinstance(stored_catalogue(settings), DatabaseCatalogue)
    assert isinstance(current_catalogue(settings), DatabaseCatalogue)


def test_a_database_out_of_reach_is_warned_of_and_what_is_shipped_answers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pytest.importorskip("psycopg")
    settings = named("postgresql://someone:hidden@127.0.0.1:9/db")
    with caplog.at_level(logging.WARNING):
        assert current_catalogue(settings) is shipped_catalogue()
    assert "only the hardware facts that are shipped are used" in caplog.text
    assert "hidden" not in caplog.text


def test_a_damaged_database_is_warned_of_and_kept(caplog: pytest.LogCaptureFixture) -> None:
    file = user_database()
    assert file is not None
    file.parent.mkdir(parents=True)
    file.write_bytes(b"no database " * 100)
    with caplog.at_level(logging.WARNING):
        assert current_catalogue() is shipped_catalogue()
    assert "not a database" in caplog.text
    with pytest.raises(StorageError, match="not a database"):
        stored_catalogue()
    assert file.read_bytes().startswith(b"no database")


def test_a_url_that_cannot_work_is_an_error_and_no_warning() -> None:
    with pytest.raises(ConfigurationError):
        current_catalogue(named("mysql://host/db"))


def test_a_home_that_cannot_be_written_names_the_way_out(home: Path) -> None:
    (home / ".local").write_text("a file where a folder should be")
    with pytest.raises(StorageError, match="FLEXECUTOR_ENERGY_DATABASE_URL"):
        stored_catalogue()
    assert current_catalogue() is shipped_catalogue()


def test_an_account_without_a_home_uses_what_is_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert user_database() is None
    assert current_catalogue() is shipped_catalogue()
    with pytest.raises(StorageError, match="no home folder"):
        stored_catalogue()


def loaded_by_a_lookup() -> set[str]:
    code = (
        "import json, sys; from flexecutor_energy.hardware import find_cpu, power_curve; "
        "find_cpu('AMD EPYC 7R13 Processor'); power_curve('AMD EPYC 7R13 Processor'); "
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    return set(json.loads(done.stdout))


def test_a_lookup_loads_no_database_code_until_rows_were_imported() -> None:
    assert "sqlalchemy" not in loaded_by_a_lookup()
    catalogue = stored_catalogue()
    assert "sqlalchemy" not in loaded_by_a_lookup()
    catalogue.add(MINE)
    assert "sqlalchemy" in loaded_by_a_lookup()
