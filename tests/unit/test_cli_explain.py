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


def test_machines_get_comparison_and_robustness(file: Path) -> None:
    result = CliRunner().invoke(app, ["explain", str(file), "--json"])
    document = json.loads(result.stdout)
    names = [plan["name"] for plan in document["comparison"]["plans"]]
    assert names == ["chosen", "default", "best uniform", "fastest", "cheapest"]
    assert document["robustness"]["best_share"] is None
    assert "which power model" in document["robustness"]["reason"]


def test_what_if_explains_the_plan_that_would_answer(file: Path) -> None:
    result = CliRunner().invoke(app, ["explain", str(file), "--max-time", "none"])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("What if: time +")
    assert "No bounds were set." in result.stdout
    faster = CliRunner().invoke(app, ["explain", str(file), "--objective", "time", "--json"])
    assert "Plan for demo: least time" in json.loads(faster.stdout)["text"]


def test_what_if_that_cannot_be_is_infeasible(file: Path) -> None:
    result = CliRunner().invoke(app, ["explain", str(file), "--max-time", "0.1"])
    assert result.exit_code == 2
    assert "max_time=0.1" in result.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    "arguments", [("--max-time", "soon"), ("--max-cost", "-1"), ("--objective", "beauty")]
)
def test_senseless_questions_are_refused(file: Path, arguments: tuple[str, str]) -> None:
    result = CliRunner().invoke(app, ["explain", str(file), *arguments])
    assert result.exit_code == 2
    assert arguments[1] in result.stderr
