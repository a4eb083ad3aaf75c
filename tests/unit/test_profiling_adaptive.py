"""Adaptive schedules by a rule that is written down, and what a sweep may spend."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.profiling.adaptive import AdaptiveSchedule, first_runs
from flexecutor_energy.profiling.budget import Budget, Spent
from flexecutor_energy.profiling.guide import Advice, EstimatedRegret
from flexecutor_energy.records.run import FailedRun, Profile, StageRun, WorkerRecord
from flexecutor_energy.workflow.config import ConfigSpace, StageConfig
from flexecutor_energy.workflow.context import StageContext
from flexecutor_energy.workflow.graph import StageGraph
from flexecutor_energy.workflow.stage import Stage

SPACE = ConfigSpace(cpu=[1, 2], workers=[1, 2, 4])
PLANNED, RIVAL = StageConfig(2, 1), StageConfig(1, 4)


def nothing(context: StageContext) -> None:
    """Do nothing."""


GRAPH = StageGraph("g").add_stages([Stage("s", nothing)])


def measured(config: StageConfig) -> StageRun:
    return StageRun(config, (WorkerRecord(compute_s=1.0),))


class Written:
    """A rule that finds a rival worth measuring until it was measured often enough."""

    def __init__(self, upper: float, enough: int = 2) -> None:
        self.upper = upper
        self.enough = enough
        self.calls = 0

    def __call__(self, profiles: Mapping[str, Profile]) -> Advice:
        self.calls += 1
        rivals = sum(run.config == RIVAL for run in profiles["s"].runs)
        upper = 0.0 if rivals >= self.enough else self.upper
        worth = {"s": {RIVAL: 1.0, PLANNED: 0.5}}
        return Advice(EstimatedRegret(upper / 2, upper, 0.9), {"s": PLANNED}, worth)


def run_all(schedule: AdaptiveSchedule) -> list[StageConfig]:
    tried = []
    while (configs := schedule.next_configs()) is not None:
        tried.append(configs["s"])
        schedule.measured("s", configs["s"], measured(configs["s"]))
    return tried


def old(*configs: StageConfig) -> dict[str, Profile]:
    return {"s": Profile("g", "s", tuple(measured(config) for config in configs))}


def test_what_is_worth_most_is_measured_until_the_regret_is_small() -> None:
    rule = Written(upper=0.5, enough=3)
    first = first_runs(GRAPH, SPACE, {}).runs_left
    schedule = AdaptiveSchedule(GRAPH, SPACE, rule, 3, {}, 0.03)
    assert schedule.regret is None
    tried = run_all(schedule)
    assert set(tried[first:]) <= {RIVAL, PLANNED}
    assert tried.count(RIVAL) == 3
    assert PLANNED in tried  # a plan is not settled on what never ran
    assert "estimated regret is at most 0 %" in schedule.stopped
    assert rule.calls <= len(tried) + 1


def test_nothing_is_measured_more_often_than_asked() -> None:
    schedule = AdaptiveSchedule(GRAPH, SPACE, Written(upper=0.5, enough=99), 2, {}, 0.03)
    tried = run_all(schedule)
    assert max(tried.count(config) for config in SPACE) == 2
    assert "measured as often as asked" in schedule.stopped
    assert schedule.runs_left == 0


def test_what_was_measured_before_counts() -> None:
    known = old(*SPACE, RIVAL)
    schedule = AdaptiveSchedule(GRAPH, SPACE, Written(upper=0.5), 3, known, 0.03)
    assert schedule.next_configs() is None
    assert schedule.regret is not None
    begun = AdaptiveSchedule(GRAPH, SPACE, Written(upper=0.5), 3, old(*SPACE), 0.03)
    assert run_all(begun) == [RIVAL]


def test_a_configuration_that_failed_is_neither_begun_with_nor_tried_again() -> None:
    known = {"s": Profile("g", "s", (), (FailedRun(RIVAL, "r", "out of memory"),))}
    schedule = AdaptiveSchedule(GRAPH, SPACE, Written(upper=0.5), 2, known, 0.03)
    assert RIVAL not in run_all(schedule)


def test_a_stage_that_fails_everywhere_ends_the_sweep() -> None:
    schedule = AdaptiveSchedule(GRAPH, SPACE, Written(upper=0.5), 2, {}, 0.03)
    tried = []
    while (configs := schedule.next_configs()) is not None:
        tried.append(configs["s"])
        schedule.failed("s", configs["s"])
    assert sorted(tried) == sorted(SPACE)
    assert schedule.stopped == "every configuration of s failed"


@pytest.mark.parametrize("epsilon", [-0.1, float("nan"), float("inf")])
def test_a_regret_to_stop_at_is_a_share(epsilon: float) -> None:
    with pytest.raises(ConfigurationError, match="epsilon"):
        AdaptiveSchedule(GRAPH, SPACE, Written(0.5), 2, {}, epsilon)


AMOUNTS = st.one_of(st.none(), st.floats(0.1, 50))


@given(
    budget=st.builds(Budget, st.one_of(st.none(), st.integers(1, 9)), AMOUNTS, AMOUNTS, AMOUNTS),
    runs=st.lists(st.tuples(*[st.floats(0.01, 20)] * 3), min_size=1, max_size=30),
)
@settings(deadline=None)
def test_a_budget_is_exceeded_by_one_run_at_most(
    budget: Budget, runs: list[tuple[float, float, float]]
) -> None:
    spent = [(0, 0.0, 0.0, 0.0)]
    for seconds, joules, usd in runs:
        if Spent(*spent[-1]).reached(budget):
            break
        before = spent[-1]
        spent.append((before[0] + 1, before[1] + seconds, before[2] + joules, before[3] + usd))
    limits = (budget.runs, budget.seconds, budget.joules, budget.usd)
    for last_but_one in spent[:-1]:
        for amount, limit in zip(last_but_one, limits, strict=True):
            assert limit is None or amount < limit


def test_a_budget_names_its_units() -> None:
    assert Budget.of({"joules": 3, "usd": 0.5}) == Budget(joules=3, usd=0.5)
    assert Budget.of(4) == Budget(runs=4)
    for wrong in ({"kwh": 1.0}, {"joules": 0.0}, {"runs": 1.5}, {"usd": -1.0}):
        with pytest.raises(ConfigurationError, match="budget"):
            Budget.of(wrong)
    unmeasured = Spent(1, 1.0, None, None)
    assert unmeasured.reached(Budget(joules=1.0, usd=1.0)) == ""
    assert Spent(2, 9.0, 5.0, 0.0).reached(Budget(runs=3, joules=4.0)) == "4 J"
