"""``flexecutor-energy plot``: which files it writes, and what it refuses."""

import json
import shutil
from pathlib import Path

import pytest

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

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with profiles, model, plan and a run of each workflow."""
    folder = tmp_path_factory.mktemp("measured")
    for dag, objective in ((vm(folder), "energy"), (jolteon(folder), "cost")):
        measured_workspace(folder, dag)
        plan = dag.optimize(objective=objective)  # type: ignore[arg-type]
        keep_plan(folder, plan)
        keep_run(folder, plan, "20260101T000000-1", factor=1.1)
    return folder


@pytest.mark.parametrize("kind", ["parallelism", "pareto", "gantt", "accuracy", "dag"])
@pytest.mark.parametrize("workflow", [VM, JOLTEON])
def test_every_picture_can_be_drawn(
    measured: Path, tmp_path: Path, kind: str, workflow: str
) -> None:
    out = tmp_path / f"{kind}.svg"
    result = invoke("plot", workflow, measured, kind, "--out", str(out))
    assert result.exit_code == 0, result.output
    assert "<svg" in out.read_text()


@pytest.mark.parametrize(("format_", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_the_format_is_as_asked(
    measured: Path, tmp_path: Path, format_: str, start: bytes
) -> None:
    out = tmp_path / "picture"
    arguments = ("gantt", "--format", format_, "--out", str(out), "--json")
    result = invoke("plot", VM, measured, *arguments)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["format"] == format_
    assert out.read_bytes().startswith(start)


def test_by_default_the_picture_lies_in_the_current_folder(
    measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert invoke("plot", VM, measured, "dag").exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["ml_2core_vm-dag.png"]


def test_without_a_plan_one_is_made_and_said(measured: Path, tmp_path: Path) -> None:
    folder = tmp_path / "w"
    shutil.copytree(measured, folder)
    shutil.rmtree(folder / "runs")
    result = invoke("plot", JOLTEON, folder, "gantt", "--out", str(tmp_path / "x.png"))
    assert result.exit_code == 0
    assert "planning for least time" in result.stderr
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pie",), "unknown picture 'pie'"),
        (("dag", "--out", "x.gif"), "unknown format 'gif'"),
        (("parallelism", "--stage", "pcb"), "--stage names stage 'pcb'"),
        (("pareto", "--points", "1"), "--points must be at least 2"),
        (("dag", "--plan", "missing.json"), "there is no plan missing.json"),
    ],
)
def test_what_makes_no_sense_is_refused(
    measured: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = invoke("plot", VM, measured, *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_a_plan_of_another_workflow_is_refused(measured: Path) -> None:
    plan = measured / "runs" / "jolteon_ml" / "plan.json"
    result = invoke("plot", VM, measured, "dag", "--plan", str(plan))
    assert result.exit_code == 2
    assert "the plan is of 'jolteon_ml'" in result.stderr


def test_an_empty_workspace_names_the_command_that_comes_first(tmp_path: Path) -> None:
    result = invoke("plot", VM, tmp_path, "pareto")
    assert result.exit_code == 2
    assert "flexecutor-energy train" in result.stderr
