"""Commands on a tiny workflow, in this process: what they print, and with which exit code."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from flexecutor_energy import DAG, Plan
from flexecutor_energy.cli import app
from flexecutor_energy.errors import InfeasibleError
from tests.unit import cli_workflow

Invoke = Callable[..., Result]
PLACE = ("--backend", "local", "--storage", "file")
COMMANDS = ("loop", "profile", "train", "optimize", "execute", "verify", "doctor", "dags")


def invoke(command: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, [command, *arguments])


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which the tiny workflow was profiled, trained and planned."""
    place = tmp_path_factory.mktemp("measured")
    target = ("--dag", cli_workflow.NAME, "--workspace", str(place))
    for command in (
        ("profile", *target, *PLACE, "--reps", "2"),
        ("train", *target),
        ("optimize", *target, "--objective", "time"),
    ):
        result = invoke(*command)
        assert result.exit_code == 0, result.output
    return place


@pytest.fixture
def workspace(measured: Path, tmp_path: Path) -> Path:
    """A copy of that workspace."""
    return Path(shutil.copytree(measured, tmp_path / "workspace"))


@pytest.fixture
def on(workspace: Path) -> Invoke:
    """Return a function that runs a command on the tiny workflow in the copy."""

    def run(command: str, *arguments: str) -> Result:
        target = ("--dag", cli_workflow.NAME, "--workspace", str(workspace))
        return invoke(command, *target, *arguments)

    return run


@pytest.fixture
def anew(tmp_path: Path) -> Invoke:
    """Return a function that runs a command on the tiny workflow in an empty workspace."""

    def run(command: str, *arguments: str) -> Result:
        target = ("--dag", cli_workflow.NAME, "--workspace", str(tmp_path / "empty"))
        return invoke(command, *target, *arguments)

    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_has_an_example(command: str) -> None:
    result = invoke(command, "--help")
    assert result.exit_code == 0
    assert f"Example: flexecutor-energy {command}" in result.output
    assert max(len(line) for line in result.output.splitlines()) <= 80


def test_the_program_says_its_version_and_without_a_command_what_it_can_do() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout.startswith("flexecutor-energy 0.")
    output = CliRunner().invoke(app, []).output
    assert all(command in output for command in (*COMMANDS, "storage"))


@pytest.mark.parametrize("command", ["profile", "train", "optimize", "execute", "loop"])
def test_an_unknown_workflow_is_bad_usage(command: str) -> None:
    result = invoke(command, "--dag", "nope")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: there is no workflow 'nope'; ./dags holds: ")
    assert "ml, nlp, pi" in result.stderr


@pytest.mark.parametrize(
    ("command", "option", "problem"),
    [
        ("profile", ("--cpu", "1,x"), "'x' is not a number"),
        ("profile", ("--workers", "0"), "workers must be at least 1"),
        ("profile", ("--reps", "0"), "reps must be at least 1"),
        ("profile", ("--reps", "two"), "'--reps'"),
        ("profile", ("--budget-runs", "0"), "budget's runs must be above 0"),
        ("profile", ("--budget-seconds", "-1"), "budget's seconds must be above 0"),
        ("profile", ("--storage", "ftp://x"), "'ftp://x' is not understood"),
        ("profile", ("--backend", "mainframe"), "unknown backend 'mainframe'"),
        ("profile", ("--energy", "psychic"), "'psychic' is none of auto, rapl, perf"),
        ("optimize", ("--objective", "joy"), "unknown objective 'joy'; known: energy, time"),
        ("optimize", ("--max-time", "0"), "--max-time must be above 0"),
        ("optimize", ("--max-cost", "-1"), "--max-cost must be above 0"),
        ("optimize", ("--max-energy", "nan"), "--max-energy must be above 0"),
        ("optimize", ("--gap", "2"), "--gap must lie between 0 and 1"),
        ("optimize", ("--cpu", "1"), "give --cpu and --workers"),
        ("execute", ("--cpu", "1,2", "--workers", "1"), "one value each"),
        ("execute", ("--plan", "no.json"), "there is no plan no.json"),
        ("loop", ("--slack", "0"), "--slack must be above 0"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(
    anew: Invoke, tmp_path: Path, command: str, option: tuple[str, ...], problem: str
) -> None:
    place = () if option[0] in ("--storage", "--backend") or command == "optimize" else PLACE
    result = anew(command, *place, *option)
    assert result.exit_code == 2
    assert problem in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "empty" / "profiles").exists()


@pytest.mark.parametrize(
    ("command", "next_command"),
    [
        ("train", "flexecutor-energy profile"),
        ("optimize", "flexecutor-energy train"),
        ("execute", "flexecutor-energy optimize"),
    ],
)
def test_a_step_that_is_missing_is_named_with_its_command(
    anew: Invoke, command: str, next_command: str
) -> None:
    result = anew(command)
    assert result.exit_code == 2
    assert next_command in result.stderr


def test_a_dry_run_counts_and_runs_nothing(anew: Invoke, tmp_path: Path) -> None:
    result = anew("profile", "--dry-run", "--json", "--reps", "4")
    forecast = json.loads(result.stdout)
    assert forecast["runs"] == 8
    assert forecast["stages"]["count"] == {
        "configurations": 2,
        "left": 8,
        "known": 0,
        "run_s": None,
        "run_j": None,
        "run_usd": None,
    }
    assert forecast["seconds"] is None
    assert not (tmp_path / "empty").exists()


def test_a_dry_run_counts_what_is_there_and_estimates_the_rest(on: Invoke) -> None:
    forecast = json.loads(on("profile", "--dry-run", "--json", "--reps", "5").stdout)
    assert forecast["runs"] == 6
    assert forecast["stages"]["count"]["known"] == 4
    assert 0 < forecast["seconds"] < 60
    assert (
        "6 runs of counting would be made: about"
        in on("profile", "--dry-run", "--reps", "5").output
    )


def test_a_dry_run_counts_the_start_of_workers_as_sweeps_do(on: Invoke, workspace: Path) -> None:
    forecast = json.loads(on("profile", "--dry-run", "--no-resume", "--json").stdout)
    profiles = cli_workflow.build(workspace=workspace).profiles().values()
    means_j = [
        fmean((run.energy_j or 0) + (run.energy_startup_j or 0) for run in profile.runs)
        for profile in profiles
    ]
    assert forecast["energy_j"] == pytest.approx(forecast["runs"] * sum(means_j))
    assert all(run.energy_startup_j for profile in profiles for run in profile.runs)


def test_a_dry_run_of_a_finished_sweep_says_that_nothing_is_left(on: Invoke) -> None:
    assert "nothing would be run" in on("profile", "--dry-run", "--reps", "2").output
    assert json.loads(on("profile", "--dry-run", "--no-resume", "--json").stdout)["runs"] == 6


def test_a_finished_sweep_measures_nothing_twice(on: Invoke, workspace: Path) -> None:
    file = workspace / "profiles" / "counting" / "count.json"
    before = file.read_text()
    result = on("profile", *PLACE, "--reps", "2", "--json")
    document = json.loads(result.stdout)
    assert (document["runs_done"], document["runs_left"]) == (0, 0)
    assert set(document["stages"]) == {"count", "add"}
    assert file.read_text() == before


def test_a_sweep_tells_its_progress_in_plain_lines(anew: Invoke) -> None:
    result = anew("profile", *PLACE, "--reps", "1", "--workers", "1", "--cpu", "1")
    assert result.exit_code == 0
    assert "counting: 0 of 1 runs\n" in result.stderr
    assert "counting: 1 of 1 runs, " in result.stderr
    assert "J modelled" in result.stderr or "energy unmeasured" in result.stderr
    assert "next: flexecutor-energy train --dag tests.unit.cli_workflow:build" in result.stdout


def test_a_budget_of_runs_is_kept(anew: Invoke) -> None:
    document = json.loads(anew("profile", *PLACE, "--budget-runs", "1", "--json").stdout)
    assert (document["runs_done"], document["runs_left"]) == (1, 5)


def test_a_stage_that_always_fails_ends_the_sweep_with_exit_code_1(anew: Invoke) -> None:
    result = anew("profile", *PLACE, "--size", "fails=1", "--reps", "1")
    assert result.exit_code == 1
    assert "stage count failed in this configuration: ValueError: asked to fail" in result.stderr
    assert "ValueError: asked to fail" in result.stderr.rpartition("error: ")[2]


def test_energy_that_was_not_measured_is_exit_code_4_and_time_still_works(anew: Invoke) -> None:
    assert anew("profile", *PLACE, "--energy", "off", "--reps", "2").exit_code == 0
    assert anew("train").exit_code == 0
    result = anew("optimize", "--objective", "energy")
    assert result.exit_code == 4
    assert "hold no energy" in result.stderr
    assert anew("optimize", "--objective", "time").exit_code == 0


def test_train_shows_errors_on_held_out_configurations(on: Invoke) -> None:
    result = on("train")
    assert result.exit_code == 0
    assert "held out" in result.stdout
    document = json.loads(on("train", "--json").stdout)
    assert set(document["stages"]) == {"count", "add"}


def test_a_corrupt_profile_is_named_with_its_line_and_left_alone(
    on: Invoke, workspace: Path
) -> None:
    file = workspace / "profiles" / "counting" / "count.json"
    file.write_text('{\n "(1.0, 0, 1)": {,}\n}')
    for command in ("train", "profile"):
        result = on(command, *(PLACE if command == "profile" else ()))
        assert result.exit_code == 2
        assert f"{file}:2" in result.stderr
    assert file.read_text() == '{\n "(1.0, 0, 1)": {,}\n}'


def test_optimize_writes_the_plan_where_it_is_asked_to(on: Invoke, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "plan.json"
    result = on("optimize", "--objective", "time", "--out", str(out))
    assert result.exit_code == 0, result.output
    assert Plan.from_json(out.read_text()).dag == "counting"
    assert "flexecutor-energy execute" in result.stdout


def test_the_json_of_a_plan_is_the_content_of_its_file(on: Invoke, workspace: Path) -> None:
    result = on("optimize", "--objective", "cost", "--json")
    kept = json.loads((workspace / "runs" / "counting" / "plan.json").read_text())
    assert json.loads(result.stdout) == kept


def test_a_bound_that_cannot_be_kept_is_exit_code_2_and_makes_no_plan(
    on: Invoke, workspace: Path
) -> None:
    (workspace / "runs" / "counting" / "plan.json").unlink()
    result = on("optimize", "--objective", "cost", "--max-time", "1e-6")
    assert result.exit_code == 2
    assert "max_time" in result.stderr
    assert not (workspace / "runs" / "counting" / "plan.json").exists()


class GappyDAG(DAG):
    """A workflow whose solver stops far from its bound."""

    def optimize(self, *arguments: Any, **options: Any) -> Plan:
        plan = super().optimize(*arguments, **options)
        lower = 0.75 * plan.certificate.objective
        certificate = replace(
            plan.certificate, lower_bound=lower, proved_bound=lower, solver_claimed=lower
        )
        return replace(plan, certificate=certificate)


def test_a_gap_above_the_one_allowed_is_exit_code_3_and_the_plan_is_still_shown(
    on: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_workflow, "DAG", GappyDAG)
    result = on("optimize", "--objective", "time", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["dag"] == "counting"
    assert "is within 25.00 % of its lower bound; allowed is 0.50 %" in result.stderr
    assert on("optimize", "--objective", "time", "--gap", "0.3").exit_code == 0


class VaryingDAG(DAG):
    """A workflow whose runs vary so much that few deadlines can be promised with confidence."""

    keeps_up_to = 0.8
    least_s = 900.0

    def optimize(self, *arguments: Any, **options: Any) -> Plan:
        max_time = options.get("max_time")
        held = options.get("confidence", 0.0) <= self.keeps_up_to
        if max_time is not None and not held and max_time < self.least_s:
            raise InfeasibleError("no", bound="max_time", attainable=self.least_s)
        return super().optimize(*arguments, **options)


def test_the_loop_promises_less_where_runs_vary_and_keeps_the_deadline(
    on: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_workflow, "DAG", VaryingDAG)
    result = on("loop", *PLACE, "--slack", "50")
    assert result.exit_code == 0, result.output
    assert "95 % confidence: the least that can be promised is 900 s" in result.stdout
    assert "90 % confidence: the least" in result.stdout
    assert "(asked: 50 × the fastest), to be kept in 80 % of runs" in result.stdout


def test_the_loop_says_so_where_it_goes_on_with_another_deadline(
    on: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_workflow, "DAG", VaryingDAG)
    monkeypatch.setattr(VaryingDAG, "keeps_up_to", 0.4)
    result = on("loop", *PLACE, "--slack", "50")
    assert result.exit_code == 0, result.output
    assert "runs vary too much for this deadline: going on with one of 900 s" in result.stdout
    assert "deadline of 15 min 1 s: kept" in result.stdout


def test_execute_follows_the_newest_plan_and_checks_the_answer(on: Invoke) -> None:
    result = on("execute", *PLACE)
    assert result.exit_code == 0, result.output
    assert "predicted" in result.stdout
    assert "figures lie inside their 95 % band" in result.stdout
    assert "answer: checked, right" in result.stdout
    assert "count: started, " in result.stderr
    assert "add: finished after" in result.stderr


def test_execute_in_a_plain_configuration_needs_no_plan(anew: Invoke) -> None:
    result = anew("execute", *PLACE, "--cpu", "1", "--workers", "3", "--memory", "0", "--json")
    document = json.loads(result.stdout)
    assert document["configs"]["count"] == {"cpu": 1.0, "memory": 0, "workers": 3}
    assert document["answer"] == {"checked": True, "problem": None}
    assert document["audit"] is None


def test_a_wrong_answer_is_exit_code_1(anew: Invoke) -> None:
    result = anew("execute", *PLACE, "--cpu", "1", "--workers", "1", "--size", "wrong=1")
    assert result.exit_code == 1
    assert "answer: WRONG, the sum is 7, not 6" in result.stdout
    assert "error: the answer of tests.unit.cli_workflow:build is wrong" in result.stderr


def test_a_plan_and_a_configuration_at_once_are_refused(on: Invoke, workspace: Path) -> None:
    plan = str(workspace / "runs" / "counting" / "plan.json")
    result = on("execute", "--plan", plan, "--cpu", "1", "--workers", "1")
    assert result.exit_code == 2
    assert "either --plan or" in result.stderr


def test_a_plan_of_another_workflow_is_refused(workspace: Path) -> None:
    plan = str(workspace / "runs" / "counting" / "plan.json")
    result = invoke("execute", "--dag", "pi", "--plan", plan, "--workspace", str(workspace))
    assert result.exit_code == 2
    assert "the plan is of 'counting', the workflow is 'pi'" in result.stderr


def test_a_plan_is_verified_alone(workspace: Path) -> None:
    plan = workspace / "runs" / "counting" / "plan.json"
    result = invoke("verify", str(plan))
    assert result.exit_code == 0, result.output
    assert "s of predicted time" in result.stdout
    assert json.loads(invoke("verify", str(plan), "--json").stdout)["ok"] is True


def test_a_plan_with_a_forged_bound_does_not_hold(workspace: Path) -> None:
    file = workspace / "runs" / "counting" / "plan.json"
    plan = Plan.from_json(file.read_text())
    value = plan.certificate.objective
    forged = replace(plan.certificate, objective=0.5 * value, lower_bound=0.5 * value)
    file.write_text(replace(plan, certificate=forged).to_json())
    result = invoke("verify", str(file))
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")


def test_a_file_that_is_no_plan_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text('{"not": "a plan"}')
    result = invoke("verify", str(file))
    assert result.exit_code == 2
    assert "plan" in result.stderr
