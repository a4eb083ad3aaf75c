"""``profile --adaptive``: what it prints, for people and for machines."""

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from flexecutor_energy.cli import app
from tests.unit import cli_workflow


def profile(workspace: Path, *arguments: str) -> Result:
    target = ("--dag", cli_workflow.NAME, "--workspace", str(workspace))
    place = ("--backend", "local", "--storage", "file")
    return CliRunner().invoke(app, ["profile", *target, *place, *arguments])


def test_a_dry_run_says_how_many_runs_there_are_at_least_and_at_most(tmp_path: Path) -> None:
    result = profile(tmp_path, "--adaptive", "--dry-run", "--json", "--reps", "4")
    assert result.exit_code == 0, result.output
    forecast = json.loads(result.stdout)
    assert (forecast["least_runs"], forecast["runs"]) == (2, 8)
    text = profile(tmp_path, "--adaptive", "--dry-run", "--reps", "4").output
    assert "at least 2 and at most 8 runs" in " ".join(text.split())
    plain = profile(tmp_path, "--dry-run", "--json")
    assert json.loads(plain.stdout)["least_runs"] is None


def test_an_adaptive_sweep_tells_the_regret_that_it_estimates_and_why_it_stopped(
    tmp_path: Path,
) -> None:
    options = ("--adaptive", "--epsilon", "9", "--objective", "time", "--max-time", "60")
    result = profile(tmp_path, *options, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["runs_done"] < 6
    assert document["estimated_regret"]["upper"] <= 9
    assert document["estimated_regret"]["seconds"] >= 0
    assert "estimated regret" in document["stopped"]
    assert document["usd"] > 0
    again = profile(tmp_path, *options)
    assert "estimated regret of the plan: " in again.output


def test_a_budget_that_ends_a_sweep_is_named(tmp_path: Path) -> None:
    result = profile(tmp_path, "--budget-usd", "1e-12", "--budget-joules", "1e6")
    assert result.exit_code == 0, result.output
    assert "stopped: the budget of 1e-12 USD is spent" in result.output


def test_a_regret_below_nothing_is_refused(tmp_path: Path) -> None:
    result = profile(tmp_path, "--adaptive", "--epsilon", "-1")
    assert result.exit_code == 2
    assert "epsilon must be a share of at least 0" in result.output
