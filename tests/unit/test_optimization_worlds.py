"""Worlds: what real servers draw, and what that makes of a candidate's joules."""

import statistics
from dataclasses import replace

import pytest

from flexecutor_energy.energy.specpower import LOADS, MEDIAN, P10, P90
from flexecutor_energy.optimization.world_energy import load_of, world_energies
from flexecutor_energy.optimization.worlds import MEMORY_W_GB, World, draw_worlds
from flexecutor_energy.records.power_facts import PowerFacts
from tests.unit.power_plans import POWER, candidate, one_stage

SPREAD = World("spread", (2.0, 3.0, 5.0, 8.0))


def test_servers_are_spread_as_published() -> None:
    drawn = [world for world in draw_worlds(POWER, 4000, 1) if world.name.startswith("server")]
    assert len(drawn) == 4000
    scale = POWER.full_w / MEDIAN[-1]
    for place, (low, middle, high) in enumerate(zip(P10, MEDIAN, P90, strict=True)):
        ratios = [world.watts[place] / scale for world in drawn]
        ends = statistics.quantiles(ratios, n=10)
        assert (ends[0], ends[4], ends[8]) == pytest.approx((low, middle, high), rel=0.06)


def test_the_same_seed_gives_the_same_worlds() -> None:
    assert draw_worlds(POWER, 20, 3) == draw_worlds(POWER, 20, 3)
    assert draw_worlds(POWER, 20, 3) != draw_worlds(POWER, 20, 4)
    assert draw_worlds(POWER, 20, 3) == draw_worlds(POWER, 30, 3)[:26]


def test_no_world_draws_less_under_more_load() -> None:
    for world in draw_worlds(POWER, 500):
        assert list(world.watts) == sorted(world.watts)
        assert world.idle_w > 0


def test_memory_counts_beside_cores_in_every_other_world() -> None:
    watts = [world.memory_w_gb for world in draw_worlds(POWER, 10)]
    assert watts == [0.0, MEMORY_W_GB] * 8


def test_measured_ends_stay_and_only_the_shape_is_drawn() -> None:
    calibrated = replace(POWER, origin="calibrated")
    worlds = draw_worlds(calibrated, 50)
    for world in worlds:
        assert (world.watts[0], world.watts[-1]) == pytest.approx((1.0, 5.0))
    assert len({world.watts[1] for world in worlds}) > 40


def test_calibrating_leaves_the_median_shape_between_the_true_ends() -> None:
    # wall power over TDP is .19, .34, .56 and 1.05 in the median: .17 and .43 of the way up
    between = [2.0 + 6.0 * (ratio - 0.19) / 0.86 for ratio in (0.34, 0.56)]
    assert SPREAD.calibrated().watts == pytest.approx([2.0, *between, 8.0])


def test_calibrating_tells_a_curve_with_more_points_as_much() -> None:
    fine = World("fine", (2.0, 2.5, 4.0, 8.0), loads=(0.0, 0.3, 0.75, 1.0))
    assert fine.calibrated().watts[0::3] == (2.0, 8.0)
    assert fine.calibrated().watts[1] == pytest.approx(2.0 + 6.0 * (0.15 + 0.11) / 0.86)


def test_joules_of_a_candidate_in_another_world() -> None:
    # 10 s with 8 CPU seconds on 4 cores: a load of 0.2; 20 core-seconds are reserved
    own = candidate(10.0, 8.0, 20.0, gb_s=5.0)
    assert own.energy is not None
    assert own.energy.mean == 8.0 * 4.0 + 20.0
    assert load_of(own, POWER) == pytest.approx(0.2)
    # at a load of 0.2 the spread world draws 3.5 W a core, 1.5 W above idle, on 4 cores for 10 s
    idle, dynamic = 20.0 * 2.0, 1.5 * 4 * 10.0
    with_memory = replace(SPREAD, memory_w_gb=0.4)

    def joules(world: World, scope: str) -> float:
        return float(world_energies(one_stage(own), POWER, [world], scope)[0][0, 0])

    assert joules(SPREAD, "provisioned") == pytest.approx(idle + dynamic)
    assert joules(with_memory, "provisioned") == pytest.approx(idle + dynamic + 2.0)
    assert joules(with_memory, "host") == pytest.approx(idle + dynamic)


def test_a_world_like_the_own_model_changes_nothing() -> None:
    bent = PowerFacts("modelled", idle_w=1.0, rate_w=4.0, bend_w=-2.0, cores=4.0)
    for power in (POWER, bent):
        for cpu_s in (0.0, 4.0, 20.0, 40.0):  # at loads where the worlds have their corners
            own = candidate(10.0, cpu_s, 12.0, power=power)
            same = World("same", tuple(power.idle_w + power.dynamic_w(load) for load in LOADS))
            (joules,) = world_energies(one_stage(own), power, [same], "provisioned")
            assert own.energy is not None
            assert joules[0, 0] == pytest.approx(own.energy.mean)
            assert load_of(own, power) == pytest.approx(cpu_s / 40.0)
