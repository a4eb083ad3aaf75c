"""From accounts of calls to joules: pure functions, so every figure can be told beforehand."""

from dataclasses import replace

import pytest

from flexecutor_energy.energy.calibration import Calibration, MeasuredPower
from flexecutor_energy.lithops_meter.calls import ROWS, Call
from flexecutor_energy.lithops_meter.sharing import share
from tests.unit.lithops_accounts import LINE, account, driver, power_of, samples


def test_a_modelled_host_is_shared_out_as_a_whole() -> None:
    calls = [Call(0, account(0, 10, 4.0)), Call(1, account(0, 10, 4.0))]
    host = driver(samples(10, busy=1.0), below_cpu_s=8.0)
    shares = share(calls, "auto", power_of, host)
    # 6 W at half load: 4 W dynamic, of which 2 s in 10 are others'; 2 W idle, half for each
    for number in (0, 1):
        assert shares.calls[number].dynamic_uj == pytest.approx(16e6)
        assert shares.calls[number].idle_uj == pytest.approx(10e6)
    (found,) = shares.hosts
    assert found.how.describe().startswith("modelled, package, -")
    assert found.rows["system"] == pytest.approx(8e6)
    assert found.rows["startup"] == found.rows["driver"] == 0
    assert found.foreign_share == pytest.approx(0.2)


def test_counters_come_before_the_model() -> None:
    calls = [Call(0, account(0, 10, 5.0))]
    shares = share(calls, "auto", power_of, driver(samples(10, watts=6.0), below_cpu_s=5.0))
    # 60 J, of which 20 J idle; half of the CPU time, one of two cores
    assert shares.calls[0].dynamic_uj == 20_000_000
    assert shares.calls[0].idle_uj == 10_000_000
    assert shares.hosts[0].how.describe() == "measured (rapl), package"
    assert shares.hosts[0].rows == dict.fromkeys(ROWS, 0) | {
        "futures": 30_000_000,
        "system": 20_000_000,
        "host_idle": 10_000_000,
    }


def test_a_measured_idle_power_is_used_and_an_unknown_one_is_said() -> None:
    calls = [Call(0, account(0, 10, 10.0))]
    host = driver(samples(10, watts=6.0))
    idle = Calibration("", "cpu", "rapl", "package", MeasuredPower(4.0), None, "now", "rapl")
    measured = share(calls, "rapl", lambda *_: (LINE, idle), host)
    assert measured.calls[0].dynamic_uj == 20_000_000
    wall = replace(LINE, boundary="wall")
    unknown = share(calls, "rapl", lambda *_: (wall, None), host)
    assert unknown.calls[0].dynamic_uj == 60_000_000
    assert "idle power not known" in unknown.hosts[0].how.source


def test_calls_in_a_gap_of_the_counter_are_unknown_and_the_others_are_not() -> None:
    calls = [Call(0, account(1, 2, 0.5)), Call(1, account(4, 7, 0.5))]
    host = driver(samples(10, watts=6.0, gap=(5.0, 6.0)))
    shares = share(calls, "auto", power_of, host)
    assert shares.calls[0].energy_uj is not None
    assert shares.calls[1].energy_uj is None
    assert "counter of its host was missing for 1.1 s" in shares.calls[1].reason
    assert shares.hosts[0].rows["unassigned"] > 0
    assert shares.hosts[0].total_uj == pytest.approx(6.0 * 8.9 * 1e6)


def test_starting_calls_and_the_driver_have_rows_of_their_own() -> None:
    calls = [Call(0, account(3, 5, 2.0), submitted_s=1.0)]
    host = driver(samples(10, watts=6.0, busy=1.0), own_cpu_s=1.0, below_cpu_s=3.0)
    rows = share(calls, "auto", power_of, host).hosts[0].rows
    # 4 W dynamic at one busy CPU: 4 J a CPU second
    assert rows["startup"] == pytest.approx(4e6, rel=0.05)
    assert rows["driver"] == pytest.approx(4e6, rel=0.15)
    assert rows["futures"] == pytest.approx(2 * 4e6 + 2 * 1e6, rel=0.15)


def test_much_work_of_others_below_the_driver_takes_nothing_from_calls() -> None:
    calls = [Call(0, account(1, 2, 0.5), submitted_s=0.9)]
    alone, beside = (
        share(calls, "auto", power_of, driver(samples(10, watts=6.0), below_cpu_s=cpu_s))
        for cpu_s in (0.5, 5.0)
    )
    assert beside.calls[0] == alone.calls[0]
    assert beside.hosts[0].rows["startup"] > alone.hosts[0].rows["startup"]


def test_another_host_is_modelled_from_what_its_calls_saw() -> None:
    calls = [
        Call(0, account(0, 4, 4.0, host="b", busy=(50.0, 57.0))),
        Call(1, account(1, 4, 2.0, host="b", busy=(51.5, 57.0))),
        Call(2, account(0, 1, 1.0)),
    ]
    shares = share(calls, "auto", power_of, driver(samples(2)))
    assert [host.host_id for host in shares.hosts] == ["a", "b"]
    far = shares.hosts[1]
    assert set(far.calls) == {0, 1}
    assert far.how.form == "host"
    assert far.foreign_share is None  # nobody can say who the others were
    assert far.total_uj == pytest.approx(1e6 * (2 * 4 + 8 / 2 * 7), rel=1e-6)


def test_a_host_that_shows_nothing_is_labelled_linear() -> None:
    shares = share([Call(0, account(0, 4, 3.0), cores=0.5)], "auto", power_of)
    (host,) = shares.hosts
    assert host.how.form == "linear"
    # of one thread: 1 W without load, 4 W more with it
    assert shares.calls[0].dynamic_uj == 12_000_000
    assert shares.calls[0].idle_uj == 2_000_000
    assert host.rows["futures"] == host.total_uj == 14_000_000


def test_copies_of_one_sleeping_machine_are_hosts_of_their_own() -> None:
    busy = (50.0, 54.0)
    calls = [
        Call(0, account(0, 4, 4.0, busy=busy)),
        Call(1, account(0, 4, 4.0, busy=busy, boot_s=2000.0)),
        Call(2, account(0, 4, 4.0, busy=busy, boot_s=1000.4)),
    ]
    shares = share(calls, "auto", power_of)
    assert {number: call.host_id for number, call in shares.calls.items()} == {
        0: "a",
        1: "a#2",
        2: "a",
    }


def test_one_method_is_never_replaced_by_another() -> None:
    refusing = replace(account(0, 4, 1.0, host="b"), refused=(("rapl", "no zones"),))
    calls = [Call(0, refusing), Call(1, account(0, 4, 1.0, host="c"))]
    shares = share(calls, "rapl", power_of)
    assert shares.hosts == ()
    assert [shares.calls[number].reason for number in (0, 1)] == [
        "rapl: no zones",
        "rapl: its counters were not read on this host",
    ]
    assert shares.calls[0].host_id == "b"
    assert shares.refused == (("rapl", "no zones"),)


def test_a_call_without_an_account_is_unknown_and_nobody_elses() -> None:
    calls = [Call(0, None, "killed"), Call(1, account(0, 10, 10.0))]
    shares = share(calls, "auto", power_of, driver(samples(10, watts=6.0)))
    assert shares.calls[0].energy_uj is None
    assert shares.calls[0].reason == "killed"
    assert shares.calls[1].energy_uj is not None


def test_a_call_of_no_length_costs_nothing() -> None:
    calls = [Call(0, account(1, 1, 0.0)), Call(1, account(1, 1, 0.0, host="b", busy=(1.0, 1.0)))]
    shares = share(calls, "auto", power_of, driver(samples(2)))
    assert [shares.calls[number].energy_uj for number in (0, 1)] == [0, 0]
