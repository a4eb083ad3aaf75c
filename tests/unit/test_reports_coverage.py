"""Realised coverage over past runs: what is counted, and when a stage has drifted."""

import itertools
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexecutor_energy import StageConfig
from flexecutor_energy.reports.coverage import at_least, audit_runs
from flexecutor_energy.reports.past_runs import PastRun, past_runs
from flexecutor_energy.workspace import Workspace
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
