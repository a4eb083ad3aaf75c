"""What all commands share: --quiet, --dry-run, a next step after an error, completion."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flexecutor_energy import reports
from flexecutor_energy.cli.next_steps import next_step
from flexecutor_energy.errors import (
    ConfigurationError,
    EnergyUnavailableError,
    FlexecutorEnergyError,
    MissingExtraError,
    ModelFormatError,
    StageFailedError,
    StorageUnreachableError,
)
from tests.unit import cli_workflow
from tests.unit.report_workflow import VM, invoke, keep_plan, measured_workspace, vm

ROOT = Path(__file__).parents[2]
SCRIPT = (  # as the console script is installed
    "import sys; sys.argv[0] = 'flexecutor-energy'; from flexecutor_energy.cli import main; main()"
)
LOCAL = ("--backend", "local", "--storage", "file")


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with profiles, model and plan."""
    folder = tmp_path_factory.mktemp("planned")
    dag = vm(folder)
    measured_workspace(folder, dag)
    keep_plan(folder, dag.optimize(objective="energy", max_time=6.0))
    return folder


def test_quiet_shows_results_and_no_remarks(tmp_path: Path) -> None:
    options = (*LOCAL, "--cpu", "1", "--workers", "2", "--memory", "0")
    loud = invoke("execute", cli_workflow.NAME, tmp_path, *options)
    quiet = invoke("execute", cli_workflow.NAME, tmp_path, *options, "--quiet")
    assert (loud.exit_code, quiet.exit_code) == (0, 0)
    assert "count: started" in loud.stderr
    assert quiet.stderr == ""
    assert "answer: checked, right" in quiet.stdout


def test_quiet_still_shows_errors(tmp_path: Path) -> None:
    result = invoke("train", cli_workflow.NAME, tmp_path, "-q")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: stage 'count'")


def test_quiet_and_verbose_at_once_are_refused(tmp_path: Path) -> None:
    result = invoke("train", cli_workflow.NAME, tmp_path, "-q", "-v")
    assert result.exit_code == 2
    assert "either --quiet or --verbose" in result.stderr


def test_a_dry_run_of_a_sweep_counts_seconds_joules_and_money(planned: Path) -> None:
    options = ("--dry-run", "--cpu", "0.5,1,2", "--workers", "1,2", "--no-resume")
    forecast = json.loads(invoke("profile", VM, planned, *options, "--json").stdout)
    assert forecast["runs"] > 0
    assert "cost_usd" in forecast


def test_a_dry_run_of_a_plan_shows_what_is_predicted_and_runs_nothing(planned: Path) -> None:
    before = sorted(planned.rglob("*"))
    result = invoke("execute", VM, planned, "--dry-run")
    assert result.exit_code == 0, result.output
    for word in ("would run as", "time", "energy", "cost", "USD"):
        assert word in result.stdout
    document = json.loads(invoke("execute", VM, planned, "--dry-run", "--json").stdout)
    assert set(document["configs"]) == {"pca", "train", "aggregate", "test"}
    assert document["time"]["mean"] > 0
    assert sorted(planned.rglob("*")) == before


def test_a_dry_run_without_predictors_says_that_nothing_is_known(tmp_path: Path) -> None:
    options = ("--dry-run", "--cpu", "1", "--workers", "2")
    result = invoke("execute", cli_workflow.NAME, tmp_path / "new", *options)
    assert "is not known: no predictors were trained" in result.stdout
    assert not (tmp_path / "new").exists()


def test_a_dry_run_of_the_loop_runs_nothing(tmp_path: Path) -> None:
    result = invoke("loop", cli_workflow.NAME, tmp_path / "new", "--dry-run", "--reps", "2")
    assert result.exit_code == 0, result.output
    assert "4 runs of counting would be made" in result.stdout
    assert "then one run more" in result.stdout
    assert not (tmp_path / "new").exists()


def test_the_loop_does_without_a_report_where_nothing_can_draw_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_installed(*_: object) -> None:
        raise MissingExtraError("jinja2", "reports", "a report")

    monkeypatch.setattr(reports, "write_report", not_installed)
    result = invoke("loop", cli_workflow.NAME, tmp_path, *LOCAL, "--reps", "2", "--slack", "50")
    assert result.exit_code == 0, result.output
    assert "no report was written: a report needs 'jinja2'" in result.stderr
    assert "plan " in result.stdout.rpartition("files")[2]
    assert "report " not in result.stdout.rpartition("files")[2]


@pytest.mark.parametrize(
    ("error", "step"),
    [
        (StageFailedError("a", 0, "out_of_memory", "too much"), "--memory"),
        (StageFailedError("a", 0, "timeout", "too long"), "--timeout"),
        (StageFailedError("a", 0, "raised", "ValueError"), ""),
        (StorageUnreachableError("no answer"), "flexecutor-energy doctor"),
        (EnergyUnavailableError("rapl", "no counter"), "--energy auto"),
        (EnergyUnavailableError("rapl", "may not be read", "ask for it"), ""),
        (ModelFormatError("not JSON"), "flexecutor-energy train"),
        (ConfigurationError("--reps must be at least 1"), ""),
    ],
)
def test_an_error_that_names_no_remedy_gets_a_next_step(
    error: FlexecutorEnergyError, step: str
) -> None:
    assert step in next_step(error)
    assert bool(step) == bool(next_step(error))


def test_the_next_step_follows_the_error(planned: Path, tmp_path: Path) -> None:
    file = tmp_path / "profiles" / "counting" / "count.json"
    file.parent.mkdir(parents=True)
    file.write_text("{,}")
    result = invoke("train", cli_workflow.NAME, tmp_path)
    error, _, step = result.stderr.rstrip().rpartition("\n")
    assert error.startswith("error: ")
    assert step == "next: mend that line, or move the file away and profile again"


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("flexecutor-energy pro", "profile"),
        ("flexecutor-energy profile --dag word", "wordcount"),
        ("flexecutor-energy profile --dag pi --backend lo", "local"),
        ("flexecutor-energy profile --dag pi --energy mo", "model"),
        ("flexecutor-energy storage sta", "start"),
    ],
)
def test_the_shell_completes_commands_and_values(typed: str, completed: str) -> None:
    words = typed.split()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={
            **os.environ,
            "_FLEXECUTOR_ENERGY_COMPLETE": "complete_bash",
            "COMP_WORDS": typed,
            "COMP_CWORD": str(len(words) - 1),
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert completed in done.stdout.split(), done.stderr
