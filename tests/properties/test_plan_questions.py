"""Laws of what plans answer about themselves: what-if, comparison, robustness."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flexecutor_energy.errors import InfeasibleError
from flexecutor_energy.optimization import Plan
from flexecutor_energy.optimization.certificate import objective_value
from flexecutor_energy.optimization.objective import Objective
from flexecutor_energy.optimization.robustness import robustness_in
from flexecutor_energy.optimization.table import Candidate, StageOptions
from flexecutor_energy.optimization.worlds import World, draw_worlds
from flexecutor_energy.records.power_facts import PowerFacts
from tests.unit.power_plans import POWER, candidate, plan_of

OBJECTIVES: list[Objective] = ["energy", "time", "cost", "edp"]


@st.composite
def candidates(draw: st.DrawFn, workers: int, parent: int | None) -> Candidate:
    seconds = draw(st.floats(0.5, 20.0))
    busy = draw(st.floats(0.0, 1.0))
    return candidate(
        seconds,
        busy * seconds * POWER.cores,
        draw(st.floats(0.0, 4.0)) * seconds,
        workers=workers,
        gb_s=draw(st.floats(0.0, 4.0)) * seconds,
        fan_in=None if parent is None else {"a": parent},
    )


@st.composite
def plans(draw: st.DrawFn, objectives: list[Objective] = OBJECTIVES) -> Plan:
    """Return plans of two stages in a row, perhaps with a fan-in, beside a third."""
    coupled = draw(st.booleans())
    first = [draw(candidates(workers, None)) for workers in (1, 2, 4)]
    fan_ins = [1, 2, 4] if coupled else [None]
    second = [draw(candidates(workers, above)) for workers in (1, 2) for above in fan_ins]
    third = [draw(candidates(workers, None)) for workers in (1, 3)]
    table = (
        StageOptions("a", tuple(first)),
        StageOptions("b", tuple(second)),
        StageOptions("c", tuple(third)),
    )
    scope = draw(st.sampled_from(["marginal", "provisioned", "host"]))
    return plan_of(
        table,
        (("a", "b"),),
        objective=draw(st.sampled_from(objectives)),
        scope=scope,
        idle_power_w=4.0 if scope == "host" else 0.0,
    )


def bounded(plan: Plan, tightness: float) -> Plan:
    """Return the plan under a deadline between the fastest and its own."""
    fastest = plan.what_if(objective="time").time.mean
    deadline = (fastest + tightness * (plan.time.mean - fastest)) * 1.3
    return plan.what_if(max_time=deadline)


@settings(deadline=None, max_examples=40)
@given(plan=plans(), tightness=st.floats(0, 1), looser=st.floats(1.0, 3.0))
def test_a_looser_bound_never_makes_a_worse_plan(
    plan: Plan, tightness: float, looser: float
) -> None:
    tight = bounded(plan, tightness)
    assert tight.terms.max_time is not None
    loose = tight.what_if(max_time=tight.terms.max_time * looser)
    free = tight.what_if(max_time=None)
    slack = 1 + 1e-9
    assert loose.certificate.objective <= tight.certificate.objective * slack
    assert free.certificate.objective <= loose.certificate.objective * slack
    for answer in (tight, loose, free):
        assert answer.verify().ok


@settings(deadline=None, max_examples=30)
@given(plan=plans(), share=st.floats(0.3, 1.5))
def test_answers_keep_their_bounds_or_say_what_can_be_had(plan: Plan, share: float) -> None:
    bound = plan.time.mean * share
    try:
        answer = plan.what_if(max_time=bound)
    except InfeasibleError as error:
        assert error.attainable is not None
        assert error.attainable > bound
        assert plan.what_if(max_time=error.attainable * (1 + 1e-9)).time.mean <= error.attainable
    else:
        assert answer.time.mean * answer.terms.margin("time") <= bound * (1 + 1e-6)


@settings(deadline=None, max_examples=40)
@given(plan=plans(), tightness=st.floats(0, 1))
def test_extremes_are_extreme_and_savings_hold_their_mean(plan: Plan, tightness: float) -> None:
    compared = bounded(plan, tightness).compare()
    chosen = compared["chosen"]
    assert compared["fastest"].time.mean <= chosen.time.mean
    assert chosen.cost is not None
    cheapest = compared["cheapest"].cost
    assert cheapest is not None and cheapest.mean <= chosen.cost.mean
    for other in compared.plans:
        assert other.saving.low <= other.saving.mean <= other.saving.high
        if not other.broken:
            assert other.saving.mean >= -1e-9 * abs(plan.certificate.objective)


@settings(deadline=None, max_examples=40)
@given(plan=plans(["energy", "edp"]), tightness=st.floats(0, 1), seed=st.integers(0, 9))
def test_regret_is_never_negative_and_shares_are_shares(
    plan: Plan, tightness: float, seed: int
) -> None:
    plan = bounded(plan, tightness)
    sure = plan.robustness(servers=20, seed=seed)
    assert sure.best_share is not None
    assert sure.worst_regret is not None and sure.calibrated_worst_regret is not None
    assert 0 <= sure.best_share <= 1
    assert sure.worst_regret >= 0
    assert sure.calibrated_worst_regret >= 0
    assert sure.worlds == 26
    assert (sure.best_share == 1) == (sure.worst_regret <= 0.005)
    assert plan.robustness(servers=20, seed=seed) == sure


@settings(deadline=None, max_examples=30)
@given(plan=plans(["energy", "edp"]), data=st.data())
def test_a_plan_that_is_best_in_every_world_has_no_regret(plan: Plan, data: st.DataObject) -> None:
    """Worlds that only scale the own model leave the choice as it is."""
    factors = data.draw(st.lists(st.floats(0.1, 10.0), min_size=1, max_size=4))
    loads = (0.0, 0.1, 0.5, 1.0)
    own = [POWER.idle_w + POWER.dynamic_w(load) for load in loads]
    worlds = [World("scaled", tuple(factor * watts for watts in own)) for factor in factors]
    sure = robustness_in(plan, worlds)
    assert sure.best_share == 1.0
    assert sure.worst_regret == pytest.approx(0.0, abs=1e-9)
    assert sure.calibrated_worst_regret == pytest.approx(0.0, abs=1e-9)
    assert sure.undecided_against == ()


@settings(deadline=None, max_examples=25)
@given(plan=plans(["energy"]), world=st.integers(0, 25))
def test_regret_equals_that_of_solving_the_world_itself(plan: Plan, world: int) -> None:
    """The plan of least energy in a world, by the solver on that world's joules."""
    (only,) = draw_worlds(POWER, 20)[world : world + 1]
    sure = robustness_in(plan, [only])
    there = in_world(plan, POWER, only)
    mine = objective_value(replace(there, choice=plan.choice).evaluation(), "energy")
    assume(there.certificate.objective > 0)
    assert sure.worst_regret == pytest.approx(
        mine / there.certificate.objective - 1, abs=1e-9, rel=1e-6
    )


def in_world(plan: Plan, power: PowerFacts, world: World) -> Plan:
    """Return the plan made from joules that are computed here again, one by one."""

    def moved(own: Candidate) -> Candidate:
        assert own.energy is not None and own.dynamic_j is not None
        load = min(own.dynamic_j / power.rate_w / own.time.mean / power.cores, 1.0)
        above = 0.0
        for (low, at_low), (high, at_high) in itertools.pairwise(points):
            if low <= load <= high:
                above = at_low + (at_high - at_low) * (load - low) / (high - low) - points[0][1]
                break
        joules = above * power.cores * own.time.mean
        idle = max(own.energy.mean - own.dynamic_j, 0.0)
        joules += idle / power.idle_w * points[0][1]
        if plan.terms.scope == "provisioned":
            joules += own.memory_gb_s * world.memory_w_gb
        return replace(own, energy=replace(own.energy, mean=joules, low=0.0, high=1e9))

    points = list(zip((0.0, 0.1, 0.5, 1.0), world.watts, strict=True))
    table = tuple(StageOptions(o.stage_id, tuple(map(moved, o.candidates))) for o in plan.table)
    idle = plan.terms.idle_power_w / power.idle_w * points[0][1]
    return plan_of(
        table, plan.edges, objective="energy", scope=plan.terms.scope, idle_power_w=idle
    )
