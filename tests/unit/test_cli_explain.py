"""``flexecutor-energy explain``: a plan in words, from a file or a workspace."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flexecutor_energy.cli import app
from tests.unit.report_plans import demo_plan
from tests.unit.report_workflow import VM, invoke


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    path.write_text(demo_plan().to_json())
    return path


def test_a_plan_file_alone_is_explained(file: Path) -> None:
    result = CliRunner().invoke(app, ["explain", str(file)])
    assert result.exit_code == 0, result.output
    assert "Plan for demo: least energy" in result.stdout
    assert "next best:" in result.stdout


def test_machines_get_each_stage_with_its_runner_up(file: Path) -> None:
    result = CliRunner().invoke(app, ["explain", str(file), "--json"])
    document = json.loads(result.stdout)
    assert [stage["stage_id"] for stage in document["stages"]] == list(demo_plan().configs)
    assert document["stages"][0]["runner_up"]["workers"] >= 1


def test_a_file_and_a_workflow_at_once_are_refused(file: Path, tmp_path: Path) -> None:
    result = invoke("explain", VM, tmp_path, str(file))
    assert result.exit_code == 2
    assert "either PLAN.json or --dag" in result.stderr


def test_without_plan_and_model_the_command_to_run_first_is_named(tmp_path: Path) -> None:
    result = invoke("explain", VM, tmp_path)
    assert result.exit_code == 2
    assert "flexecutor-energy train" in result.stderr
