import json

import pytest

from flexecutor_energy.energy import PowerCurve
from flexecutor_energy.energy.curves import coefficient_curve, default_curve, tdp_curve
from flexecutor_energy.errors import ConfigurationError, EnergyFormatError


def test_tdp_curve_has_the_published_shape_at_its_four_loads() -> None:
    curve = tdp_curve("cpu", 100.0, source="vendor")
    assert [curve.watts(u).mean for u in (0, 0.1, 0.5, 1)] == pytest.approx([12, 32, 75, 102])
    assert curve.boundary == "package"
    assert curve.known
    assert "vendor" in curve.source


def test_the_band_is_the_measured_80_percent_at_the_four_loads_and_linear_between() -> None:
    curve = tdp_curve("cpu", 200.0)
    for load, low, high in (
        (0, 0.12, 0.33),
        (0.1, 0.26, 0.51),
        (0.5, 0.42, 0.76),
        (1, 0.81, 1.21),
    ):
        power = curve.watts(load)
        assert (power.low, power.high) == pytest.approx((200 * low, 200 * high))
        assert power.level == 0.8
    middle = curve.watts(0.3)
    assert middle.mean == pytest.approx(200 * (0.32 + 0.75) / 2)
    assert middle.high == pytest.approx(200 * (0.51 + 0.76) / 2)


def test_utilisation_outside_0_to_1_is_taken_as_the_nearest_end() -> None:
    curve = tdp_curve("cpu", 100.0)
    assert curve.watts(-0.5) == curve.watts(0.0)
    assert curve.watts(1.7) == curve.watts(1.0)


def test_nan_utilisation_is_an_error_and_not_a_power() -> None:
    with pytest.raises(ConfigurationError, match="NaN"):
        tdp_curve("cpu", 100.0).watts(float("nan"))


@pytest.mark.parametrize("tdp_w", [0.0, -5.0, float("inf"), float("nan")])
def test_a_tdp_that_is_not_positive_is_refused(tdp_w: float) -> None:
    with pytest.raises(ConfigurationError, match="TDP"):
        tdp_curve("cpu", tdp_w)


def test_default_curve_says_it_is_unknown_and_scales_with_threads() -> None:
    one, four = default_curve("AMD EPYC"), default_curve("AMD EPYC", threads=4)
    assert not one.known
    assert one.boundary == "wall"
    assert (one.idle_w, one.max_w) == (0.74, 3.5)
    assert four.max_w == pytest.approx(14.0)
    assert four.threads == 4


@pytest.mark.parametrize("load", [0.0, 0.1, 0.3, 0.5, 0.75, 1.0])
def test_the_default_has_the_widest_band_and_calibration_the_narrowest(load: float) -> None:
    def width(curve: PowerCurve) -> float:
        power = curve.watts(load)
        return (power.high - power.low) / power.mean

    known = tdp_curve("cpu", 100.0)
    calibrated = known.calibrated(idle_w=15, max_w=110)
    family = coefficient_curve("cpu", min_w=0.5, max_w=2.0, source="table")
    assert width(calibrated) < width(known) < width(default_curve("?"))
    assert width(family) < width(default_curve("?"))


def test_coefficients_of_another_architecture_get_the_band_of_the_default() -> None:
    stand_in = coefficient_curve("Graviton3", min_w=0.47, max_w=1.69, source="t", measured=False)
    for load in (0.0, 1.0):
        assert stand_in.relative_band(load) == pytest.approx(
            default_curve("?").relative_band(load)
        )


def test_calibrated_curve_has_the_shape_of_servers_between_the_measured_ends() -> None:
    curve = tdp_curve("cpu", 100.0).calibrated(idle_w=20, max_w=80, boundary="wall")
    # the median server draws .19, .34, .56 and 1.05 of its TDP at 0, 10, 50 and 100 %
    shares = [(ratio - 0.19) / 0.86 for ratio in (0.19, 0.34, 0.45, 0.56, 1.05)]
    wanted = [20 + 60 * share for share in shares]
    assert [curve.watts(u).mean for u in (0, 0.1, 0.3, 0.5, 1)] == pytest.approx(wanted)
    assert (curve.idle_w, curve.max_w) == (20.0, 80.0)
    assert curve.boundary == "wall"
    assert curve.kind == "calibrated"
    assert curve.watts(1).high == pytest.approx(80 * 1.159, rel=1e-3)


def test_powers_measured_between_the_ends_are_kept_as_they_are() -> None:
    curve = default_curve("AMD EPYC").calibrated(idle_w=20, max_w=80, between={0.5: 60, 0.25: 45})
    assert [curve.watts(u).mean for u in (0, 0.25, 0.375, 0.5, 1)] == [20, 45, 52.5, 60, 80]
    assert "straight lines between measured ends" in curve.source


@pytest.mark.parametrize("between", [{0.5: 15}, {0.5: 90}, {0.2: 60, 0.6: 50}, {0: 30}, {1.2: 70}])
def test_powers_between_the_ends_that_fall_are_refused(between: dict[float, float]) -> None:
    with pytest.raises(ConfigurationError, match="rise from 20 to 80"):
        tdp_curve("cpu", 100.0).calibrated(idle_w=20, max_w=80, between=between)


def test_calibrating_makes_an_unknown_processor_known() -> None:
    assert default_curve("AMD EPYC").calibrated(idle_w=1, max_w=2).known


@pytest.mark.parametrize(("idle_w", "max_w"), [(0, 10), (-1, 10), (20, 10), (1, float("inf"))])
def test_calibration_with_impossible_powers_is_refused(idle_w: float, max_w: float) -> None:
    with pytest.raises(ConfigurationError, match="calibration"):
        tdp_curve("cpu", 100.0).calibrated(idle_w=idle_w, max_w=max_w)


def test_a_virtual_machine_gets_its_share_of_idle_and_of_dynamic_power() -> None:
    package = tdp_curve("cpu", 225.0, threads=96)
    share = package.for_threads(12)
    assert share.idle_w == pytest.approx(package.idle_w / 8)
    assert share.max_w == pytest.approx(package.max_w / 8)
    assert share.threads == 12
    assert package.for_threads(12, 48).max_w == pytest.approx(package.max_w / 4)


def test_a_share_of_an_unknown_number_of_threads_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="platform"):
        tdp_curve("cpu", 225.0).for_threads(2)


@pytest.mark.parametrize("curve", [tdp_curve("a", 65.0, threads=8), default_curve("b", 2)])
def test_a_curve_survives_json(curve: PowerCurve) -> None:
    assert PowerCurve.from_dict(json.loads(json.dumps(curve.to_dict()))) == curve


@pytest.mark.parametrize(
    "change", [{"loads": [0.0, 0.5]}, {"mean_w": ["x"]}, {"volts": 3}, {"low_w": [9.0, 9.0]}]
)
def test_a_damaged_curve_is_named_as_such(change: dict[str, object]) -> None:
    data = default_curve("b").to_dict() | change
    with pytest.raises(EnergyFormatError, match="not a power curve"):
        PowerCurve.from_dict(data)


@pytest.mark.parametrize("factor", [0.0, -1.0, float("inf")])
def test_a_curve_is_only_scaled_by_a_positive_number(factor: float) -> None:
    with pytest.raises(ConfigurationError, match="positive"):
        tdp_curve("cpu", 100.0).scaled(factor)


@pytest.mark.parametrize(("visible", "platform"), [(0, 4), (4, 0), (-1, 4)])
def test_a_share_of_no_threads_is_refused(visible: float, platform: float) -> None:
    with pytest.raises(ConfigurationError, match="thread counts"):
        tdp_curve("cpu", 100.0).for_threads(visible, platform)
