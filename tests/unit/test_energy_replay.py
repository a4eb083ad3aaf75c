from itertools import pairwise

import pytest

from flexecutor_energy.energy import EnergyReading, ReplayCollector, energy_between, unwrapped
from flexecutor_energy.errors import ConfigurationError

PACKAGE = (0, "package")


def test_a_recording_is_given_back_in_order() -> None:
    meter = ReplayCollector.from_series([0.0, 2.0], {PACKAGE: [5_000_000, 9_000_000]})
    delta = energy_between(meter.read(), meter.read())
    assert delta.total_j == 4.0
    assert delta.duration_s == 2.0


def test_after_the_last_reading_nothing_is_known() -> None:
    meter = ReplayCollector.from_series([0.0], {PACKAGE: [5]})
    first, over = meter.read(), meter.read()
    assert over.domains == {PACKAGE: None}
    assert "over" in over.problems[PACKAGE]
    assert energy_between(first, over).total_j is None


def test_ranges_problems_and_gaps_of_a_recording_are_kept() -> None:
    recorded = [
        EnergyReading(0, 0, {PACKAGE: 90}, "rapl", {PACKAGE: 100}),
        EnergyReading(1, 1, {PACKAGE: 10}, "rapl", {PACKAGE: 100}),
        EnergyReading(2, 2, {PACKAGE: None}, "rapl", {PACKAGE: 100}, {PACKAGE: "EIO"}),
    ]
    meter = ReplayCollector(recorded)
    readings = [meter.read() for _ in recorded]
    assert {reading.method for reading in readings} == {"replay"}
    assert readings[0].ranges_uj == {PACKAGE: 100}
    assert readings[2].problems == {PACKAGE: "EIO"}


def test_a_recording_without_energy_that_counts_is_not_available() -> None:
    assert not ReplayCollector([]).probe().ok
    assert not ReplayCollector.from_series([0.0], {(0, "core"): [5]}).probe().ok
    assert ReplayCollector.from_series([0.0], {PACKAGE: [5]}).probe().ok


def test_a_series_of_another_length_than_its_times_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="1 values for 2 times"):
        ReplayCollector.from_series([0.0, 1.0], {PACKAGE: [5]})


def test_a_recording_with_all_that_goes_wrong_replays_what_is_known() -> None:
    # time, wall clock, counter: a wrap, a lost read, a doubled time, a wall clock that is set
    # back, a suspend, a reset
    recorded = [
        (0, 1000, 90_000_000_000),
        (1, 1001, 40_000_000),
        (2, 1002, None),
        (3, 1003, 120_000_000),
        (3, 1003, 121_000_000),
        (4, 400, 161_000_000),
        (5, 4001, 900_000_000),
        (6, 4002, 0),
        (7, 4003, 40_000_000),
    ]
    span = {PACKAGE: 90_010_000_000}
    meter = ReplayCollector(
        [EnergyReading(at, wall, {PACKAGE: uj}, "rapl", span) for at, wall, uj in recorded]
    )
    readings = [meter.read() for _ in recorded]
    joules = [energy_between(*pair).total_j for pair in pairwise(readings)]
    assert joules == [50.0, None, None, 1.0, 40.0, None, None, 40.0]
    levels = unwrapped(readings)["package-0"]
    assert levels == [0, 50_000_000, None, None, 51_000_000, 91_000_000, None, None, 131_000_000]
