"""``energy compare`` on counters that rise: three methods look at the same runs."""

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flexecutor_energy.cli import app
from tests.powercap import RisingPowercap

STAND_IN = Path(__file__).parents[1] / "data" / "perf_stand_in.py"


@pytest.fixture
def counters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with RisingPowercap(tmp_path / "cap", {"package-0": 30.0, "dram": 3.0}) as cap:
        monkeypatch.setenv("FLEXECUTOR_ENERGY_HOST_ROOT", str(cap.root))
        monkeypatch.setenv("FLEXECUTOR_ENERGY_PERF", f"{sys.executable} {STAND_IN}")
        yield


def compare(workspace: Path, *arguments: str) -> Result:
    target = ("--dag", "pi", "--size", "samples=2000000", "--workspace", str(workspace))
    place = ("--backend", "local", "--storage", "file")
    return CliRunner().invoke(app, ["energy", "compare", *target, *place, *arguments])


@pytest.mark.usefixtures("counters")
def test_every_method_looks_at_the_same_runs_and_the_minimum_is_told(tmp_path: Path) -> None:
    result = compare(tmp_path / "w", "--workers", "1,2", "--reps", "2", "--native", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert list(document["methods"]) == ["rapl", "perf", "model"]
    assert document["methods"]["rapl"]["form"] == "counter"
    assert document["methods"]["model"]["form"] == "host"
    assert set(document["least_energy_workers"]) == {"rapl", "perf", "model"}
    assert set(document["least_energy_workers"].values()) <= {1, 2}
    # 33 W in both, but perf's stand-in counts 3 W more in the package
    ratio = document["ratios"]["rapl/perf"]["mean"]
    assert 0.8 < ratio < 1.05
    workers = [run["workers"] for run in document["runs"]]
    assert workers == [1, 1, 2, 2, 0, 0]
    for run in document["runs"]:
        for method, joules in run["energy_j"].items():
            assert joules > 0
            assert run["host_j"][method] >= joules
    picture = Path(document["files"]["picture"])
    assert picture.read_bytes().startswith(b"\x89PNG")
    with Path(document["files"]["table"]).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 * 3
    assert {(row["method"], row["source"]) for row in rows} == {
        ("rapl", "measured"),
        ("perf", "measured"),
        ("model", "modelled"),
    }


def test_without_counters_the_model_stands_alone_and_the_reasons_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXECUTOR_ENERGY_HOST_ROOT", str(tmp_path))
    monkeypatch.setenv("FLEXECUTOR_ENERGY_PERF", "perf-that-is-not-there")
    result = compare(tmp_path / "w", "--workers", "1", "--reps", "1", "--no-picture")
    assert result.exit_code == 0, result.output
    assert "model*" in result.stdout
    assert "modelled" in result.stdout
    assert "not used: rapl" in result.stdout
    assert "not used: perf: perf-that-is-not-there is not installed" in result.stdout


def test_a_method_that_does_not_work_is_refused_with_the_exit_code_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXECUTOR_ENERGY_HOST_ROOT", str(tmp_path))
    assert compare(tmp_path / "w", "--energy", "rapl").exit_code == 4
    assert compare(tmp_path / "w", "--energy", "off").exit_code == 2
    assert compare(tmp_path / "w", "--cpu", "1,2").exit_code == 2
    assert compare(tmp_path / "w", "--workers", "0").exit_code == 2
