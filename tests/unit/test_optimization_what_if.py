"""What-if and comparison, from a plan alone."""

import math
from dataclasses import replace

import pytest

from flexecutor_energy.errors import ConfigurationError, InfeasibleError, MissingEnergyError
from flexecutor_energy.optimization import Plan
from flexecutor_energy.optimization.context import PlanContext
from flexecutor_energy.optimization.table import StageOptions
from flexecutor_energy.quantities import Interval
from tests.unit.power_plans import POWER, candidate, one_stage, plan_of
from tests.unit.report_plans import demo_plan

MARGINS = {"time": 1.1, "cost": 1.2, "time+cost": 1.25}


def two_stages() -> Plan:
    """Two stages in a row, each slow (10 s, 58 J) or fast (4 s, 58.5 J); margins are known."""
    ways = (candidate(10.0, 12.0, 10.0), candidate(4.0, 13.5, 4.5, workers=2))
    table = (StageOptions("one", ways), StageOptions("two", ways))
    plan = plan_of(table, (("one", "two"),), default=(1, 1))
    return replace(plan, context=PlanContext(POWER, margins=MARGINS))


def test_a_deadline_is_divided_by_the_margin_that_the_plan_holds() -> None:
    plan = two_stages()
    assert plan.choice == (0, 0)
    tighter = plan.what_if(max_time=16.0)  # 14.5 s in the mean
    assert sorted(tighter.choice) == [0, 1]
    assert tighter.terms.max_time == 16.0
    assert tighter.terms.margin("time") == pytest.approx(1.1)
    assert tighter.energy is not None
    assert tighter.energy.mean == pytest.approx(58 + 58.5)
    assert tighter.time.high == pytest.approx(14.0 * 1.2)  # as wide as the plan's own, relatively
    assert tighter.verify().ok
    assert plan.what_if(max_time=15.0).choice == (1, 1)  # 13.6 s in the mean


def test_several_bounds_share_the_margin_of_all_of_them() -> None:
    plan = two_stages().what_if(max_time=40.0, max_cost=1.0)
    assert plan.terms.margin("time") == plan.terms.margin("cost") == pytest.approx(1.25)


def test_what_is_not_asked_stays_and_none_lifts_a_bound() -> None:
    plan = two_stages().what_if(max_time=16.0)
    assert plan.what_if(max_cost=1.0).terms.max_time == 16.0
    free = plan.what_if(max_time=None)
    assert free.terms.max_time is None
    assert free.choice == (0, 0)
    fast = plan.what_if(objective="time")
    assert (fast.objective, fast.choice) == ("time", (1, 1))
    assert fast.what_if(objective="energy").choice == plan.choice


def test_a_capacity_can_be_asked_for() -> None:
    ways = (candidate(10.0, 12.0, 10.0),)
    plan = plan_of((StageOptions("one", ways), StageOptions("two", ways)))
    assert plan.time.mean == 10.0
    assert plan.what_if(capacity=1.0).time.mean == 20.0
    assert plan.what_if(capacity=1.0).what_if(capacity=None).time.mean == 10.0


def test_what_no_choice_keeps_names_the_nearest_plan() -> None:
    with pytest.raises(InfeasibleError) as caught:
        two_stages().what_if(max_time=5.0)
    error = caught.value
    assert (error.bound, error.value) == ("max_time", 5.0)
    assert error.attainable == pytest.approx(8.0 * 1.1)
    assert isinstance(error.plan, Plan)
    assert error.plan.choice == (1, 1)


def test_plans_that_hold_no_margins_use_their_own_ends() -> None:
    plan = demo_plan()  # a deadline of 20 s stands for 18 s in the mean; intervals reach 1.2
    assert plan.what_if(max_time=30.0).terms.margin("time") == pytest.approx(1.2)
    assert plan.what_if(max_time=None).terms.margin("time") == 1.0


def test_senseless_questions_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="max_cost must be above 0"):
        two_stages().what_if(max_cost=-1.0)
    with pytest.raises(MissingEnergyError, match="split"):
        demo_plan(energy=False).what_if(objective="energy")
    with pytest.raises(MissingEnergyError):
        demo_plan(energy=False).what_if(max_energy=5.0)


def test_a_plan_is_compared_with_the_plans_worth_naming() -> None:
    compared = two_stages().compare()
    names = [plan.name for plan in compared.plans]
    assert names == ["chosen", "default", "best uniform", "fastest", "cheapest"]
    assert "default" in compared and "slowest" not in compared
    chosen, default = compared["chosen"], compared["default"]
    assert chosen.saving.mean == chosen.saving.low == chosen.saving.high == 0.0
    assert default.energy is not None
    assert default.energy.mean == pytest.approx(117.0)
    assert default.time.mean == 8.0
    assert default.saved_share == pytest.approx(1 / 117)
    # both stages differ: 20 % above to 10 % below 116 J, beside the same of 117 J
    low = 1.0 - math.hypot(0.2 * 116, 0.1 * 117)
    high = 1.0 + math.hypot(0.1 * 116, 0.2 * 117)
    assert (default.saving.low, default.saving.high) == pytest.approx((low, high))


def test_a_narrow_interval_of_the_whole_narrows_a_saving() -> None:
    plan = two_stages()
    narrow = replace(plan, energy=Interval(116.0, 116.0 - 5.8, 116.0 + 11.6))  # half of the sums
    saving = narrow.compare()["default"].saving
    wide = plan.compare()["default"].saving
    assert saving.mean == wide.mean
    assert saving.high - saving.mean == pytest.approx((wide.high - wide.mean) / 2)
    assert saving.mean - saving.low == pytest.approx((wide.mean - wide.low) / 2)


def test_stages_that_run_alike_do_not_blur_a_saving() -> None:
    plan = two_stages().what_if(max_time=16.0)
    default = plan.compare()["default"]  # one stage runs as it would anyway
    low = 0.5 - math.hypot(0.2 * 58, 0.1 * 58.5)
    assert default.saving.mean == pytest.approx(0.5)
    assert default.saving.low == pytest.approx(low)


def test_savings_of_time_are_those_of_whole_runs() -> None:
    plan = two_stages().what_if(objective="time")
    slow = replace(plan, default_choice=(0, 0)).compare()["default"]
    assert slow.saving.mean == pytest.approx(12.0)
    assert slow.saving.low == pytest.approx(12.0 - math.hypot(0.2 * 8, 0.1 * 20))
    assert plan.what_if(objective="edp").compare()["fastest"].saving.mean >= 0


def test_a_default_that_breaks_the_bounds_says_so() -> None:
    ways = (candidate(10.0, 12.0, 10.0), candidate(4.0, 13.5, 4.5, workers=2))
    plan = plan_of(one_stage(*ways), default=(0,), max_time=5.0)
    (reason,) = plan.compare()["default"].broken
    assert "max_time=5 is exceeded by 10" in reason
    assert "(breaks the bounds)" in " ".join(plan.explain().split())
