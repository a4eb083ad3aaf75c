"""The numbers behind pictures and pages."""

import itertools
import json
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from flexecutor_energy import Plan, StageConfig
from flexecutor_energy.auditing.past_runs import PastRun, past_runs
from flexecutor_energy.optimization.schedule import evaluate
from flexecutor_energy.records.run import Profile, StageRun, WorkerRecord
from flexecutor_energy.reports.accuracy import held_out_runs
from flexecutor_energy.reports.curves import curves_of, run_energy_j
from flexecutor_energy.reports.front import front_of
from flexecutor_energy.reports.gantt import measured_schedule, planned_schedule
from flexecutor_energy.reports.methods import compared_methods
from flexecutor_energy.reports.stage_rows import stage_rows
from flexecutor_energy.workspace import Workspace
from tests.unit.prediction_profiles import (
    STARTUP_J,
    grid,
    made_profile,
    reference,
    trained_reference,
)
from tests.unit.report_plans import demo_plan
from tests.unit.report_workflow import keep_run


def runs_of(folder: Path, plan: Plan, **given: float) -> tuple[PastRun, ...]:
    for number, (run_id, factor) in enumerate(given.items()):
        keep_run(folder, plan, f"{number}-{run_id}", factor=factor)
    return past_runs(Workspace(folder), plan.dag).runs


def test_no_point_of_the_front_is_beaten_by_another_or_by_a_named_plan() -> None:
    plan = demo_plan()
    front = front_of(plan)
    line = front.line("energy")
    assert len(line) >= 5
    assert [p.time.mean for p in line] == sorted(p.time.mean for p in line)
    for point in line:
        assert point.energy is not None
        for other in (*line, *front.marks):
            assert other.energy is not None
            assert not (
                other.time.mean < point.time.mean * (1 - 1e-6)
                and other.energy.mean < point.energy.mean * (1 - 0.006)
            )


def test_the_front_goes_beyond_the_deadline_of_the_plan() -> None:
    plan = demo_plan()
    assert plan.terms.max_time is not None
    assert max(p.time.mean for p in front_of(plan).line("energy")) > plan.terms.max_time


def test_named_plans_are_chosen_default_fastest_and_best_uniform() -> None:
    names = " and ".join(point.name for point in front_of(demo_plan()).marks)
    for name in ("this plan", "default", "fastest", "best uniform", "cheapest"):
        assert name in names


def test_points_hold_totals_of_their_own_configurations() -> None:
    plan = demo_plan()
    for point in front_of(plan).points:
        choice = [
            next(i for i, c in enumerate(options.candidates) if c.config == config)
            for options, config in zip(plan.table, point.configs.values(), strict=True)
        ]
        totals = evaluate(plan.problem(), choice)
        assert point.time.mean == pytest.approx(totals.makespan_s)
        assert point.energy is not None
        assert point.energy.mean == pytest.approx(totals.energy_j)
        assert point.time.low < point.time.mean < point.time.high


def test_without_energy_the_front_is_of_cost() -> None:
    front = front_of(demo_plan(energy=False))
    assert not front.line("energy")
    assert front.line("cost")
    assert all(point.energy is None for point in front.points)


def test_measured_runs_are_points_without_width(tmp_path: Path) -> None:
    plan = demo_plan()
    front = front_of(plan, runs_of(tmp_path, plan, first=1.1))
    (run,) = [point for point in front.points if point.kind == "measured"]
    assert run.time.low == run.time.high == pytest.approx(plan.time.mean * 1.1)


def test_curves_hold_every_candidate_and_mark_the_least() -> None:
    plan = demo_plan()
    for options, curves in zip(plan.table, curves_of(plan, {}), strict=True):
        predicted = {
            (s.cpu, s.memory_mb, p.workers): p for s in curves.series for p in s.predicted
        }
        assert set(predicted) == {c.key for c in options.candidates}
        assert predicted[curves.fastest].time.mean == min(c.time.mean for c in options.candidates)
        assert curves.most_frugal is not None
        assert curves.chosen == plan.configs[curves.stage_id].key


def test_curves_show_each_run_with_all_its_joules() -> None:
    plan = demo_plan()
    profile = made_profile(grid(memories=(512,)), stage="map", reps=2, noise=0.0)
    (curves,) = [c for c in curves_of(plan, {"map": profile}) if c.stage_id == "map"]
    shown = [run for series in curves.series for run in series.measured]
    assert len(shown) == len(profile.runs)
    run = profile.runs[0]
    joules = run_energy_j(run, "provisioned", "map")
    assert joules == pytest.approx((run.energy_j or 0) + STARTUP_J * run.config.workers)
    assert joules in [r.energy_j for r in shown]


def test_runs_whose_parents_had_other_workers_are_told_apart() -> None:
    plan = demo_plan()
    merge = plan.table[3]
    with_fan_in = tuple(replace(c, fan_in={"map": 2}) for c in merge.candidates)
    two_workers = next(i for i, c in enumerate(plan.table[1].candidates) if c.workers == 2)
    linked = replace(
        plan,
        table=(*plan.table[:3], replace(merge, candidates=with_fan_in)),
        choice=(plan.choice[0], two_workers, *plan.choice[2:]),
    )
    profile = made_profile(
        grid(memories=(512,)), stage="merge", parent="map", fan_ins=(2, 4), reps=2
    )
    curves = curves_of(linked, {"merge": profile})[3]
    shown = [run.comparable for series in curves.series for run in series.measured]
    assert shown.count(True) == shown.count(False) == len(profile.runs) / 2


def test_energy_that_is_not_known_is_none_and_not_zero() -> None:
    run = made_profile(grid()[:1], energy=False).runs[0]
    assert run_energy_j(run, "provisioned", "stage") is None


def test_idle_and_busy_core_seconds_fill_the_peak_over_the_whole_run() -> None:
    plan = demo_plan()
    schedule = planned_schedule(plan)
    assert schedule.makespan_s == pytest.approx(plan.evaluation().makespan_s)
    area = schedule.peak_cores * schedule.makespan_s
    assert schedule.busy_core_s + schedule.idle_core_s == pytest.approx(area)
    under_steps = sum(
        cores * (end - start) for (start, cores), (end, _) in itertools.pairwise(schedule.steps)
    )
    assert under_steps == pytest.approx(schedule.busy_core_s)
    assert schedule.steps[-1][1] == 0


def test_a_measured_run_is_drawn_as_it_went(tmp_path: Path) -> None:
    plan = demo_plan()
    (run,) = runs_of(tmp_path, plan, slow=1.5)
    schedule = measured_schedule(run, plan)
    assert [bar.stage_id for bar in schedule.bars] == list(plan.configs)
    assert schedule.makespan_s == pytest.approx(1.5 * planned_schedule(plan).makespan_s)
    assert all(bar.slack_s is None for bar in schedule.bars)


def test_held_out_runs_are_all_measured_runs_with_honest_predictions() -> None:
    model, report = trained_reference("ml_2core_vm")
    runs = held_out_runs(model, "provisioned")
    assert len(runs) == sum(len(p.runs) for p in reference("ml_2core_vm").values())
    for stage_id, stage in report.stages.items():
        ratios: dict[object, list[float]] = {}
        for run in runs:
            if run.stage_id == stage_id and (pair := run.pair("time")) is not None:
                ratios.setdefault(run.config, []).append(pair[1] / pair[0])
        errors = [abs(statistics.fmean(own) - 1) for own in ratios.values()]
        assert stage.mape_time is not None
        assert statistics.fmean(errors) == pytest.approx(stage.mape_time, abs=0.02)
    assert all(run.pair("energy") is not None for run in runs)


def test_methods_are_compared_over_runs_that_hold_them_all() -> None:
    def run(**joules: float) -> StageRun:
        record = WorkerRecord(compute_s=1.0, energy_by_method=joules)
        return StageRun(StageConfig(1, 2), (record, record))

    profile = Profile("d", "s", (run(rapl=10, model=12), run(rapl=20, model=22), run(model=99)))
    rows = {row.method: row for row in compared_methods({"s": profile})}
    assert rows["model"].runs == rows["rapl"].runs == 2
    assert rows["rapl"].mean_j == 30
    assert rows["rapl"].ratio == 1
    assert rows["model"].reference == "rapl"
    assert rows["model"].ratio == pytest.approx((1.2 + 1.1) / 2)
    assert compared_methods({"s": Profile("d", "s", (run(model=99),))}) == ()


def test_stage_rows_hold_the_next_best_configuration_and_what_it_costs() -> None:
    plan = demo_plan()
    rows = stage_rows(plan)
    assert [row.stage_id for row in rows] == list(plan.configs)
    for row in rows:
        assert row.runner_up != row.config
        assert row.extra_objective is None or row.extra_objective >= 0


def test_past_runs_come_back_as_they_were_kept_and_corrupt_ones_are_named(
    tmp_path: Path,
) -> None:
    plan = demo_plan()
    keep_run(tmp_path, plan, "1-good", factor=1.1)
    broken = keep_run(tmp_path, plan, "2-cut")
    broken.write_text(broken.read_text()[:100])
    strange = keep_run(tmp_path, plan, "3-strange")
    strange.write_text(json.dumps(json.loads(strange.read_text()) | {"time_s": "long"}))
    other = {name: StageConfig(1, 1, 512) for name in plan.configs}
    keep_run(tmp_path, plan, "4-other", configs=other, audited=False)
    history = past_runs(Workspace(tmp_path), "demo")
    assert [run.run_id for run in history.runs] == ["1-good", "4-other"]
    assert len(history.problems) == 2
    assert "2-cut" in history.problems[0]
    assert "'time_s'" in history.problems[1]
    assert [run.run_id for run in history.following(plan.configs)] == ["1-good"]
    audit = history.runs[0].audit
    assert audit is not None
    assert audit.time.ratio == pytest.approx(1.1)
    assert audit.stages["map"].energy.predicted == plan.stages["map"].energy


def test_everything_can_be_written_as_json() -> None:
    plan = demo_plan()
    for value in (front_of(plan), curves_of(plan, {}), planned_schedule(plan), stage_rows(plan)):
        json.dumps(TypeAdapter(Any).dump_python(value, mode="json"), allow_nan=False)
