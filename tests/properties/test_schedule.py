"""What a sweep tries: laws of the schedule, on fixed and on random workflows."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexecutor_energy.errors import ConfigurationError, UnknownStageError
from flexecutor_energy.profiling.schedule import Schedule
from flexecutor_energy.records.run import FailedRun, Profile, StageRun, WorkerRecord
from flexecutor_energy.workflow.config import ConfigSpace, StageConfig
from flexecutor_energy.workflow.context import StageContext
from flexecutor_energy.workflow.graph import StageGraph
from flexecutor_energy.workflow.stage import Stage

DIAMOND = [(0, 1), (0, 2), (1, 3), (2, 3)]
SPACE = ConfigSpace(cpu=[0.5, 1, 2], memory=[512], workers=[1, 2, 4])

Runs = Callable[[str, StageConfig], bool]


def nothing(context: StageContext) -> None:
    """Do nothing."""


def graph_of(edges: Sequence[tuple[int, int]], count: int, **options: Any) -> StageGraph:
    stages = [Stage(f"s{number}", nothing, **options) for number in range(count)]
    for parent, child in edges:
        stages[parent] >> stages[child]
    return StageGraph("g").add_stages(stages)


def measured(config: StageConfig, fan_in: dict[str, int], **meta: Any) -> StageRun:
    return StageRun(config, (WorkerRecord(compute_s=1.0),), meta={"fan_in": fan_in, **meta})


@dataclass
class Swept:
    """What a sweep without a backend did."""

    tried: list[dict[str, StageConfig]] = field(default_factory=list)
    done: dict[str, list[StageConfig]] = field(default_factory=lambda: defaultdict(list))
    failed: list[tuple[str, StageConfig]] = field(default_factory=list)
    met: Counter[tuple[str, int, str, int]] = field(default_factory=Counter)


def sweep(
    graph: StageGraph, schedule: Schedule, runs: Runs = lambda s, c: True, limit: int = 10_000
) -> Swept:
    """Play a sweep: every stage runs once its parents have, unless ``runs`` says it fails."""
    swept = Swept()
    while (configs := schedule.next_configs()) is not None:
        assert len(swept.tried) < limit, "the sweep does not end"
        swept.tried.append(configs)
        finished: set[str] = set()
        for stage in graph.topological_order():
            name = stage.stage_id
            if name not in configs or any(p.stage_id not in finished for p in stage.parents):
                continue
            config = configs[name]
            if not runs(name, config):
                schedule.failed(name, config)
                swept.failed.append((name, config))
                continue
            finished.add(name)
            fan_in = {p.stage_id: configs[p.stage_id].workers for p in stage.parents}
            schedule.measured(name, config, measured(config, fan_in))
            swept.done[name].append(config)
            for parent, workers in fan_in.items():
                swept.met[parent, workers, name, config.workers] += 1
    return swept


def test_every_configuration_is_measured_as_often_as_asked() -> None:
    graph = graph_of(DIAMOND, 4)
    swept = sweep(graph, Schedule(graph, SPACE, 3, {}))
    assert len(swept.tried) == 9 * 3
    for stage_id in graph.stage_ids:
        counts = Counter(swept.done[stage_id])
        assert counts == dict.fromkeys(SPACE.for_stage(stage_id), 3)


def test_a_sweep_takes_as_many_runs_as_its_largest_stage_space() -> None:
    graph = graph_of(DIAMOND, 4)
    small = ConfigSpace(cpu=[1], workers=[1])
    space = ConfigSpace(cpu=[1, 2], workers=[1, 2, 4], stages={"s0": small, "s3": small})
    schedule = Schedule(graph, space, 2, {})
    assert schedule.runs_left == 12
    assert len(sweep(graph, schedule).tried) == 12
    assert schedule.runs_left == 0


def test_no_configuration_is_measured_twice_before_all_were_measured_once() -> None:
    graph = graph_of(DIAMOND, 4)
    swept = sweep(graph, Schedule(graph, SPACE, 3, {}))
    for configs in swept.done.values():
        for start in (0, 9, 18):
            assert len(set(configs[start : start + 9])) == 9


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("reps", [1, 2, 3])
def test_worker_counts_of_parents_and_children_meet_evenly(reps: int, seed: int) -> None:
    graph = graph_of([(0, 1), (1, 2), (0, 3), (2, 3)], 4)
    swept = sweep(graph, Schedule(graph, SPACE, reps, {}, seed=seed))
    for parent, child in graph.edges:
        counts = [swept.met[parent, a, child, b] for a in (1, 2, 4) for b in (1, 2, 4)]
        assert sum(counts) == 9 * reps
        assert max(counts) - min(counts) <= 3
    only_parent = [swept.met["s0", a, "s1", b] for a in (1, 2, 4) for b in (1, 2, 4)]
    assert set(only_parent) == {reps}  # with one parent every pair meets equally often


def test_balance_counts_the_workers_that_really_ran() -> None:
    graph = graph_of([(0, 1)], 2)
    space = ConfigSpace(cpu=[1], workers=[1, 2, 4])
    schedule = Schedule(graph, space, 6, {})
    met: Counter[tuple[int, int]] = Counter()
    while (configs := schedule.next_configs()) is not None:
        held = StageConfig(1, min(configs["s0"].workers, 2))  # four workers find two pieces
        schedule.measured("s0", configs["s0"], measured(held, {}))
        schedule.measured("s1", configs["s1"], measured(configs["s1"], {"s0": held.workers}))
        met[held.workers, configs["s1"].workers] += 1
    assert max(met[1, w] for w in (1, 2, 4)) - min(met[1, w] for w in (1, 2, 4)) <= 2
    assert max(met[2, w] for w in (1, 2, 4)) - min(met[2, w] for w in (1, 2, 4)) <= 2


def test_the_same_seed_gives_the_same_order() -> None:
    graph = graph_of(DIAMOND, 4)
    first, second, other = (
        sweep(graph, Schedule(graph, SPACE, 2, {}, seed=seed)).tried for seed in (5, 5, 6)
    )
    assert first == second
    assert first != other


def test_a_sweep_goes_on_where_the_last_one_stopped() -> None:
    graph = graph_of([(0, 1)], 2)
    old = {
        "s0": Profile(
            "g", "s0", (measured(StageConfig(1, 1), {}), measured(StageConfig(1, 1), {}))
        ),
        "s1": Profile("g", "s1", (measured(StageConfig(1, 2), {"s0": 1}),)),
    }
    space = ConfigSpace(cpu=[1], workers=[1, 2])
    swept = sweep(graph, Schedule(graph, space, 2, old))
    assert Counter(swept.done["s0"])[StageConfig(1, 1)] <= 1  # as company for s1 at most
    assert Counter(swept.done["s0"])[StageConfig(1, 2)] >= 2
    assert Counter(swept.done["s1"]) == {StageConfig(1, 1): 2, StageConfig(1, 2): 1}
    assert len(swept.tried) == 3


def test_old_measurements_count_by_what_was_asked_for() -> None:
    graph = graph_of([], 1)
    held = measured(StageConfig(2, 3, 512), {}, requested_workers=8, requested_cpu=0.5)
    old = {"s0": Profile("g", "s0", (held,))}
    space = ConfigSpace.of([StageConfig(0.5, 8, 512)])
    assert Schedule(graph, space, 1, old).next_configs() is None
    assert Schedule(graph, space, 2, old).runs_left == 1


def test_configurations_that_clamping_makes_equal_are_tried_once() -> None:
    graph = graph_of([], 1, max_concurrency=2)
    schedule = Schedule(graph, ConfigSpace(cpu=[1], workers=[1, 2, 4, 8]), 1, {})
    assert {c["s0"].workers for c in sweep(graph, schedule).tried} == {1, 2}


def test_a_configuration_that_failed_is_not_tried_again() -> None:
    graph = graph_of([(0, 1)], 2)
    bad = StageConfig(0.5, 4, 512)
    swept = sweep(graph, Schedule(graph, SPACE, 3, {}), lambda s, c: (s, c) != ("s0", bad))
    assert swept.failed == [("s0", bad)]
    assert Counter(swept.done["s0"])[bad] == 0
    assert Counter(swept.done["s1"]) == dict.fromkeys(SPACE.for_stage("s1"), 3)


def test_a_configuration_that_failed_in_an_earlier_sweep_is_not_tried_again() -> None:
    graph = graph_of([], 1)
    bad = StageConfig(0.5, 4, 512)
    old = {"s0": Profile("g", "s0", (), (FailedRun(bad, "r", "timeout"),))}
    swept = sweep(graph, Schedule(graph, SPACE, 1, old))
    assert set(swept.done["s0"]) == set(SPACE.for_stage("s0")) - {bad}


def test_a_stage_of_which_all_configurations_failed_ends_the_sweep_of_those_after_it() -> None:
    graph = graph_of([(0, 1), (1, 2)], 4)  # s3 stands apart
    schedule = Schedule(graph, SPACE, 2, {})
    swept = sweep(graph, schedule, lambda stage_id, config: stage_id != "s1")
    assert sorted(swept.failed) == sorted(("s1", config) for config in SPACE.for_stage("s1"))
    assert swept.done["s2"] == []
    assert schedule.reachable() == ["s0", "s3", "s1"]
    assert Counter(swept.done["s3"]) == dict.fromkeys(SPACE.for_stage("s3"), 2)
    assert "s1" not in swept.tried[-1]  # nor is it run to no purpose


@pytest.mark.parametrize("reps", [0, -1])
def test_repetitions_start_at_one(reps: int) -> None:
    with pytest.raises(ConfigurationError, match="reps"):
        Schedule(graph_of([], 1), SPACE, reps, {})


def test_a_space_for_an_unknown_stage_is_refused() -> None:
    with pytest.raises(UnknownStageError):
        Schedule(graph_of([], 1), ConfigSpace(stages={"x": SPACE}), 1, {})


@st.composite
def workflows(draw: Any) -> StageGraph:
    count = draw(st.integers(1, 5))
    pairs = [(a, b) for b in range(count) for a in range(b)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return graph_of(edges, count, max_concurrency=draw(st.sampled_from([2, 1024])))


AXIS = st.lists(st.sampled_from([1, 2, 3, 4]), min_size=1, max_size=3, unique=True)
SPACES = st.builds(lambda cpu, workers: ConfigSpace(cpu=cpu, workers=workers), AXIS, AXIS)


@given(
    graph=workflows(),
    space=SPACES,
    reps=st.integers(1, 3),
    share=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=60)
def test_a_sweep_ends_whatever_fails_and_measures_what_can_be_measured(
    graph: StageGraph, space: ConfigSpace, reps: int, share: float, seed: int
) -> None:
    chance = random.Random(seed)
    schedule = Schedule(graph, space, reps, {}, seed=seed)
    most = sum(len(space.for_stage(s)) * reps for s in graph.stage_ids)
    swept = sweep(graph, schedule, lambda s, c: chance.random() >= share, limit=most + 1)
    assert len(set(swept.failed)) == len(swept.failed)
    failed = set(swept.failed)
    for stage_id in schedule.reachable():
        counts = Counter(swept.done[stage_id])
        for config in schedule.needs[stage_id].left:
            assert counts[config] >= reps or (stage_id, config) in failed
    if not failed:
        sizes = [len(schedule.needs[s].left) for s in graph.stage_ids]
        assert len(swept.tried) == max(sizes) * reps
