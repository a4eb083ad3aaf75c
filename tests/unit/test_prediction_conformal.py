"""Ranks of conformal bounds and intervals, by hand."""

import numpy as np
import pytest

from flexecutor_energy.prediction.conformal import (
    UNMEASURED_RATIO,
    band,
    needed_runs,
    upper_bound,
)


@pytest.mark.parametrize(("level", "runs"), [(0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99)])
def test_needed_runs(level: float, runs: int) -> None:
    assert needed_runs(level) == runs
    ratios = np.linspace(1.0, 2.0, runs)
    assert upper_bound(ratios, level).enough
    assert not upper_bound(ratios[1:], level).enough


def test_a_bound_is_the_smallest_ratio_with_enough_runs_below_it() -> None:
    ratios = np.arange(1, 20) / 10  # 0.1 … 1.9
    assert upper_bound(ratios, 0.9).factor == pytest.approx(1.8)
    assert upper_bound(ratios, 0.95).factor == pytest.approx(1.9)
    assert upper_bound(ratios, 0.2).factor == 1.0


def test_too_few_runs_give_the_widest_ratio() -> None:
    bound = upper_bound(np.array([1.1, 1.3, np.nan]), 0.95)
    assert (bound.factor, bound.runs, bound.enough) == (1.3, 2, False)


def test_no_runs_give_the_assumed_ratio() -> None:
    assert upper_bound(np.array([]), 0.9).factor == UNMEASURED_RATIO
    nothing = band(10.0, np.array([np.nan]), np.array([np.nan]), 0.9)
    assert nothing.interval.low == pytest.approx(10.0 / UNMEASURED_RATIO)
    assert not nothing.enough


def test_a_band_is_symmetric_in_ratios_and_ranked() -> None:
    errors = np.exp(np.arange(1, 10) / 100)  # 1 % … 9 %
    result = band(10.0, np.full(9, 10.0), 10.0 * errors, 0.9)
    assert result.enough
    assert result.interval.high == pytest.approx(10.0 * np.exp(0.09))
    assert result.interval.low == pytest.approx(10.0 / np.exp(0.09))
    assert band(10.0, np.full(9, 10.0), 10.0 * errors, 0.5).interval.high == pytest.approx(
        10.0 * np.exp(0.05)
    )


def test_a_band_widens_where_models_disagree() -> None:
    drawn = np.full(9, 1.05)
    agreeing = band(1.0, np.full(9, 1.0), drawn, 0.9).interval
    spread = np.linspace(0.7, 1.3, 9)
    disagreeing = band(1.0, spread, spread * 1.05, 0.9).interval
    assert disagreeing.high > agreeing.high
    assert disagreeing.low < agreeing.low


def test_a_band_always_holds_its_mean() -> None:
    result = band(5.0, np.full(9, 1.0), np.full(9, 1.01), 0.9)
    assert result.interval.low <= 5.0 <= result.interval.high


def test_nothing_has_no_width() -> None:
    result = band(0.0, np.zeros(9), np.zeros(9), 0.9)
    assert (result.interval.low, result.interval.high) == (0.0, 0.0)
