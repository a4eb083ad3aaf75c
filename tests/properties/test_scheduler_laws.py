"""What must hold for every scheduler: no plan beats the optimum, no claim is wrong."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexecutor_energy.errors import InfeasibleError
from flexecutor_energy.optimization import Problem, evaluate, exhaustive
from flexecutor_energy.optimization.objective import Objective
from flexecutor_energy.optimization.schedulers import Instance, Scheduler, breaks, naive, published
from flexecutor_energy.optimization.schedulers.space import makespans
from flexecutor_energy.workflow.config import StageConfig

GRID = [StageConfig(cpu, workers) for cpu, workers in product((0.5, 1, 2), (1, 2, 4))]
ALL: list[Scheduler] = [*published(), *naive(seed=7)]
LOOK_AT_DRAWS = {"jolteon", "orion"}
CLOSE = 1e-9


@st.composite
def instances(draw: st.DrawFn, drawn: bool = False) -> Instance:
    """Draw workflows with links, idle power and bounds, small enough to try all choices."""
    count = draw(st.integers(1, 4))
    configs = [draw(st.lists(st.sampled_from(GRID), min_size=1, max_size=5)) for _ in range(count)]
    sizes = [len(own) for own in configs]

    def table(most: int) -> list[np.ndarray]:
        cell = st.integers(0, most).map(float)
        return [np.array(draw(st.lists(cell, min_size=size, max_size=size))) for size in sizes]

    pairs = [(i, j) for j in range(count) for i in range(j)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    linked = draw(st.lists(st.sampled_from(edges), unique=True, max_size=2)) if edges else []
    links = [
        (
            i,
            j,
            [config.workers for config in configs[i]],
            draw(st.lists(st.sampled_from((1, 2, 4)), min_size=sizes[j], max_size=sizes[j])),
        )
        for i, j in linked
    ]
    times = table(20)
    problem = Problem(
        times=times,
        energies=table(30),
        costs=table(10),
        edges=edges,
        idle_power_w=draw(st.sampled_from([0.0, 1.5])),
        max_time=draw(st.one_of(st.none(), st.integers(5, 60))),
        max_energy=draw(st.one_of(st.none(), st.integers(10, 120))),
        max_cost=draw(st.one_of(st.none(), st.integers(5, 40))),
        links=links,
    )
    draws = None
    if drawn:
        factor = st.floats(0.5, 2.0)
        draws = [
            times[stage][None, :]
            * np.array(draw(st.lists(factor, min_size=10, max_size=10)))[:, None]
            for stage in range(count)
        ]
    objective: Objective = draw(st.sampled_from(["energy", "time", "cost", "edp"]))
    default = tuple(draw(st.integers(0, size - 1)) for size in sizes)
    return Instance(problem, objective, configs, draws, 0.9, default)


def optimum(instance: Instance) -> float | None:
    try:
        return exhaustive(instance.problem, instance.objective).certificate.objective
    except InfeasibleError:
        return None


def value(instance: Instance, choice: tuple[int, ...]) -> float:
    plan = evaluate(instance.problem, choice)
    if instance.objective == "edp":
        return plan.value("energy") * plan.makespan_s
    return plan.value(instance.objective)


@pytest.mark.parametrize("scheduler", ALL, ids=lambda scheduler: scheduler.name)
@settings(deadline=None, max_examples=40)
@given(instance=instances())
def test_no_scheduler_beats_the_optimum_or_says_what_is_not_so(
    scheduler: Scheduler, instance: Instance
) -> None:
    proposal = scheduler.choose(instance)
    broken = breaks(instance, proposal)
    assert proposal.kept is not bool(broken)
    best = optimum(instance)
    if proposal.kept:
        assert best is not None
        assert proposal.choice is not None
        assert value(instance, proposal.choice) >= best * (1 - CLOSE)
    if proposal.choice is not None:
        assert [0 <= c < n for c, n in zip(proposal.choice, instance.problem.sizes, strict=True)]


@pytest.mark.parametrize("scheduler", ALL, ids=lambda scheduler: scheduler.name)
@settings(deadline=None, max_examples=15)
@given(instance=instances(drawn=True))
def test_equal_instances_get_equal_answers(scheduler: Scheduler, instance: Instance) -> None:
    again = Instance(
        instance.problem,
        instance.objective,
        [list(own) for own in instance.configs],
        instance.draws,
        instance.confidence,
        instance.default,
    )
    assert scheduler.choose(instance) == scheduler.choose(again)


@pytest.mark.parametrize("scheduler", ALL, ids=lambda scheduler: scheduler.name)
@settings(deadline=None, max_examples=25)
@given(instance=instances(drawn=True))
def test_bounds_are_kept_in_the_share_of_draws_that_was_asked_for(
    scheduler: Scheduler, instance: Instance
) -> None:
    proposal = scheduler.choose(instance)
    if scheduler.name not in LOOK_AT_DRAWS:
        assert proposal.kept is not bool(breaks(instance, proposal))
        return
    if proposal.choice is None:
        assert not proposal.kept
        return
    problem, choice = instance.problem, proposal.choice
    spans = makespans(
        problem, [own[:, c] for own, c in zip(instance.seconds(), choice, strict=True)]
    )
    in_time = np.mean(spans <= problem.limit("time")) >= instance.confidence - CLOSE
    others = breaks(
        Instance(problem.with_bounds({"time": None}), instance.objective, instance.configs),
        proposal,
    )
    assert proposal.kept is (bool(in_time) and not others)
