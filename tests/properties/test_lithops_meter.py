"""Laws of sharing a host's joules among calls of plain Lithops."""

from dataclasses import replace
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from flexecutor_energy.energy.pooling import counter_trace
from flexecutor_energy.lithops_meter.calls import ROWS, Call, DriverHost
from flexecutor_energy.lithops_meter.sharing import share
from tests.unit.lithops_accounts import account, driver, power_of, samples

times = st.floats(0.0, 4.0, allow_nan=False)


@st.composite
def some_calls(draw: st.DrawFn) -> list[Call]:
    found = []
    for number in range(draw(st.integers(0, 5))):
        start, end = sorted((draw(times), draw(times)))
        cpu_s = draw(st.floats(0.0, 1.0)) * 2 * (end - start)
        submitted_s = draw(st.floats(0.0, 1.0)) * start
        cores = draw(st.sampled_from([0.5, 1.0, 2.0]))
        told = account(start, end, cpu_s)
        found.append(Call(number, told, cores=cores, submitted_s=submitted_s))
    return found


@st.composite
def hosts(draw: st.DrawFn) -> DriverHost:
    watts = draw(st.none() | st.floats(1.0, 200.0))
    gap = sorted((draw(times), draw(times))) if draw(st.booleans()) else [0.0, 0.0]
    seen = samples(4, watts, busy=draw(st.floats(0.0, 2.0)), gap=(gap[0], gap[1]))
    return driver(seen, draw(st.floats(0.0, 4.0)), draw(st.floats(0.0, 8.0)))


@settings(max_examples=60, deadline=None)
@given(some_calls(), hosts())
def test_nothing_vanishes_and_nothing_counts_twice(calls: list[Call], host: DriverHost) -> None:
    shares = share(calls, "auto", power_of, host)
    (energy,) = shares.hosts
    known = [shares.calls[call.number].energy_uj for call in calls]
    assert energy.rows["futures"] == sum(uj for uj in known if uj is not None)
    assert set(energy.rows) == set(ROWS)
    assert all(uj >= 0 for uj in energy.rows.values())
    counted = counter_trace(host.samples, "rapl", 2.0)
    if counted is not None:  # the joules of a model depend on where calls place the load
        steps = pairwise(counted.energy_uj["package-0"])
        drawn = sum(b - a for a, b in steps if a is not None and b is not None)
        assert energy.total_uj == drawn


@settings(max_examples=30, deadline=None)
@given(some_calls(), hosts(), st.randoms(use_true_random=False))
def test_the_order_of_calls_does_not_matter(
    calls: list[Call], host: DriverHost, chance: Random
) -> None:
    mixed = list(calls)
    chance.shuffle(mixed)
    assert share(mixed, "auto", power_of, host).calls == share(calls, "auto", power_of, host).calls


@settings(max_examples=30, deadline=None)
@given(some_calls(), hosts())
def test_a_call_that_came_back_without_an_account_changes_no_other(
    calls: list[Call], host: DriverHost
) -> None:
    lost = [*calls, Call(99, None, "killed")]
    shares = share(lost, "auto", power_of, host)
    assert shares.calls[99].energy_uj is None
    without = share(calls, "auto", power_of, host)
    assert {**without.calls, 99: shares.calls[99]} == shares.calls


@settings(max_examples=30, deadline=None)
@given(some_calls(), hosts())
def test_a_call_without_work_draws_no_dynamic_energy(calls: list[Call], host: DriverHost) -> None:
    idle = [replace(call, account=account(1.0, 2.0, 0.0)) for call in calls]
    for call in share(idle, "auto", power_of, host).calls.values():
        assert call.dynamic_uj in {0, None}
