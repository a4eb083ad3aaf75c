"""Robustness: whether a choice holds under other power models."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from flexecutor_energy.optimization import Plan
from flexecutor_energy.optimization.comparison import compare
from flexecutor_energy.optimization.context import PlanContext
from flexecutor_energy.optimization.rivals import rivals
from flexecutor_energy.optimization.robustness import Robustness, robustness, robustness_in
from flexecutor_energy.optimization.savings_text import power_models
from flexecutor_energy.optimization.table import StageOptions
from flexecutor_energy.optimization.wording import GLUE
from flexecutor_energy.optimization.worlds import World, draw_worlds
from tests.unit.power_plans import POWER, candidate, one_stage, plan_of, slow_or_fast
from tests.unit.report_plans import demo_plan

IDLE_DEAR = World("idle dear", (4.0, 4.4, 6.0, 8.0))
IDLE_CHEAP = World("idle cheap", (0.1, 0.59, 2.55, 5.0))
JUMPS = World("jumps", (1.0, 3.0, 3.5, 5.0))
LATE = World("late", (1.0, 1.1, 3.0, 5.0))


def lines(plan: Plan, sure: Robustness) -> str:
    return " ".join(" ".join(power_models(plan, sure)).split()).replace(GLUE, " ")


def test_regret_is_what_the_best_plan_of_a_world_takes_less() -> None:
    """Slow: 12 CPU s and 10 core-s; fast: 13.5 and 4.5. All lines, so loads do not matter.

    Where idling is dear, 4 W and 4 J per CPU second, slow takes 88 J and fast 72 J; where it is
    cheap, 0.1 W and 4.9 J, slow takes 59.8 J and fast 66.6 J.
    """
    plan = plan_of(slow_or_fast())
    assert plan.choice == (0,)
    sure = robustness_in(plan, [IDLE_DEAR, IDLE_CHEAP])
    assert sure.worlds == 2
    assert sure.best_share == 0.5
    assert sure.worst_regret == pytest.approx(88 / 72 - 1)
    assert sure.calibrated_worst_regret == 0.0  # loads do not matter here


def test_a_saving_that_changes_its_sign_is_undecided() -> None:
    plan = plan_of(slow_or_fast(), default=(1,))
    sure = robustness_in(plan, [IDLE_DEAR, IDLE_CHEAP])
    assert sure.undecided_against == ("default", "fastest", "cheapest")
    compared = compare(plan, sure)
    assert compared["default"].undecided
    assert not compared["chosen"].undecided
    text = lines(plan, sure)
    assert "best under 50% of 2 (within 0.5%), worst regret 22%" in text
    assert "; calibrating would cut that to 0.0%" in text
    assert "UNDECIDED against default and fastest and cheapest" in text
    assert robustness_in(plan, [IDLE_CHEAP]).undecided_against == ()


def little_or_much_load() -> Plan:
    """Return the plan of 2 CPU seconds in 10 s on 4 cores against 2.4 in 1 s (load .05 and .6)."""
    table = one_stage(candidate(10.0, 2.0, 10.0), candidate(1.0, 2.4, 11.5, workers=2))
    plan = plan_of(table)
    assert plan.choice == (0,)  # 18 J against 21.1 J
    return plan


def test_calibrating_helps_where_power_jumps_at_the_first_load() -> None:
    """40 J above 10 J of idling at a load of .05 (1 W a core), 11.2 above 11.5 J at .6 (2.8 W)."""
    sure = robustness_in(little_or_much_load(), [JUMPS])
    assert sure.worst_regret == pytest.approx(50 / 22.7 - 1)
    assert sure.calibrated_worst_regret == 0.0


def test_calibrating_does_not_help_where_power_rises_late() -> None:
    """The median shape expects 14 J above idle at a load of .05, where this server draws 2 J."""
    plan = little_or_much_load()
    sure = robustness_in(plan, [LATE])
    assert sure.worst_regret == 0.0
    # 2 J and 10 J idle, but at a load of .6 it draws 9.6 J above the 11.5 J of idling
    assert sure.calibrated_worst_regret == pytest.approx(21.1 / 12 - 1)
    assert "which calibrating would not cut" in lines(plan, sure)


def test_idle_hosts_scale_with_their_world() -> None:
    """In scope host: 4 W idle for the makespan; slow 48 + 40 J, fast 54 + 16 J."""
    slow, fast = candidate(10.0, 12.0, 0.0), candidate(4.0, 13.5, 0.0, workers=2)
    plan = plan_of(one_stage(slow, fast), scope="host", idle_power_w=4.0)
    assert plan.choice == (1,)
    cheap = replace(IDLE_CHEAP, watts=(0.1, 0.5, 2.1, 4.1))  # 0.4 W a host, 4 J a CPU second
    sure = robustness_in(plan, [cheap])
    assert sure.worst_regret == pytest.approx((54 + 0.4 * 4) / (48 + 0.4 * 10) - 1)


def test_counters_and_other_objectives_need_no_worlds() -> None:
    measured = plan_of(slow_or_fast(), power=replace(POWER, origin="measured"))
    sure = measured.robustness()
    assert (sure.best_share, sure.worst_regret, sure.worlds) == (1.0, 0.0, 0)
    assert "measured by counters" in sure.reason
    assert "measured by counters" in " ".join(measured.explain().split())
    assert "does not depend on watts" in plan_of(slow_or_fast(), objective="time").explain()


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (demo_plan(), "does not say which power model"),
        (plan_of(slow_or_fast(), power=None), "does not say which power model"),
        (plan_of(slow_or_fast(), objective="time", max_energy=90.0), "how large the watts are"),
    ],
)
def test_what_cannot_be_known_is_said(plan: Plan, reason: str) -> None:
    sure = plan.robustness()
    assert not sure.known
    assert (sure.best_share, sure.worst_regret, sure.worlds) == (None, None, 0)
    assert reason in sure.reason
    assert "Power models: not compared" in plan.explain()
    assert all(other.undecided is None for other in plan.compare().plans[1:])


def test_a_plan_file_says_the_same() -> None:
    plan = plan_of(slow_or_fast(), default=(1,))
    again = Plan.from_json(plan.to_json())
    assert again.context == plan.context == PlanContext(POWER)
    assert again.robustness() == plan.robustness()
    assert again.robustness(seed=1) != plan.robustness()
    assert json.loads(plan.to_json())["context"]["power"]["rate_w"] == 4.0


def wide(stages: int) -> Any:
    """Return stages side by side, each with three ways none of which is best everywhere."""
    ways = (
        candidate(10.0, 12.0, 10.0),
        candidate(4.0, 13.5, 4.5, workers=2),
        candidate(2.0, 14.5, 2.0, workers=4),
    )
    return tuple(StageOptions(f"s{number}", ways) for number in range(stages))


def test_large_workflows_are_solved_anew_in_fewer_worlds() -> None:
    plan = plan_of(wide(11))
    assert rivals(plan.problem(), [np.zeros((1, 3))] * 11) is not None  # all are the same
    assert robustness(plan, search=False).reason.startswith("too many choices")
    sure = plan.robustness()
    assert sure.worlds == 24
    servers = draw_worlds(POWER)[-24:]
    alone = robustness_in(plan_of(wide(1)), servers)  # the same choice, stage by stage
    assert sure.best_share == alone.best_share
    assert sure.worst_regret == pytest.approx(alone.worst_regret)
    assert sure.calibrated_worst_regret == pytest.approx(alone.calibrated_worst_regret)


def test_shared_cores_are_scheduled() -> None:
    plan = plan_of(wide(2), capacity=1.0, max_time=9.0)
    sure = robustness_in(plan, [IDLE_DEAR, IDLE_CHEAP])
    # both at 4 s one after the other, or one of them at 2 s: nothing slower keeps the deadline
    assert plan.evaluation().makespan_s <= 9.0
    assert sure.known and sure.worlds == 2
