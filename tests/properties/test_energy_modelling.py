from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexecutor_energy.energy import WorkerTrace, attribute, model_host_trace, modelled_energy
from flexecutor_energy.energy.curves import tdp_curve

CURVE = tdp_curve("Acme A1", 100.0)


@st.composite
def runs(
    draw: st.DrawFn,
) -> tuple[list[tuple[float, float | None]], list[WorkerTrace]]:
    steps = draw(st.lists(st.tuples(st.floats(0.001, 5), st.floats(0, 1)), min_size=2, max_size=8))
    times = list(accumulate(length for length, _ in steps))
    busy = list(accumulate(4 * length * load for length, load in steps))
    crew = []
    for number in range(draw(st.integers(0, 3))):
        start, end = sorted(draw(st.tuples(*[st.floats(times[0], times[-1])] * 2)))
        cpu = draw(st.floats(0, 1)) * (end - start)
        crew.append(WorkerTrace(str(number), [start, end], [0.0, cpu], 1.0))
    return list(zip(times, busy, strict=True)), crew


@settings(max_examples=60, deadline=None)
@given(runs())
def test_modelled_power_lies_between_idle_and_full(
    run: tuple[list[tuple[float, float | None]], list[WorkerTrace]],
) -> None:
    samples, crew = run
    trace = model_host_trace(samples, CURVE, cores=4, workers=crew)
    length = trace.times_s[-1] - trace.times_s[0]
    energy_j = (trace.energy_uj["package"][-1] or 0) / 1e6
    assert CURVE.idle_w * length - 1e-5 <= energy_j <= CURVE.max_w * length + 1e-5


@settings(max_examples=60, deadline=None)
@given(runs())
def test_every_worker_inside_the_samples_gets_its_energy_and_all_of_it_adds_up(
    run: tuple[list[tuple[float, float | None]], list[WorkerTrace]],
) -> None:
    samples, crew = run
    trace = model_host_trace(samples, CURVE, cores=4, workers=crew)
    shares = attribute(trace, crew, idle_power_w=CURVE.idle_w)
    known = [share.energy_uj for share in shares.workers.values()]
    assert None not in known
    assert (
        sum(energy or 0 for energy in known) + shares.system_uj + shares.host_idle_uj
        == shares.total_uj
        == trace.energy_uj["package"][-1]
    )


@settings(max_examples=60, deadline=None)
@given(runs())
def test_the_joules_with_their_band_agree_with_the_counter(
    run: tuple[list[tuple[float, float | None]], list[WorkerTrace]],
) -> None:
    trace = model_host_trace(run[0], CURVE, cores=4, workers=run[1])
    energy = modelled_energy(trace, CURVE)
    assert energy is not None
    assert energy.mean == pytest.approx((trace.energy_uj["package"][-1] or 0) / 1e6, abs=1e-5)
    assert energy.low <= energy.mean <= energy.high


@settings(max_examples=60, deadline=None)
@given(runs(), st.integers(1, 4))
def test_at_a_constant_load_more_samples_change_nothing(
    run: tuple[list[tuple[float, float | None]], list[WorkerTrace]], load: int
) -> None:
    first, last = run[0][0][0], run[0][-1][0]
    times = [time for time, _ in run[0]]
    fine = model_host_trace([(t, load * t) for t in times], CURVE, cores=4, resolution_s=0)
    coarse = model_host_trace([(first, load * first), (last, load * last)], CURVE, cores=4)
    assert fine.energy_uj["package"][-1] == pytest.approx(
        coarse.energy_uj["package"][-1], rel=1e-6
    )
