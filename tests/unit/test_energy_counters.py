from dataclasses import replace
from itertools import pairwise

import pytest

from flexecutor_energy.energy import (
    EnergyReading,
    HostTrace,
    ReplayCollector,
    WorkerTrace,
    attribute,
    energy_between,
    unwrapped,
)
from flexecutor_energy.energy.reading import Domain
from flexecutor_energy.errors import ConfigurationError

RANGE = 262_143_328_850
PACKAGE = (0, "package")


def reading(
    at_s: float, counters: dict[Domain, int | None], span: int | None = RANGE
) -> EnergyReading:
    return EnergyReading(at_s, 0.0, counters, "rapl", dict.fromkeys(counters, span))


def test_packages_of_all_sockets_and_dram_are_added_and_parts_of_a_package_are_not() -> None:
    first: dict[Domain, int | None] = {
        (0, "package"): 0,
        (1, "package"): 0,
        (0, "core"): 0,
        (0, "uncore"): 0,
        (0, "dram"): 0,
        (0, "psys"): 0,
    }
    steps = [10, 20, 8, 1, 3, 100]
    second: dict[Domain, int | None] = {
        domain: step * 1_000_000 for domain, step in zip(first, steps, strict=True)
    }
    delta = energy_between(reading(0, first), reading(1, second))
    assert delta.total_j == 33.0
    assert delta.domains_j == {
        "package-0": 10.0,
        "package-1": 20.0,
        "core-0": 8.0,
        "uncore-0": 1.0,
        "dram-0": 3.0,
        "psys-0": 100.0,
    }
    assert delta.reason is None
    assert delta.duration_s == 1.0


def test_the_platform_counts_where_there_is_no_package() -> None:
    delta = energy_between(
        reading(0, {(0, "psys"): 0, (0, "core"): 0}),
        reading(1, {(0, "psys"): 7_000_000, (0, "core"): 3_000_000}),
    )
    assert delta.total_j == 7.0


def test_cores_alone_count_for_themselves_only() -> None:
    delta = energy_between(reading(0, {(0, "core"): 0}), reading(1, {(0, "core"): 5_000_000}))
    assert delta.domains_j == {"core-0": 5.0}
    assert delta.total_j is None


def test_a_wrap_is_undone() -> None:
    before, after = RANGE - 30_000_000, 20_000_000
    delta = energy_between(reading(0, {PACKAGE: before}), reading(1, {PACKAGE: after}))
    assert delta.total_j == pytest.approx(50.0)


def test_a_wrap_in_one_domain_leaves_the_others_alone() -> None:
    delta = energy_between(
        reading(0, {PACKAGE: RANGE - 1_000_000, (0, "dram"): 5_000_000}),
        reading(0.5, {PACKAGE: 1_000_000, (0, "dram"): 8_000_000}),
    )
    assert delta.domains_j == pytest.approx({"package-0": 2.0, "dram-0": 3.0})


@pytest.mark.parametrize("span", [None, 0])
def test_a_fall_without_a_known_range_is_unknown(span: int | None) -> None:
    delta = energy_between(
        reading(0, {PACKAGE: 10}, span or None), reading(1, {PACKAGE: 5}, span or None)
    )
    assert delta.total_j is None
    assert delta.domains_j == {"package-0": None}
    assert "range is not known" in (delta.reason or "")


def test_a_rise_needs_no_range() -> None:
    delta = energy_between(reading(0, {PACKAGE: 5}, None), reading(1, {PACKAGE: 1_000_005}, None))
    assert delta.total_j == 1.0


@pytest.mark.parametrize("before", [1_000_000_000, 100_000_000_000, 250_000_000_000])
def test_a_reset_is_not_taken_for_a_wrap(before: int) -> None:
    delta = energy_between(reading(0, {PACKAGE: before}), reading(1, {PACKAGE: 0}))
    assert delta.total_j is None
    assert "reset" in (delta.reason or "")


@pytest.mark.parametrize("gap_s", [0.0, 0.001, 0.5, 60.0])
def test_a_number_that_was_cut_off_is_unknown_before_and_after(gap_s: float) -> None:
    values = [150_000_000_000, 15_000_000, 150_000_500_000]
    readings = [reading(at * gap_s, {PACKAGE: value}) for at, value in enumerate(values)]
    into, out_of = (energy_between(*pair) for pair in pairwise(readings))
    assert into.total_j is None
    assert out_of.total_j is None
    assert "more than can be drawn" in (out_of.reason or "")


def test_a_rise_beyond_any_power_is_unknown_without_a_range_too() -> None:
    delta = energy_between(
        reading(0, {PACKAGE: 5}, None), reading(1, {PACKAGE: 90_000_000_000}, None)
    )
    assert delta.total_j is None


@pytest.mark.parametrize("span", [1_000_000, RANGE])
def test_a_wrap_between_two_readings_that_follow_at_once_is_undone(span: int) -> None:
    before, after = span - 200_000, 300_000
    delta = energy_between(
        reading(0, {PACKAGE: before}, span), reading(0.0002, {PACKAGE: after}, span)
    )
    assert delta.total_j == pytest.approx(0.5)


def test_a_wrap_right_after_the_first_sample_is_undone_in_the_whole_series() -> None:
    values = [RANGE - 1, 50_000_000, 90_000_000]
    readings = [reading(at, {PACKAGE: value}) for at, value in enumerate(values)]
    assert unwrapped(readings) == {"package-0": [0, 50_000_001, 90_000_001]}


def test_a_series_that_wraps_twice_in_a_gap_is_unknown_there_and_known_around_it() -> None:
    times, watts = [0, 1, 7201, 7202], 100
    values = [watts * 10**6 * time % RANGE for time in times]
    readings = [reading(time, {PACKAGE: value}) for time, value in zip(times, values, strict=True)]
    assert unwrapped(readings) == {"package-0": [0, 10**8, None, 2 * 10**8]}


@pytest.mark.parametrize("step_s", [-1000.0, -0.5, 0.4])
def test_a_wall_clock_that_is_set_does_no_harm(step_s: float) -> None:
    first = replace(reading(0, {PACKAGE: 0}), t_wall_s=1e9)
    second = replace(reading(1, {PACKAGE: 40_000_000}), t_wall_s=1e9 + 1 + step_s)
    assert energy_between(first, second).total_j == 40.0


def test_energy_over_a_sleep_of_the_host_is_unknown() -> None:
    first = replace(reading(100, {PACKAGE: 0}), t_wall_s=1e9)
    second = replace(reading(101, {PACKAGE: 300_000_000}), t_wall_s=1e9 + 3600)
    delta = energy_between(first, second)
    assert delta.total_j is None
    assert "slept" in (delta.reason or "")
    third = replace(reading(102, {PACKAGE: 340_000_000}), t_wall_s=1e9 + 3601)
    assert unwrapped([first, second, third]) == {"package-0": [0, None, 40_000_000]}


def test_two_readings_of_one_instant_have_their_difference_between_them() -> None:
    delta = energy_between(reading(5, {PACKAGE: 100}), reading(5, {PACKAGE: 250}))
    assert (delta.total_j, delta.duration_s) == (0.00015, 0.0)


@pytest.mark.parametrize("after", [120_000_000_000, 5_000_000_000])
def test_a_gap_long_enough_for_two_wraps_is_unknown(after: int) -> None:
    delta = energy_between(reading(0, {PACKAGE: 100_000_000_000}), reading(7200, {PACKAGE: after}))
    assert delta.total_j is None
    assert "more than once" in (delta.reason or "")


def test_a_minute_between_readings_is_not_too_long() -> None:
    delta = energy_between(reading(0, {PACKAGE: 0}), reading(60, {PACKAGE: 3_000_000_000}))
    assert delta.total_j == 3000.0


def test_a_counter_above_its_range_is_unknown() -> None:
    delta = energy_between(reading(0, {PACKAGE: RANGE * 2}), reading(1, {PACKAGE: 5}))
    assert delta.total_j is None


def test_a_meter_that_never_wraps_and_falls_was_reset() -> None:
    first = EnergyReading(0, 0, {PACKAGE: 10}, "model")
    second = EnergyReading(1, 0, {PACKAGE: 5}, "model")
    assert energy_between(first, second).total_j is None
    assert energy_between(second, second).total_j == 0.0


def test_a_domain_that_vanishes_or_returns_makes_the_total_unknown() -> None:
    both: dict[Domain, int | None] = {PACKAGE: 0, (1, "package"): 0}
    one: dict[Domain, int | None] = {PACKAGE: 1_000_000}
    for earlier, later in ((both, one), (one, both)):
        delta = energy_between(reading(0, earlier), reading(1, later))
        assert delta.total_j is None
        assert "package-1: it was not there" in (delta.reason or "")


def test_a_refused_counter_makes_the_total_unknown_and_keeps_its_reason() -> None:
    refused = EnergyReading(
        1, 0, {PACKAGE: None, (0, "dram"): 9}, "rapl", problems={PACKAGE: "no permission"}
    )
    delta = energy_between(reading(0, {PACKAGE: 0, (0, "dram"): 0}), refused)
    assert delta.total_j is None
    assert delta.domains_j == {"package-0": None, "dram-0": 9e-6}
    assert "no permission" in (delta.reason or "")


def test_a_part_of_a_package_that_cannot_be_read_leaves_the_total_known() -> None:
    delta = energy_between(
        reading(0, {PACKAGE: 0, (0, "core"): 0}),
        reading(1, {PACKAGE: 4_000_000, (0, "core"): None}),
    )
    assert delta.total_j == 4.0
    assert delta.domains_j["core-0"] is None
    assert delta.reason is not None


def test_a_clock_that_goes_back_makes_everything_unknown() -> None:
    delta = energy_between(reading(5, {PACKAGE: 0}), reading(4, {PACKAGE: 9}))
    assert delta.total_j is None
    assert "clock" in (delta.reason or "")


def test_readings_without_domains_are_unknown_and_not_0() -> None:
    delta = energy_between(reading(0, {}), reading(1, {}))
    assert delta.total_j is None
    assert delta.reason == "no energy domain was read"


def test_mirrored_dies_count_once_and_distinct_ones_are_added() -> None:
    dies = [(0, "package-die-0"), (0, "package-die-1")]
    start = 50_000_000_000
    mirrored = energy_between(
        reading(0, {dies[0]: start, dies[1]: start + 60_000}),
        reading(1, {dies[0]: start + 40_000_000, dies[1]: start + 40_100_000}),
    )
    assert mirrored.total_j == pytest.approx(40.0)
    assert set(mirrored.domains_j) == {"package-0-die-0", "package-0-die-1"}
    distinct = energy_between(
        reading(0, {dies[0]: start, dies[1]: start}),
        reading(1, {dies[0]: start + 40_000_000, dies[1]: start + 70_000_000}),
    )
    assert distinct.total_j == pytest.approx(110.0)


def test_dies_of_different_sockets_never_mirror_each_other() -> None:
    first: dict[Domain, int | None] = {(0, "package"): 10_000_000, (1, "package"): 10_000_000}
    second: dict[Domain, int | None] = {(0, "package"): 30_000_000, (1, "package"): 30_000_000}
    assert energy_between(reading(0, first), reading(1, second)).total_j == 40.0


def test_readings_of_two_methods_have_nothing_between_them() -> None:
    model = EnergyReading(0, 0, {PACKAGE: 0}, "model")
    with pytest.raises(ConfigurationError, match="'model'"):
        energy_between(model, reading(1, {PACKAGE: 5}))


def test_unwrapped_counters_rise_through_a_wrap() -> None:
    values = [RANGE - 5, 5_000_000, 7_000_000]
    readings = [reading(at, {PACKAGE: value}) for at, value in enumerate(values)]
    assert unwrapped(readings) == {"package-0": [0, 5_000_005, 7_000_005]}


def test_unwrapped_counters_are_none_where_the_energy_is_unknown() -> None:
    values: list[int | None] = [10, None, 30, 40, 20, 25]
    readings = [reading(at, {PACKAGE: value}, None) for at, value in enumerate(values)]
    assert unwrapped(readings) == {"package-0": [0, None, None, 10, None, 15]}
    assert unwrapped(readings[1:3]) == {"package-0": [None, None]}


def test_unwrapped_counters_leave_mirrored_dies_out() -> None:
    dies = [(0, "package-die-0"), (0, "package-die-1")]
    start = 50_000_000_000
    mirrored = [reading(at, dict.fromkeys(dies, start + at * 10**7)) for at in range(3)]
    assert unwrapped(mirrored) == {"package-0-die-0": [0, 10**7, 2 * 10**7]}
    distinct = [
        reading(at, {die: start + at * (1 + number) * 10**7 for number, die in enumerate(dies)})
        for at in range(3)
    ]
    assert set(unwrapped(distinct)) == {"package-0-die-0", "package-0-die-1"}


def test_a_mirrored_die_that_was_not_read_once_does_not_count_twice() -> None:
    dies = [(0, "package-die-0"), (0, "package-die-1")]
    start = 50_000_000_000
    readings = [reading(at, dict.fromkeys(dies, start + at * 10**7)) for at in range(4)]
    lost = {dies[0]: start + 10**7, dies[1]: None}
    readings[1] = replace(readings[1], domains=lost, problems={dies[1]: "EIO"})
    assert unwrapped(readings) == {"package-0-die-0": [0, 10**7, 2 * 10**7, 3 * 10**7]}


def test_mirrored_dies_of_which_one_has_just_wrapped_count_once() -> None:
    dies = [(0, "package-die-0"), (0, "package-die-1")]
    levels = [(RANGE - 10**7, RANGE - 10**7), (RANGE - 5, 3_000), (10**7, 10**7)]
    readings = [
        reading(at, dict(zip(dies, level, strict=True))) for at, level in enumerate(levels)
    ]
    assert unwrapped(readings) == {"package-0-die-0": [0, 10**7 - 5, 2 * 10**7]}


def test_nothing_unwrapped_is_nothing() -> None:
    assert unwrapped([]) == {}


def test_four_workers_share_a_replayed_host_that_wraps() -> None:
    drawn = [0, 40, 90, 120, 160]
    values: list[int | None] = [(RANGE - 70_000_000 + joules * 10**6) % RANGE for joules in drawn]
    recorded = [
        EnergyReading(at, at, {PACKAGE: value}, "rapl", {PACKAGE: RANGE})
        for at, value in enumerate(values)
    ]
    meter = ReplayCollector(recorded)
    readings = [meter.read() for _ in recorded]
    times = [each.t_monotonic_s for each in readings]
    host = HostTrace(times, unwrapped(readings), [4.0 * at for at in range(5)], 4)
    crew = [WorkerTrace(number, [0, 4], [0, 4], 1) for number in range(4)]
    shares = attribute(host, crew, idle_power_w=8.0)
    assert [share.energy_uj for share in shares.workers.values()] == [40_000_000] * 4
    assert shares.total_uj == 160_000_000
