"""Model files: what was saved is what is loaded, and nothing else is."""

import json
from pathlib import Path
from typing import Any

import pytest

from flexecutor_energy.errors import ModelFormatError, NotTrainedError, StorageError
from flexecutor_energy.prediction import (
    TrainReport,
    WorkflowModel,
    changed_profiles,
    load_model,
    load_report,
    save_model,
    train_profiles,
)
from flexecutor_energy.prediction.families import predictor_from_dict
from flexecutor_energy.prediction.store import model_path
from flexecutor_energy.records.run import Profile
from flexecutor_energy.records.store import ProfileStore
from flexecutor_energy.version import __version__
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workspace import Workspace
from tests.unit.prediction_profiles import grid, made_profile

CONFIGS = {"a": StageConfig(1, 2, 1024), "b": StageConfig(1.5, 3, 1024)}


def profiles() -> dict[str, Profile]:
    return {
        "a": made_profile(grid(), stage="a"),
        "b": made_profile(grid(), stage="b", parent="a", fan_ins=(1, 2, 4), seed=1),
    }


@pytest.fixture(scope="module")
def trained() -> tuple[WorkflowModel, TrainReport]:
    return train_profiles(profiles(), {"b": ["a"]}, dag="made")


@pytest.fixture
def workspace(tmp_path: Path, trained: tuple[WorkflowModel, TrainReport]) -> Workspace:
    workspace = Workspace(tmp_path)
    store = ProfileStore(workspace)
    for stage, profile in profiles().items():
        store.add_run("made", stage, profile.runs[0])
    save_model(workspace, *trained, trained_at="2026-01-02T03:04:05+00:00")
    return workspace


def edited(workspace: Workspace, edit: dict[str, Any]) -> None:
    path = model_path(workspace, "made")
    path.write_text(json.dumps(json.loads(path.read_text()) | edit))


def test_a_loaded_model_predicts_exactly_as_the_one_saved(
    workspace: Workspace, trained: tuple[WorkflowModel, TrainReport]
) -> None:
    loaded = load_model(workspace, "made")
    for confidence in (0.5, 0.95):
        assert loaded.predict(CONFIGS, confidence=confidence) == trained[0].predict(
            CONFIGS, confidence=confidence
        )
    both = ("time", "energy")
    assert loaded.bound(CONFIGS, both) == trained[0].bound(CONFIGS, both)
    assert load_report(workspace, "made") == trained[1]


def test_a_model_says_where_it_comes_from(workspace: Workspace) -> None:
    provenance = load_model(workspace, "made").provenance
    assert provenance.trained_at == "2026-01-02T03:04:05+00:00"
    assert provenance.software == __version__
    assert set(provenance.profile_sha256) == {"a", "b"}


def test_profiles_that_changed_since_are_named(workspace: Workspace) -> None:
    assert changed_profiles(workspace, load_model(workspace, "made")) == ()
    ProfileStore(workspace).add_run("made", "b", profiles()["b"].runs[1])
    assert changed_profiles(workspace, load_model(workspace, "made")) == ("b",)
    workspace.profile("made", "a").unlink()
    assert changed_profiles(workspace, load_model(workspace, "made")) == ("a", "b")


def test_a_model_file_is_plain_finite_json(workspace: Workspace) -> None:
    def refuse(constant: str) -> float:
        raise AssertionError(constant)

    data = json.loads(model_path(workspace, "made").read_text(), parse_constant=refuse)
    assert data["format"] == "flexecutor-energy model"
    assert set(data["report"]["stages"]["a"]["errors"]) >= {"time", "energy_dynamic"}


def test_without_a_model_the_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotTrainedError, match="flexecutor-energy train --dag made"):
        load_model(Workspace(tmp_path), "made")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not valid JSON"),
        ('{"format": "flexecutor-energy model",\n "version": 1', ":2: not valid JSON"),
        ("[]", "not a model of flexecutor-energy"),
        ('{"stages": {}}', "not a model of flexecutor-energy"),
        ('{"format": "flexecutor-energy model", "version": 99}', "version 99"),
        ('{"format": "flexecutor-energy model", "version": 2}', "damaged"),
        ('{"format": "flexecutor-energy model", "version": NaN}', "holds NaN"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_a_file_that_is_no_model_is_refused_and_left_as_it_is(
    tmp_path: Path, text: str, problem: str
) -> None:
    workspace = Workspace(tmp_path)
    path = model_path(workspace, "made")
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(ModelFormatError, match=problem) as caught:
        load_model(workspace, "made")
    assert str(path) in str(caught.value)
    assert path.read_text() == text


def test_a_pickle_in_place_of_a_model_is_refused(tmp_path: Path) -> None:
    path = model_path(Workspace(tmp_path), "made")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\x80\x04\x95cos\nsystem\n\xff")
    with pytest.raises(ModelFormatError, match="not a text file"):
        load_model(Workspace(tmp_path), "made")


def damaged_stage(workspace: Workspace, **changes: Any) -> None:
    stages = json.loads(model_path(workspace, "made").read_text())["stages"]
    stages["a"] |= changes
    edited(workspace, {"stages": stages})


@pytest.mark.parametrize(
    "changes",
    [
        {"targets": {}},
        {"targets": {"time": {"predictor": {"kind": "exec", "code": "1"}, "folds": {}}}},
        {"configs": [[0, 0, 0]]},
        {"configs": [["one", 1, 1]]},
        {"runs": {}},
        {"runs": None},
        {"fan_in_range": {"a": [1]}},
    ],
)
def test_damaged_stages_are_refused(workspace: Workspace, changes: dict[str, Any]) -> None:
    damaged_stage(workspace, **changes)
    with pytest.raises(ModelFormatError):
        load_model(workspace, "made")


def test_columns_of_different_lengths_are_refused(workspace: Workspace) -> None:
    stages = json.loads(model_path(workspace, "made").read_text())["stages"]
    stages["a"]["runs"]["cpu"].pop()
    edited(workspace, {"stages": stages})
    with pytest.raises(ModelFormatError, match="different lengths"):
        load_model(workspace, "made")


def test_edges_to_unknown_stages_are_refused(workspace: Workspace) -> None:
    edited(workspace, {"parents": {"a": ["ghost"]}})
    with pytest.raises(ModelFormatError):
        load_model(workspace, "made")


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"kind": "pickle"},
        {"kind": ["terms"]},
        {"kind": "terms", "family": "physics", "terms": {"__import__": 1.0}, "floor": 0.0},
        {"kind": "terms", "family": "physics", "terms": {"f": 1.0}, "floor": 0.0},
        {"kind": "constant", "family": "constant", "value": "much"},
        {"kind": "hybrid", "family": "hybrid", "base": {}},
    ],
)
def test_what_is_no_predictor_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ModelFormatError):
        predictor_from_dict(data)


def test_a_model_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, trained: tuple[WorkflowModel, TrainReport]
) -> None:
    blocker = tmp_path / "models"
    blocker.write_text("in the way")
    with pytest.raises(StorageError):
        save_model(Workspace(tmp_path), *trained)
    assert blocker.read_text() == "in the way"
