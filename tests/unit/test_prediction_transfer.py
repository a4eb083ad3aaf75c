"""What a profile of another machine or input lends to few new runs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.prediction import (
    Family,
    WorkflowModel,
    load_model,
    load_report,
    save_model,
    train_profiles,
)
from flexecutor_energy.prediction.families import predictor_from_dict
from flexecutor_energy.prediction.past import Source, earlier_input, past_profiles
from flexecutor_energy.prediction.physics import PHYSICS
from flexecutor_energy.prediction.report import TrainReport
from flexecutor_energy.prediction.rows import Rows, Samples
from flexecutor_energy.prediction.transfer import TransferFamily
from flexecutor_energy.records.run import Profile
from flexecutor_energy.records.store import ProfileStore
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workspace import Workspace
from tests.unit.prediction_profiles import grid, made_profile, scaled_run

GRID = grid(cpus=(0.5, 1, 2), workers=(1, 2, 4, 8))


def other_machine(profile: Profile, factor: float, **meta: object) -> Profile:
    """Return a profile whose times and joules are all so many times as large."""
    runs = tuple(
        replace(scaled_run(run, factor), meta={**run.meta, "run_id": f"new-{i}", **meta})
        for i, run in enumerate(profile.runs)
    )
    return replace(profile, runs=runs)


def trained(new: Profile, past: Profile | None) -> tuple[WorkflowModel, TrainReport]:
    sources = {"stage": Source("another machine", past)} if past is not None else {}
    return train_profiles({"stage": new}, {}, dag="made", sources=sources)


PAST = made_profile(GRID, seed=1)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_few_runs_find_the_factor_between_two_machines(count: int) -> None:
    chosen = [GRID[i] for i in (3, 8, 5, 0)][:count]
    new = other_machine(made_profile(chosen, seed=2, reps=1), 1.7)
    model, report = trained(new, PAST)
    truth = other_machine(made_profile(GRID, noise=0.0, reps=1), 1.7)
    table = model.predict_table("stage", list(truth.configs))
    seconds = np.array([run.time_s for run in truth.runs])
    joules = np.array([(run.energy_j or 0) + (run.energy_startup_j or 0) for run in truth.runs])
    assert np.mean(np.abs(table.time_s / seconds - 1)) < 0.08
    energy = table.energy_j()
    assert energy is not None
    assert np.mean(np.abs(energy / joules - 1)) < 0.15
    told = report.stages["stage"].transfer
    assert told is not None
    assert (told.source, told.source_runs, told.new_runs) == ("another machine", 24, count)
    assert told.factors["time"] == pytest.approx(1.7, rel=0.1)
    assert "another machine" in str(report)


def test_past_runs_are_neither_conditions_nor_evidence_of_the_new_model() -> None:
    new = other_machine(made_profile(GRID[:3], seed=2, reps=1), 1.7)
    model, report = trained(new, PAST)
    stage = model.stages["stage"]
    assert stage.configs == tuple(GRID[:3])
    assert [run_id and run_id[:4] for run_id in stage.runs.run_ids] == ["new-"] * 3
    assert report.stages["stage"].runs == 3
    assert model.predict_table("stage", [GRID[-1]]).extrapolated.tolist() == [True]


def test_a_past_of_another_shape_gives_way_to_what_was_measured() -> None:
    def strange(config: StageConfig) -> float:
        return float((config.cpu * config.workers) ** 1.5)

    past = replace(PAST, runs=tuple(scaled_run(r, strange(r.config)) for r in PAST.runs))
    new = made_profile(GRID, seed=2)
    with_past, alone = (trained(new, p)[1].stages["stage"].mape_time for p in (past, None))
    assert with_past is not None
    assert alone is not None
    assert with_past < alone + 0.02


def test_intervals_are_wider_the_fewer_new_runs_they_rest_on() -> None:
    stretches = []
    for count in (2, 4, 9):
        _, report = trained(other_machine(made_profile(GRID[:count], seed=3, reps=1), 0.6), PAST)
        told = report.stages["stage"].transfer
        assert told is not None
        stretches.append(told.stretch)
    assert stretches[0] > 1.5
    assert min(stretches) >= 1


def test_intervals_from_few_runs_hold_what_was_not_run() -> None:
    inside = []
    for seed in range(12):
        order = np.random.default_rng(seed).permutation(len(GRID))
        known = [GRID[i] for i in order[:3]]
        factor = 1.4
        new = other_machine(made_profile(known, seed=seed, reps=1, noise=0.03), factor)
        model, _ = trained(new, PAST)
        hidden = other_machine(made_profile([c for c in GRID if c not in known], seed=99), factor)
        inside += [
            (run.time_s or 0) in model.predict_stage("stage", run.config).time
            for run in hidden.runs
        ]
    assert np.mean(inside) >= 0.95


def test_a_factor_may_lean_with_the_cores() -> None:
    rows = Rows.of(GRID)
    base = PHYSICS.fit(Samples(rows, np.array([8 / (c.cpu * c.workers) + 1 for c in GRID])))
    family = TransferFamily.of(base, rows)
    assert isinstance(family, Family)
    leaning = base.predict(rows) * 0.8 * np.array([c.cpu for c in GRID]) ** -0.2
    fitted = family.fit(Samples(rows, leaning))
    assert np.max(np.abs(fitted.predict(rows) / leaning - 1)) < 0.02
    assert [lean.slope for lean in fitted.leans] == pytest.approx([-0.2, 0.0], abs=0.02)
    again = predictor_from_dict(fitted.to_dict())
    assert np.array_equal(again.predict(rows), fitted.predict(rows))
    few = family.doubt(rows.take(np.array([0])), rows)
    assert np.all(family.doubt(rows, rows) <= few + 1e-12)


def test_a_saved_model_remembers_what_was_transferred(tmp_path: Path) -> None:
    new = other_machine(made_profile(GRID[:3], seed=2, reps=1), 1.7)
    model, report = trained(new, PAST)
    save_model(Workspace(tmp_path), model, report)
    assert load_report(Workspace(tmp_path), "made").stages == report.stages
    again = load_model(Workspace(tmp_path), "made")
    assert again.predict_stage("stage", GRID[-1]) == model.predict_stage("stage", GRID[-1])


def test_a_past_that_depends_on_a_fan_in_needs_it_of_the_new_runs() -> None:
    past = made_profile(GRID, parent="map", fan_ins=(1, 4, 8), stage="reduce")
    parents = {"reduce": ["map"]}
    source = {"reduce": Source("past", past)}

    def train(new: Profile, sources: Mapping[str, Source]) -> tuple[WorkflowModel, TrainReport]:
        before = made_profile(GRID[:1], stage="map")
        return train_profiles({"map": before, "reduce": new}, parents, dag="made", sources=sources)

    known = made_profile(GRID[:2], parent="map", fan_ins=(4,), stage="reduce", reps=1)
    model, _ = train(known, source)
    assert model.stages["reduce"].parents == ("map",)
    few, many = (
        model.predict_table("reduce", [GRID[0]], {"map": count}).time_s[0] for count in (1, 8)
    )
    assert many > few
    unknown = replace(known, runs=tuple(replace(r, meta={"run_id": r.run_id}) for r in known.runs))
    _, report = train(unknown, source)
    assert report.stages["reduce"].transfer is None
    assert "nothing is transferred" in str(report)


def stored(workspace: Workspace, runs: Sequence[Profile]) -> None:
    store = ProfileStore(workspace)
    for profile in runs:
        for run in profile.runs:
            store.add_run("made", profile.stage, run)


def test_profiles_are_found_in_a_workspace_and_in_a_plain_folder(tmp_path: Path) -> None:
    stored(Workspace(tmp_path), [PAST])
    new = {"stage": other_machine(made_profile(GRID[:1]), 2.0)}
    for choice in (Workspace(tmp_path), tmp_path, str(tmp_path / "profiles" / "made")):
        found = past_profiles(choice, "made", new, new)
        assert len(found["stage"].profile.runs) == len(PAST.runs)
    assert past_profiles(None, "made", new, new) == {}
    with pytest.raises(ConfigurationError, match="nothing to transfer from"):
        past_profiles(tmp_path / "empty", "made", new, new)


def test_a_profile_does_not_prove_itself() -> None:
    new = {"stage": made_profile(GRID[:2])}
    with pytest.raises(ConfigurationError, match="nothing to transfer from"):
        past_profiles(new, "made", new, new)


def test_the_earlier_input_nearest_in_size_is_taken() -> None:
    sizes = {"small": 10, "large": 900, "now": 1000}
    parts = {
        name: other_machine(
            made_profile(GRID[:2], reps=1), 1.0, input_hash=name, input_bytes=size, time=time
        )
        for time, (name, size) in enumerate(sizes.items())
    }
    whole = replace(PAST, runs=tuple(run for part in parts.values() for run in part.runs))
    source = earlier_input(whole)
    assert source is not None
    assert {run.meta["input_hash"] for run in source.profile.runs} == {"large"}
    assert "900 bytes where there are 1000 now" in source.name
    assert earlier_input(parts["now"]) is None
