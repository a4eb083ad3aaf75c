"""Training with a past profile: what is taken from it, and what is said of it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flexecutor_energy import DAG, Stage, StageContext
from flexecutor_energy.cli import app
from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.execution.fingerprints import code_hashes
from flexecutor_energy.records.run import Profile
from flexecutor_energy.records.store import ProfileStore
from flexecutor_energy.workspace import Workspace
from tests.unit.prediction_profiles import grid, made_profile, scaled_run

GRID = grid(workers=(1, 2, 4, 8))


def nothing(context: StageContext) -> None:
    """Do nothing."""


def build(size: str | None = None, workspace: str | Path | None = None) -> DAG:
    """Return a workflow of one stage, as the command line finds it."""
    return DAG("made", workspace=workspace).add_stages([Stage("stage", nothing)])


def store(workspace: Path, profile: Profile, factor: float = 1.0, **meta: object) -> None:
    code = code_hashes(build())["stage"]
    for number, run in enumerate(profile.runs):
        own = {**run.meta, "code_hash": code, "run_id": f"{factor}-{number}", **meta}
        ProfileStore(Workspace(workspace)).add_run(
            "made", "stage", replace(scaled_run(run, factor), meta=own)
        )


def test_an_earlier_input_helps_only_where_it_is_asked_for(tmp_path: Path) -> None:
    store(tmp_path, made_profile(GRID, seed=1), input_hash="a", input_bytes=1000, time="2026-01")
    new = made_profile(GRID[:2], seed=2, reps=1)
    store(tmp_path, new, 3.0, input_hash="b", input_bytes=3000, time="2026-02")
    dag = build(workspace=tmp_path)
    plain = dag.train().stages["stage"]
    assert plain.transfer is None
    assert plain.runs == 2
    told = dag.train(transfer_from="stale").stages["stage"]
    assert told.runs == 2
    assert told.transfer is not None
    assert told.transfer.source == "an earlier input of 1000 bytes where there are 3000 now"
    assert (told.transfer.source_runs, told.transfer.new_runs) == (24, 2)
    assert told.transfer.factors["time"] == pytest.approx(3.0, rel=0.1)
    assert any("24 of 26 runs are of other code or input" in note for note in told.notes)


def test_another_workspace_is_named_in_the_report_and_left_as_it_was(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    store(there, made_profile(GRID, seed=1), code_hash="elsewhere")
    store(here, made_profile(GRID[:3], seed=2, reps=1), 0.5)
    file = there / "profiles" / "made" / "stage.json"
    before = file.read_bytes()
    report = build(workspace=here).train(transfer_from=there)
    told = report.stages["stage"].transfer
    assert told is not None
    assert told.source == f"profiles in {there}, of other code"
    assert told.factors["time"] == pytest.approx(0.5, rel=0.1)
    assert file.read_bytes() == before
    with pytest.raises(ConfigurationError, match="nothing to transfer from"):
        build(workspace=here).train(transfer_from=here)


def test_the_command_line_says_what_was_transferred(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    store(there, made_profile(GRID, seed=1))
    store(here, made_profile(GRID[:3], seed=2, reps=1), 0.5)
    target = ("--dag", f"{__name__}:build", "--workspace", str(here))
    result = CliRunner().invoke(app, ["train", *target, "--transfer-from", str(there), "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)["stages"]["stage"]["transfer"]
    assert told["new_runs"] == 3
    missing = CliRunner().invoke(app, ["train", *target, "--transfer-from", "stale"])
    assert missing.exit_code == 2
    assert "nothing to transfer from" in missing.output
