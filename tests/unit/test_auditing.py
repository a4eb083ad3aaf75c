"""Audits over past runs: coverage, bounds, drift, and which stages to profile again."""

import itertools
import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexecutor_energy import StageConfig
from flexecutor_energy.auditing.coverage import BoundsKept, at_least
from flexecutor_energy.auditing.drift import drift, steady_by_chance
from flexecutor_energy.auditing.past_runs import PastRun, past_runs
from flexecutor_energy.auditing.report import audit_runs
from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.workspace import Workspace
from tests.unit import cli_workflow
from tests.unit.report_plans import demo_plan
from tests.unit.report_workflow import keep_run


def kept(folder: Path) -> tuple[PastRun, ...]:
    return past_runs(Workspace(folder), "demo").runs


def test_coverage_counts_runs_inside_their_intervals(tmp_path: Path) -> None:
    plan = demo_plan()  # intervals from 0.9 to 1.2 of the mean
    for number, factor in enumerate((0.95, 1.0, 1.1, 1.3)):
        keep_run(tmp_path, plan, f"{number}", factor=factor)
    result = audit_runs(kept(tmp_path))
    assert result.runs == 4
    time, energy, cost = result.whole
    assert (time.inside, time.judged, time.share) == (3, 4, 0.75)
    assert (time.low, time.median, time.high) == pytest.approx((0.95, 1.05, 1.3))
    assert energy.judged == cost.judged == 4
    assert {c.stage_id for c in result.stages} == set(plan.configs)
    (bound,) = result.bounds
    assert (bound.name, bound.judged, bound.kept) == ("max_time", 4, 2)


def test_a_stage_has_drifted_when_chance_does_not_explain_it(tmp_path: Path) -> None:
    plan = demo_plan()
    for number in range(3):
        keep_run(tmp_path, plan, f"{number}", factor=1.05, factors={"map": 1.6})
    assert audit_runs(kept(tmp_path)).to_profile == ("map",)


def test_a_single_run_outside_is_not_yet_drift(tmp_path: Path) -> None:
    plan = demo_plan()
    for number, factor in enumerate((1.0, 1.0, 1.6)):
        keep_run(tmp_path, plan, f"{number}", factors={"map": factor})
    assert audit_runs(kept(tmp_path)).to_profile == ()


def test_runs_without_a_plan_are_named_and_not_judged(tmp_path: Path) -> None:
    plan = demo_plan()
    keep_run(tmp_path, plan, "1", audited=False)
    result = audit_runs(kept(tmp_path))
    assert result.unplanned == ("1",)
    assert result.runs == 0
    assert result.whole[0].share is None
    assert not result.whole[0].drifted


def test_a_stage_that_ran_otherwise_is_not_judged(tmp_path: Path) -> None:
    plan = demo_plan()
    path = keep_run(tmp_path, plan, "1", factors={"map": 9.0})
    other = str(StageConfig(1, 9, 512))
    path.write_text(
        path.read_text().replace('"differing": {}', f'"differing": {{"map": "{other}"}}')
    )
    result = audit_runs(kept(tmp_path))
    assert result.differing == {"1": ("map",)}
    assert all(c.judged == 0 for c in result.stages if c.stage_id == "map")
    assert all(c.judged == 1 for c in result.stages if c.stage_id == "side")


def test_energy_that_was_not_measured_is_not_judged(tmp_path: Path) -> None:
    keep_run(tmp_path, demo_plan(energy=False), "1")
    result = audit_runs(kept(tmp_path))
    energy = result.whole[1]
    assert (energy.metric, energy.judged, energy.share) == ("energy", 0, None)
    assert result.to_profile == ()


@settings(deadline=None, max_examples=60)
@given(of=st.integers(1, 40), share=st.floats(0.0, 1.0))
def test_probabilities_of_more_outside_only_fall(of: int, share: float) -> None:
    chances = [at_least(count, of, share) for count in range(of + 1)]
    assert chances[0] == 1.0
    assert all(b <= a + 1e-12 for a, b in itertools.pairwise(chances))
    assert math.isclose(chances[-1], share**of, rel_tol=1e-9, abs_tol=1e-300)


def test_a_stage_that_gets_slower_steadily_is_named(tmp_path: Path) -> None:
    plan = demo_plan()  # all of this stays inside the intervals
    for number in range(8):
        keep_run(tmp_path, plan, f"{number}", factors={"map": 0.95 + 0.02 * number})
    result = audit_runs(kept(tmp_path))
    moving = {(d.stage_id, d.metric) for d in result.drifts if d.drifted}
    assert moving == {("map", metric) for metric in ("time", "energy", "cost")}
    assert result.to_profile == ("map",)
    (drift,) = [d for d in result.drifts if (d.stage_id, d.metric) == ("map", "time")]
    assert (drift.early, drift.late) == pytest.approx((0.98, 1.06))
    assert drift.change == pytest.approx(1.06 / 0.98 - 1)


def test_stages_are_judged_by_runs_of_the_newest_predictions(tmp_path: Path) -> None:
    plan = demo_plan()
    for number in range(3):  # before it was profiled again
        keep_run(tmp_path, plan, f"{number}", factors={"map": 1.6})
    for number in range(3, 5):
        path = keep_run(tmp_path, plan, f"{number}")
        path.write_text(path.read_text().replace('"predictions": ""', '"predictions": "new"'))
    result = audit_runs(kept(tmp_path))
    assert (result.runs, result.current) == (5, 2)
    assert result.to_profile == ()
    assert result.whole[0].judged == 5


def test_bounds_of_one_run_are_also_judged_together(tmp_path: Path) -> None:
    plan = demo_plan()
    kept_by_run = [(True, True), (True, False), (False, True), (True, None)]
    for number, (time, energy) in enumerate(kept_by_run):
        path = keep_run(tmp_path, plan, f"{number}")
        run = json.loads(path.read_text())
        run["audit"] |= {"kept": {"max_time": time, "max_energy": energy}, "confidence": 0.5}
        path.write_text(json.dumps(run))
    bounds = {bound.name: bound for bound in audit_runs(kept(tmp_path)).bounds}
    assert bounds == {
        "max_time": BoundsKept("max_time", 4, 3, 0.5),
        "max_energy": BoundsKept("max_energy", 3, 2, 0.5),
        "all bounds": BoundsKept("all bounds", 4, 2, 0.5),
    }


def test_older_files_promise_nothing_that_is_known(tmp_path: Path) -> None:
    path = keep_run(tmp_path, demo_plan(), "1")
    run = json.loads(path.read_text())
    del run["audit"]["confidence"], run["audit"]["predictions"]
    path.write_text(json.dumps(run))
    (bound,) = audit_runs(kept(tmp_path)).bounds
    assert (bound.name, bound.promised) == ("max_time", None)


def test_an_executed_plan_leaves_what_an_audit_needs(tmp_path: Path) -> None:
    dag = cli_workflow.build(workspace=tmp_path)
    dag.profile(cli_workflow.SPACE, reps=1, backend="local", energy="model")
    dag.train()
    plan = dag.optimize(objective="time", max_time=500.0, confidence=0.8)
    assert dag.audit().runs == 0
    dag.execute(plan, backend="local", energy="model")
    dag.execute(backend="local", energy="off")
    report = dag.audit()
    assert (report.runs, report.current, len(report.unplanned)) == (1, 1, 1)
    assert report.bounds == (BoundsKept("max_time", 1, 1, 0.8),)
    assert {c.stage_id for c in report.stages} == {"count", "add"}
    time, energy, _ = report.whole
    assert time.median is not None and time.median > 0
    assert energy.judged == 1
    assert dag.audit(last=1).runs == 0
    with pytest.raises(ConfigurationError, match="at least 1"):
        dag.audit(last=0)


def test_the_chance_of_a_trend_is_that_of_mann_and_kendall() -> None:
    # 6 rising values: 15 pairs rise, variance 6 · 5 · 17 / 18, so 14 / 5.32 deviations
    assert steady_by_chance([1, 2, 3, 4, 5, 6]) == pytest.approx(0.00853, abs=1e-4)
    assert steady_by_chance([6, 5, 4, 3, 2, 1]) == steady_by_chance([1, 2, 3, 4, 5, 6])
    assert steady_by_chance([1.0] * 6) == 1.0
    assert drift("time", "s", [1.0, 1.1, 1.2, 1.3, 1.4]) is None
    gentle = drift("time", "s", [1.0, 1.001, 1.002, 1.003, 1.004, 1.005])
    assert gentle is not None
    assert gentle.chance < 0.05
    assert not gentle.drifted  # 0.3 % is not worth measuring again


@settings(deadline=None, max_examples=60)
@given(values=st.lists(st.floats(0.1, 9.0), min_size=2, max_size=30))
def test_trends_have_a_chance_and_a_direction(values: list[float]) -> None:
    assert 0.0 <= steady_by_chance(values) <= 1.0
    assert steady_by_chance(values[::-1]) == pytest.approx(steady_by_chance(values))
