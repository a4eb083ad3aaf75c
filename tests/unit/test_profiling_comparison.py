"""What a comparison of energy methods says of its runs."""

import pytest

from flexecutor_energy.energy.method import EnergyMethod
from flexecutor_energy.profiling.comparison import ComparedRun, MethodComparison, Spread
from flexecutor_energy.workflow.config import StageConfig

HOWS = {
    "rapl": EnergyMethod("rapl", "package", True, "counters", "counter"),
    "model": EnergyMethod("model", "wall", True, "a table", "host", (0.5, 1.5)),
}


def run(workers: int, repetition: int, rapl: float | None, model: float) -> ComparedRun:
    joules = {"rapl": rapl, "model": model}
    return ComparedRun(workers, repetition, 4.0 / max(workers, 1), 4.0, joules, joules)


def comparison(*runs: ComparedRun) -> MethodComparison:
    return MethodComparison("d", StageConfig(1, 1, 512), runs, HOWS, (("perf", "no PMU"),))


FULL = comparison(
    run(1, 0, 10.0, 20.0),
    run(1, 1, 12.0, 22.0),
    run(2, 0, 9.0, 30.0),
    run(2, 1, 9.5, 31.0),
    run(0, 0, 5.0, 10.0),
)


def test_each_method_has_its_own_minimum_and_the_native_process_is_none() -> None:
    assert FULL.least("rapl") == 2
    assert FULL.least("model") == 1
    assert FULL.worker_counts == [1, 2]
    assert FULL.has_native


def test_repetitions_are_given_by_mean_and_extremes() -> None:
    assert FULL.energy("rapl", 1) == Spread(11.0, 10.0, 12.0)
    assert FULL.time(2) == Spread(2.0, 2.0, 2.0)
    assert FULL.energy("rapl", 0) == Spread(5.0, 5.0, 5.0)


def test_a_repetition_without_energy_makes_that_count_unknown_and_never_zero() -> None:
    gaps = comparison(run(1, 0, None, 20.0), run(1, 1, 12.0, 22.0), run(2, 0, 13.0, 30.0))
    assert gaps.energy("rapl", 1) is None
    assert gaps.least("rapl") == 2
    assert gaps.energy("model", 1) == Spread(21.0, 20.0, 22.0)


def test_methods_are_compared_run_by_run() -> None:
    ratio = FULL.ratios()["rapl", "model"]
    assert ratio.mean == pytest.approx(0.5)
    assert ratio.low == pytest.approx(9 / 30)
    assert ratio.high == pytest.approx(12 / 22)


def test_rows_say_what_is_modelled_and_leave_unknown_joules_empty() -> None:
    rows = comparison(run(1, 0, None, 20.0)).rows()
    assert [row["source"] for row in rows] == ["measured", "modelled"]
    assert rows[0]["energy_j"] is None
    assert rows[1]["band_low"] == 0.5
