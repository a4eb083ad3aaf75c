from hypothesis import given
from hypothesis import strategies as st

from flexecutor_energy.energy import PowerCurve
from flexecutor_energy.energy.curves import coefficient_curve, default_curve, tdp_curve

watts = st.floats(0.5, 1000)
loads = st.floats(0, 1)


@st.composite
def curves(draw: st.DrawFn) -> PowerCurve:
    curve = draw(
        st.one_of(
            st.builds(tdp_curve, st.just("cpu"), watts, threads=st.integers(1, 512)),
            st.builds(default_curve, st.just("cpu"), st.integers(1, 512)),
            st.builds(
                lambda low, more: coefficient_curve(
                    "cpu", min_w=low, max_w=low + more, source="table"
                ),
                st.floats(0.1, 5),
                st.floats(0, 10),
            ),
        )
    )
    if draw(st.booleans()):
        curve = curve.calibrated(idle_w=curve.idle_w, max_w=curve.max_w)
    return curve


@given(curves(), loads, loads)
def test_more_load_never_draws_less(curve: PowerCurve, first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert curve.watts(low).mean <= curve.watts(high).mean * (1 + 1e-12)


@given(curves(), loads)
def test_the_mean_lies_in_its_band(curve: PowerCurve, load: float) -> None:
    power = curve.watts(load)
    assert power.low <= power.mean * (1 + 1e-12)
    assert power.mean <= power.high * (1 + 1e-12)
    assert power.low > 0


@given(curves(), loads, st.integers(1, 64))
def test_shares_of_a_package_add_up_to_it(curve: PowerCurve, load: float, parts: int) -> None:
    share = curve.for_threads(1, parts)
    whole = curve.watts(load)
    assert abs(parts * share.watts(load).mean - whole.mean) <= 1e-9 * whole.mean


@given(curves())
def test_a_curve_round_trips_through_plain_values(curve: PowerCurve) -> None:
    assert PowerCurve.from_dict(curve.to_dict()) == curve
