from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from flexecutor_energy.energy import EnergyReading, energy_between

RANGE = 65_532_610_987
PACKAGE = (0, "package")


def reading(at_s: float, value: int | None, span: int | None = RANGE) -> EnergyReading:
    return EnergyReading(at_s, 0.0, {PACKAGE: value}, "rapl", {PACKAGE: span})


steps = st.lists(st.tuples(st.floats(0.1, 30), st.floats(0.0, 900)), min_size=1, max_size=40)


@given(st.integers(0, RANGE - 1), steps)
def test_however_often_the_counter_wraps_the_energy_is_the_one_drawn(
    start: int, drawn: list[tuple[float, float]]
) -> None:
    times = [0.0, *accumulate(length for length, _ in drawn)]
    energy = [0, *accumulate(round(length * watts * 1e6) for length, watts in drawn)]
    readings = [
        reading(time, (start + microjoules) % RANGE)
        for time, microjoules in zip(times, energy, strict=True)
    ]
    totals = [energy_between(first, second).total_j for first, second in pairwise(readings)]
    assert None not in totals
    assert abs(sum(total or 0 for total in totals) - energy[-1] / 1e6) < 1e-3


@given(
    st.none() | st.integers(0, 2 * RANGE),
    st.none() | st.integers(0, 2 * RANGE),
    st.none() | st.just(RANGE),
    st.floats(-10, 10_000),
)
def test_a_difference_is_never_negative_and_never_more_than_the_range(
    before: int | None, after: int | None, span: int | None, gap_s: float
) -> None:
    delta = energy_between(reading(100, before, span), reading(100 + gap_s, after, span))
    assert (delta.total_j is None) == (delta.reason is not None)
    if delta.total_j is not None:
        assert delta.total_j >= 0
        if span is not None:
            assert delta.total_j <= span / 1e6


@given(st.integers(1, RANGE), st.floats(0.1, 30))
def test_a_reset_to_nothing_never_invents_more_than_hardware_can_draw(
    before: int, gap_s: float
) -> None:
    delta = energy_between(reading(0, before), reading(gap_s, 0))
    assert delta.total_j is None or delta.total_j <= 1000 * max(gap_s, 1.0)
