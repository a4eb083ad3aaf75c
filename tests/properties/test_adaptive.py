"""Laws of adaptive sweeps: of the schedule under any rule, and of the rule on made workflows."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexecutor_energy.decision import RegretRule
from flexecutor_energy.optimization.request import PlanRequest
from flexecutor_energy.pricing import resolve_pricing
from flexecutor_energy.profiling.adaptive import AdaptiveSchedule
from flexecutor_energy.profiling.adaptive_design import spread_out
from flexecutor_energy.profiling.guide import Advice, EstimatedRegret, Rule
from flexecutor_energy.records.run import Profile, StageRun
from flexecutor_energy.workflow.config import ConfigSpace, StageConfig
from flexecutor_energy.workflow.context import StageContext
from flexecutor_energy.workflow.graph import StageGraph
from flexecutor_energy.workflow.stage import Stage
from tests.unit.prediction_profiles import worker

AXIS = st.lists(st.sampled_from([1, 2, 3, 4]), min_size=1, max_size=3, unique=True)
SPACES = st.builds(lambda cpu, workers: ConfigSpace(cpu=cpu, workers=workers), AXIS, AXIS)
GRID = ConfigSpace(cpu=[0.5, 1, 2], memory=[1024], workers=[1, 2, 4])


def nothing(context: StageContext) -> None:
    """Do nothing."""


def chain(count: int) -> StageGraph:
    stages = [Stage(f"s{number}", nothing) for number in range(count)]
    for parent, child in pairwise(stages):
        parent >> child
    return StageGraph("g").add_stages(stages)


def moody(seed: int, space: ConfigSpace) -> Rule:
    """Return a rule whose advice is drawn by chance, the same for the same measurements."""

    def rule(profiles: Mapping[str, Profile]) -> Advice:
        count = sum(len(p.runs) + len(p.failures) for p in profiles.values())
        chance = random.Random(f"{seed} {count}")
        upper = chance.random() * 0.2
        planned, worth = {}, {}
        for stage_id, profile in profiles.items():
            failed = set(profile.failed_configs)
            left = [c for c in space.for_stage(stage_id) if c not in failed]
            planned[stage_id] = chance.choice(left)
            worth[stage_id] = {c: max(0.0, chance.random() - 0.3) for c in left}
        return Advice(EstimatedRegret(upper / 2, upper, 0.9), planned, worth)

    return rule


def made_run(config: StageConfig, fan_in: Mapping[str, int], chance: random.Random) -> StageRun:
    factor = chance.lognormvariate(0, 0.03)
    workers = tuple(
        worker(config, factor, max(fan_in.values(), default=0)) for _ in range(config.workers)
    )
    return StageRun(config, workers, meta={"fan_in": dict(fan_in), "run_id": chance.random()})


def play(
    graph: StageGraph, schedule: AdaptiveSchedule, seed: int, share: float = 0.0, limit: int = 500
) -> list[dict[str, StageConfig]]:
    """Play a sweep in which each stage fails by chance; return what was tried."""
    chance = random.Random(seed)
    tried: list[dict[str, StageConfig]] = []
    while (configs := schedule.next_configs()) is not None:
        assert len(tried) < limit, "the sweep does not end"
        tried.append(configs)
        finished: set[str] = set()
        for stage in graph.topological_order():
            before = [p.stage_id for p in stage.parents]
            if stage.stage_id not in configs or not set(before) <= finished:
                continue
            config = configs[stage.stage_id]
            if chance.random() < share:
                schedule.failed(stage.stage_id, config)
                continue
            finished.add(stage.stage_id)
            fan_in = {parent: configs[parent].workers for parent in before}
            schedule.measured(stage.stage_id, config, made_run(config, fan_in, chance))
    return tried


@given(
    stages=st.integers(1, 4),
    space=SPACES,
    reps=st.integers(1, 3),
    share=st.sampled_from([0.0, 0.2, 0.6]),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=60)
def test_an_adaptive_sweep_ends_within_the_grid_whatever_the_rule_says(
    stages: int, space: ConfigSpace, reps: int, share: float, seed: int
) -> None:
    graph = chain(stages)
    schedule = AdaptiveSchedule(graph, space, moody(seed, space), reps, {}, 0.03, seed)
    most = sum(len(needs.left) for needs in schedule.needs.values()) * reps
    tried = play(graph, schedule, seed, share, limit=most + 1)
    assert schedule.stopped
    assert schedule.runs_left == 0
    for configs in tried:
        for stage_id, config in configs.items():
            assert config in space.for_stage(stage_id)
    if share == 0:
        for stage_id in graph.stage_ids:
            assert set(schedule.needs[stage_id].runs) <= set(space.for_stage(stage_id))
    repeated = AdaptiveSchedule(graph, space, moody(seed, space), reps, {}, 0.03, seed)
    assert play(graph, repeated, seed, share, limit=most + 1) == tried


@given(
    configs=st.lists(
        st.builds(
            StageConfig,
            st.sampled_from([0.5, 1, 2]),
            st.sampled_from([1, 2, 8]),
            st.sampled_from([0, 512, 1024]),
        ),
        min_size=1,
        max_size=12,
        unique=True,
    ),
    seed=st.integers(0, 9),
)
@settings(deadline=None, max_examples=100)
def test_a_sweep_begins_with_few_different_configurations_of_its_space(
    configs: Sequence[StageConfig], seed: int
) -> None:
    first = spread_out(configs, seed)
    assert 1 <= len(first) <= 5
    assert len(set(first)) == len(first)
    assert set(first) <= set(configs)
    if len({c.cpu for c in configs}) > 1 and len({c.workers for c in configs}) > 1:
        assert len(first) >= min(3, len(configs))


def request(**changes: Any) -> PlanRequest:
    given = {
        "objective": "energy",
        "max_time": None,
        "max_cost": None,
        "max_energy": None,
        "confidence": 0.95,
        "scope": "provisioned",
        "pricing": resolve_pricing(None),
        **changes,
    }
    return PlanRequest(**given)


def made(
    graph: StageGraph, configs: Sequence[StageConfig], reps: int, seed: int
) -> dict[str, Profile]:
    chance = random.Random(seed)
    profiles = {}
    for stage in graph.stages:
        runs = [
            made_run(config, {p.stage_id: chance.choice([1, 2, 4]) for p in stage.parents}, chance)
            for config in configs
            for _ in range(reps)
        ]
        profiles[stage.stage_id] = Profile("g", stage.stage_id, tuple(runs))
    return profiles


@given(
    seed=st.integers(0, 30),
    objective=st.sampled_from(["energy", "time", "cost", "edp"]),
    deadline=st.sampled_from([None, 8.0, 40.0]),
    count=st.integers(1, 6),
)
@settings(deadline=None, max_examples=12)
def test_an_estimated_regret_is_never_below_nothing_and_the_same_again(
    seed: int, objective: str, deadline: float | None, count: int
) -> None:
    graph = chain(2)
    profiles = made(graph, list(GRID)[:: 9 // count][:count], 1, seed)
    rule = RegretRule(graph, GRID, request(objective=objective, max_time=deadline), seed)
    advice = rule(profiles)
    regret = advice.regret
    assert 0 <= regret.share < np.inf
    assert 0 <= regret.upper < np.inf
    amounts = {"energy": regret.joules, "time": regret.seconds, "cost": regret.usd}
    concerned = {"edp": {"energy", "time"}}.get(objective, {objective})
    concerned = concerned | ({"time"} if deadline else set())
    assert {metric for metric, amount in amounts.items() if amount is not None} == concerned
    assert all(amount is None or amount >= 0 for amount in amounts.values())
    assert set(advice.planned) == set(advice.worth) == set(graph.stage_ids)
    for stage_id, table in advice.worth.items():
        assert set(table) <= set(GRID)
        assert advice.planned[stage_id] in table
        assert min(table.values()) >= 0
    assert rule(profiles) == advice


@pytest.mark.parametrize("seed", range(3))
def test_measuring_everything_leaves_little_regret(seed: int) -> None:
    graph = chain(2)
    few, all_ = (
        RegretRule(graph, GRID, request(max_time=12.0), seed)(profiles).regret.share
        for profiles in (made(graph, list(GRID)[:2], 1, seed), made(graph, list(GRID), 6, seed))
    )
    assert all_ < 0.02
    assert all_ < few


def test_a_sweep_by_regret_measures_a_part_of_the_grid_and_plans_nearly_the_best() -> None:
    graph = chain(2)
    space = ConfigSpace(cpu=[0.5, 1, 1.5, 2], memory=[1024], workers=[1, 2, 3, 4, 6, 8])
    rule = RegretRule(graph, space, request(objective="energy", max_time=9.0), 0)
    schedule = AdaptiveSchedule(graph, space, rule, 3, {}, 0.03, 0)
    tried = play(graph, schedule, 0)
    assert 4 <= len(tried) <= len(space) * 3 / 2  # half of an ordinary sweep
    assert schedule.regret is not None
    assert schedule.regret.upper <= 0.03
    counts = Counter(config for configs in tried for config in configs.values())
    assert set(counts) < set(space)
