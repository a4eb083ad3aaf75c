from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from flexecutor_energy.energy import EnergyReading, energy_between, unwrapped

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


values = st.none() | st.integers(0, RANGE - 1) | st.integers(0, 10**9) | st.just(0)


@given(st.lists(st.tuples(st.floats(0, 200), st.floats(-5, 50), values), max_size=12))
def test_an_unwrapped_counter_never_falls_and_rises_by_what_is_known(
    steps: list[tuple[float, float, int | None]],
) -> None:
    times = list(accumulate(length for length, _, _ in steps))
    walls = list(accumulate(length + more for length, more, _ in steps))
    readings = [
        EnergyReading(time, wall, {PACKAGE: value}, "rapl", {PACKAGE: RANGE})
        for time, wall, (_, _, value) in zip(times, walls, steps, strict=True)
    ]
    counters = unwrapped(readings)
    deltas = [energy_between(*pair) for pair in pairwise(readings)]
    for counter in counters.values():
        known = [level for level in counter if level is not None]
        assert known == sorted(known)
        for delta, (before, after) in zip(deltas, pairwise(counter), strict=True):
            if delta.total_j is None:
                assert after is None
            elif before is not None and after is not None:
                assert abs((after - before) / 1e6 - delta.total_j) < 1e-9 * max(1, delta.total_j)


@given(
    st.lists(st.integers(0, 500_000_000), min_size=2, max_size=8),
    st.lists(st.booleans(), min_size=8, max_size=8),
    st.integers(0, RANGE - 1),
)
def test_a_die_that_mirrors_another_never_counts_twice_whatever_was_not_read(
    drawn: list[int], lost: list[bool], start: int
) -> None:
    dies = [(0, "package-die-0"), (0, "package-die-1")]
    readings = []
    for at, level in enumerate(accumulate(drawn, initial=start)):
        value = level % RANGE
        mirror = None if at > 1 and lost[(at - 2) % 8] else value
        domains = {dies[0]: value, dies[1]: mirror}
        readings.append(EnergyReading(at, at, domains, "rapl", dict.fromkeys(domains, RANGE)))
    assert list(unwrapped(readings)) == ["package-0-die-0"]
    assert unwrapped(readings)["package-0-die-0"][-1] == sum(drawn)
