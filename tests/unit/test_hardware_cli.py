"""``flexecutor-energy hardware``, in this process, in an account of its own."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from flexecutor_energy.cli import app
from flexecutor_energy.hardware.lookup import user_database


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("FLEXECUTOR_ENERGY_DATABASE_URL", "POSTGRES_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    table = tmp_path / "mine.csv"
    table.write_text("name,tdp_w,source\nAcme A1,90,my meter\n")
    return table


def hardware(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["hardware", *arguments])


def answer(*arguments: str) -> Any:
    result = hardware(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_find_tells_a_processor_with_the_source_of_each_figure() -> None:
    text = hardware("find", "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz").stdout
    assert "TDP      210 W (codecarbon 3.3.2; low)" in text
    assert "cores    24, threads 48 (AWS platforms (cloud-carbon-coefficients))" in text
    assert "idle     25.2 W, busy 214 W" in text


def test_find_shows_what_nobody_says_as_unknown() -> None:
    found = answer("find", "AWS Graviton3")
    assert found["processor"]["tdp_w"] is None
    assert found["curve"]["boundary"] == "wall"
    assert (
        "TDP      unknown (no published TDP; unknown)" in hardware("find", "AWS Graviton3").stdout
    )


@pytest.mark.parametrize("name", ["AMD EPYC", "QEMU Virtual CPU version 2.5+", "8259CL"])
def test_find_says_that_a_processor_is_unknown(name: str) -> None:
    result = hardware("find", name)
    assert result.exit_code == 0
    assert f"{name}: unknown" in result.stdout
    found = answer("find", name)
    assert (found["known"], found["processor"], found["curve"]) == (False, None, None)


def test_find_tells_a_machine_type_with_its_share_of_the_host() -> None:
    found = answer("find", "m6i.large")
    assert found["instance"]["platform_vcpu"] == 128
    assert found["processor"]["name"] == "Intel Xeon Platinum 8375C"
    assert found["curve"]["mean_w"][-1] == pytest.approx(2 * 300 * 1.02 * 2 / 128)
    text = hardware("find", "m6i.large").stdout
    assert "host     Intel Xeon Platinum 8375C, 128 vCPU on 2 sockets" in text


def test_find_tells_a_bare_machine_whole() -> None:
    found = answer("find", "m6i.metal")
    assert found["curve"]["mean_w"][-1] == pytest.approx(2 * 300 * 1.02)


def test_find_does_not_choose_among_the_processors_of_a_machine_type() -> None:
    text = hardware("find", "c5.large").stdout
    assert "processor unknown, unknown vCPU on unknown sockets" in text
    assert "8124M or 8275CL" in text
    assert "busy" not in text


def test_find_without_a_name_looks_for_this_host(monkeypatch: pytest.MonkeyPatch) -> None:
    from flexecutor_energy.hardware import detect

    facts = detect.detect_host(Path("/nowhere"))
    monkeypatch.setattr(detect, "detect_host", lambda: facts)
    result = hardware("find")
    assert result.exit_code == 2
    assert "give a name" in result.output


def test_list_shows_rows_by_part_of_their_name() -> None:
    result = hardware("list", "epyc 7r")
    assert "AMD EPYC 7R13" in result.stdout
    assert "unknown" in result.stdout
    assert "2 of 4929 rows; the rows that come with the program" in result.stdout


def test_list_is_cut_for_people_and_whole_for_machines() -> None:
    result = hardware("list", "xeon gold")
    assert "more rows: give part of a name, or --all" in result.stderr
    rows = answer("list", "xeon gold")["rows"]
    assert len(rows) > 100
    assert len(hardware("list", "xeon gold", "--all").stdout.splitlines()) >= len(rows)


@pytest.mark.parametrize(
    ("kind", "part", "shown"), [("instance", "m5.l", "m5.large"), ("coefficient", "", "Skylake")]
)
def test_list_shows_the_other_tables(kind: str, part: str, shown: str) -> None:
    assert shown in hardware("list", part, "--kind", kind).stdout
    assert answer("list", part, "--kind", kind)["rows"]


def test_an_import_is_used_from_then_on(mine: Path) -> None:
    assert answer("find", "Acme A1")["known"] is False
    done = answer("import", str(mine))
    assert done["imported"] == ["Acme A1"]
    assert done["database"] == str(user_database())
    found = answer("find", "Acme A1 CPU @ 2.00GHz")
    assert found["processor"]["tdp_w"] == 90
    assert found["processor"]["source"] == "my meter"
    assert [row["name"] for row in answer("list", "--imported")["rows"]] == ["Acme A1"]
    assert "Acme A1 (imported)" in hardware("find", "Acme A1").stdout


def test_an_import_wins_over_what_is_shipped(mine: Path) -> None:
    mine.write_text("name,tdp_w,source\nAMD EPYC 7R13,230,my meter\n")
    assert hardware("import", str(mine)).exit_code == 0
    text = hardware("find", "AMD EPYC 7R13 Processor").stdout
    assert "TDP      230 W (my meter; user)" in text
    assert "threads 96" in text


def test_a_wrong_row_is_an_error_of_usage_and_imports_nothing(mine: Path) -> None:
    mine.write_text("name,tdp_w,source\nAcme A1,90,my meter\nAcme B1,much,my meter\n")
    result = hardware("import", str(mine))
    assert result.exit_code == 2
    assert "mine.csv:3: column 'tdp_w' is 'much', not a number" in result.output
    assert user_database() is not None
    assert answer("find", "Acme A1")["known"] is False


def test_a_database_that_is_named_holds_everything(
    mine: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXECUTOR_ENERGY_DATABASE_URL", f"sqlite:///{home}/own.sqlite")
    assert "own.sqlite" in answer("list", "skylake", "--kind", "coefficient")["catalogue"]
    assert hardware("import", str(mine)).exit_code == 0
    assert answer("find", "Acme A1")["known"] is True
    monkeypatch.delenv("FLEXECUTOR_ENERGY_DATABASE_URL")
    assert answer("find", "Acme A1")["known"] is False
