"""``flexecutor-energy report``: which files it writes, and what it refuses."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flexecutor_energy.cli import app
from tests.unit.report_workflow import (
    JOLTEON,
    VM,
    invoke,
    jolteon,
    keep_plan,
    keep_run,
    measured_workspace,
    vm,
)

pytest.importorskip("jinja2")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with profiles, model, plan and a run."""
    folder = tmp_path_factory.mktemp("measured")
    dag = vm(folder)
    measured_workspace(folder, dag)
    plan = dag.optimize(objective="energy", max_time=6.0)
    keep_plan(folder, plan)
    keep_run(folder, plan, "20260101T000000-1", factor=1.1)
    return folder


def test_a_report_is_written_with_its_numbers_beside_it(measured: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    result = invoke("report", VM, measured, "--out", str(out), "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["report"] == str(out)
    names = {Path(name).name for name in document["numbers"]}
    assert names == {path.name for path in tmp_path.iterdir()} - {"r.html"}
    assert {"r.json", "r-stages.csv", "r-front.csv", "r-accuracy.csv"} <= names
    text = out.read_text()
    assert "ml_2core_vm: least energy within 6 s" in text
    assert "modelled, wall, 80 % band" in text


def test_a_named_plan_needs_no_name_of_its_workflow_in_the_title(
    measured: Path, tmp_path: Path
) -> None:
    plan = measured / "runs" / "ml_2core_vm" / "plan.json"
    out = tmp_path / "r.html"
    result = invoke("report", VM, measured, "--plan", str(plan), "--out", str(out))
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("report: ")


def test_profiles_without_energy_give_a_report_of_time_and_cost(tmp_path: Path) -> None:
    measured_workspace(tmp_path, jolteon(tmp_path))
    out = tmp_path / "r.html"
    result = invoke("report", JOLTEON, tmp_path, "--out", str(out), "--points", "5")
    assert result.exit_code == 0, result.output
    assert "Energy is unmeasured" in out.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--out", "r.pdf"), "must end in .html"),
        (("--points", "1"), "--points must be at least 2"),
        (("--time-limit", "0"), "--time-limit must be above 0"),
    ],
)
def test_what_makes_no_sense_is_refused(
    measured: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = invoke("report", VM, measured, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize("command", ["report", "plot", "pareto", "explain", "audit"])
def test_help_fits_the_terminal_and_has_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"Example: flexecutor-energy {command}" in result.output
    assert max(len(line) for line in result.output.splitlines()) <= 80
