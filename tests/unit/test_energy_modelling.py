import json

import pytest

from flexecutor_energy.energy import (
    EnergyMethod,
    HostTrace,
    WorkerTrace,
    attribute,
    linear_energy,
    model_host_trace,
    modelled,
    modelled_energy,
)
from flexecutor_energy.energy.curves import default_curve, tdp_curve
from flexecutor_energy.errors import ConfigurationError, EnergyFormatError
from flexecutor_energy.quantities import Interval

CURVE = tdp_curve("Acme A1", 100.0, threads=4)


def test_a_host_is_modelled_from_its_pooled_load() -> None:
    trace = model_host_trace([(0.0, 0.0), (1.0, 2.0), (2.0, 2.0)], CURVE, cores=4)
    assert trace.times_s == [0.0, 1.0, 2.0]
    assert trace.energy_uj == {"package": [0, 75_000_000, 87_000_000]}
    assert trace.busy_s == [0.0, 2.0, 2.0]


def test_samples_may_come_in_any_order_and_with_holes() -> None:
    samples = [(2.0, 2.0), (0.0, 0.0), (1.5, None), (1.0, 2.0), (1.0, 2.0)]
    ordered = model_host_trace([(0.0, 0.0), (1.0, 2.0), (2.0, 2.0)], CURVE, cores=4)
    assert model_host_trace(samples, CURVE, cores=4) == ordered


@pytest.mark.parametrize("samples", [[], [(1.0, 5.0)], [(1.0, None), (2.0, None)]])
def test_nothing_is_modelled_from_nothing(samples: list[tuple[float, float | None]]) -> None:
    trace = model_host_trace(samples, CURVE, cores=4)
    assert len(trace.times_s) == 0
    assert modelled_energy(trace, CURVE) is None
    shares = attribute(trace, [WorkerTrace("a", [0, 1], [0, 1], 1)])
    assert shares.workers["a"].energy_uj is None


def test_samples_that_are_too_close_are_thinned_but_the_ends_stay() -> None:
    samples: list[tuple[float, float | None]] = [(at / 100, at / 100) for at in range(101)]
    trace = model_host_trace(samples, CURVE, cores=4, resolution_s=0.3)
    assert trace.times_s[0] == 0.0
    assert trace.times_s[-1] == 1.0
    assert len(trace.times_s) == 4
    assert trace.busy_s[-1] == pytest.approx(1.0)


def test_two_close_samples_are_still_an_interval() -> None:
    trace = model_host_trace([(0.0, 0.0), (0.01, 0.01)], CURVE, cores=4)
    assert trace.times_s == [0.0, 0.01]


def test_busy_time_is_placed_where_the_workers_used_theirs() -> None:
    worker = WorkerTrace("a", [1.0, 2.0], [0.0, 4.0], 4)
    trace = model_host_trace([(0.0, 0.0), (4.0, 4.0)], CURVE, cores=4, workers=[worker])
    assert trace.times_s == [0.0, 1.0, 2.0, 4.0]
    assert trace.busy_s == [0.0, 0.0, 4.0, 4.0]
    idle, full = 12_000_000, 102_000_000
    assert trace.energy_uj["package"] == [0, idle, idle + full, 3 * idle + full]
    shares = attribute(trace, [worker], idle_power_w=CURVE.idle_w)
    assert shares.workers["a"].dynamic_uj == full - idle
    assert shares.workers["a"].idle_uj == idle
    assert shares.system_uj == 0


def test_workers_that_used_more_than_the_host_counted_are_believed() -> None:
    worker = WorkerTrace("a", [0.0, 1.0], [0.0, 2.0], 4)
    trace = model_host_trace([(0.0, 0.0), (1.0, 1.0)], CURVE, cores=4, workers=[worker])
    assert trace.busy_s == [0.0, 2.0]
    assert trace.energy_uj["package"][-1] == 75_000_000


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_co_runners_add_up_to_the_curve_at_their_pooled_load(count: int) -> None:
    crew = [WorkerTrace(str(at), [0.0, 10.0], [0.0, 10.0], 1) for at in range(count)]
    samples: list[tuple[float, float | None]] = [(0.0, 0.0), (10.0, 10.0 * count)]
    trace = model_host_trace(samples, CURVE, cores=4, workers=crew)
    shares = attribute(trace, crew, idle_power_w=CURVE.idle_w)
    total = sum(share.dynamic_uj or 0 for share in shares.workers.values())
    pooled = (CURVE.watts(count / 4).mean - CURVE.idle_w) * 10 * 1e6
    assert total == pytest.approx(pooled, abs=count + 1)
    lone = (CURVE.watts(1 / 4).mean - CURVE.idle_w) * 10 * 1e6
    if count > 1:
        assert total < 0.9 * count * lone


def test_the_band_of_a_trace_is_that_of_the_curve_at_its_loads() -> None:
    trace = model_host_trace([(0.0, 0.0), (1.0, 2.0), (3.0, 2.0)], CURVE, cores=4)
    energy = modelled_energy(trace, CURVE)
    assert energy is not None
    half, idle = CURVE.watts(0.5), CURVE.watts(0.0)
    assert energy.mean == pytest.approx(half.mean + 2 * idle.mean)
    assert (energy.low, energy.high) == pytest.approx(
        (half.low + 2 * idle.low, half.high + 2 * idle.high)
    )
    assert energy.level == 0.8


def test_a_modelled_wall_curve_takes_part_in_attribution() -> None:
    curve = default_curve("AMD EPYC", 2)
    trace = model_host_trace([(0.0, 0.0), (1.0, 1.0)], curve, cores=2)
    assert list(trace.energy_uj) == ["wall"]
    shares = attribute(trace, [WorkerTrace("a", [0, 1], [0, 1], 1)], idle_power_w=curve.idle_w)
    assert shares.workers["a"].dynamic_uj == 2_760_000
    assert shares.workers["a"].idle_uj == 740_000
    assert shares.host_idle_uj == 740_000


@pytest.mark.parametrize("cores", [0, -1])
def test_a_host_without_cores_is_refused(cores: float) -> None:
    with pytest.raises(ConfigurationError, match="cores"):
        model_host_trace([(0.0, 0.0), (1.0, 1.0)], CURVE, cores=cores)


def test_where_the_host_is_invisible_energy_is_linear_in_cpu_time() -> None:
    curve = default_curve("?")
    one = linear_energy(curve, cpu_s=2.0, wall_s=5.0, vcpus=0.5)
    assert one.dynamic_j.mean == pytest.approx(2.0 * (3.5 - 0.74))
    assert one.idle_j.mean == pytest.approx(5.0 * 0.5 * 0.74)
    assert one.dynamic_j.low < one.dynamic_j.mean < one.dynamic_j.high
    two = linear_energy(curve, cpu_s=4.0, wall_s=5.0, vcpus=0.5)
    assert two.dynamic_j.mean == pytest.approx(2 * one.dynamic_j.mean)
    assert two.idle_j == one.idle_j


def test_linear_energy_takes_one_thread_of_a_package() -> None:
    share = linear_energy(CURVE, cpu_s=1.0, wall_s=1.0, vcpus=1.0)
    assert share.dynamic_j.mean == pytest.approx((102 - 12) / 4)
    assert share.idle_j.mean == pytest.approx(12 / 4)
    assert share.dynamic_j.low <= share.dynamic_j.mean <= share.dynamic_j.high


@pytest.mark.parametrize("wrong", [{"cpu_s": -1.0}, {"wall_s": -1.0}, {"vcpus": -1.0}])
def test_negative_quantities_are_refused(wrong: dict[str, float]) -> None:
    quantities = {"cpu_s": 1.0, "wall_s": 1.0, "vcpus": 1.0} | wrong
    with pytest.raises(ConfigurationError, match="negative"):
        linear_energy(CURVE, **quantities)


def test_a_modelled_figure_says_so_with_its_band() -> None:
    method = modelled(default_curve("AMD EPYC", 2), Interval(10.0, 4.0, 17.5, 0.8))
    assert method.modelled
    assert (method.method, method.boundary, method.known) == ("model", "wall", False)
    assert method.band == (0.4, 1.75)
    assert method.describe() == "modelled, wall, -60 % to +75 %, processor unknown"
    assert "AMD EPYC" in method.source


@pytest.mark.parametrize("energy", [None, Interval(0.0, 0.0, 0.0, 0.8)])
def test_without_energy_the_band_is_that_at_half_load(energy: Interval | None) -> None:
    assert modelled(CURVE, energy).band == CURVE.relative_band(0.5)


def test_a_measured_figure_without_a_known_band_does_not_invent_one() -> None:
    method = EnergyMethod("rapl", "package+dram", True, "powercap", "counter")
    assert not method.modelled
    assert method.describe() == "measured (rapl), package+dram"


@pytest.mark.parametrize(
    "method",
    [modelled(CURVE), EnergyMethod("rapl", "package", True, "powercap", "counter")],
)
def test_a_method_survives_json(method: EnergyMethod) -> None:
    assert EnergyMethod.from_dict(json.loads(json.dumps(method.to_dict()))) == method


@pytest.mark.parametrize("data", [{}, {"band": [1]}, {"band": None, "volts": 3}])
def test_a_damaged_method_is_named_as_such(data: dict[str, object]) -> None:
    with pytest.raises(EnergyFormatError, match="not an energy method"):
        EnergyMethod.from_dict(data)


def test_modelled_energy_skips_what_a_trace_does_not_know() -> None:
    trace = HostTrace([0, 1, 1, 2], {"package": [0, 0, 0, 0]}, [0.0, 4.0, None, 5.0], 4)
    energy = modelled_energy(trace, CURVE)
    assert energy is not None
    assert energy.mean == pytest.approx(102)
