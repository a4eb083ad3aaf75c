"""Measuring a machine of files; no test waits for a real second."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from flexecutor_energy.energy import RaplCollector
from flexecutor_energy.energy.calibrating import Calibrator
from flexecutor_energy.errors import CalibrationError
from tests.simulated_machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def calibrator(machine: Machine, seconds: float = 30.0, **options: Any) -> Calibrator:
    return Calibrator(
        RaplCollector(machine.root / "sys/class/powercap", clocks=machine.clocks),
        machine.cpus,
        seconds,
        root=machine.root,
        clocks=machine.clocks,
        sleep=machine.sleep,
        own_cpu_s=lambda: 0.0,
        **options,
    )


def test_both_states_are_measured_with_their_spread_and_parts(machine: Machine) -> None:
    found = calibrator(machine).measure(machine.full_load)
    assert found.boundary == "package+dram"
    assert found.loaded is not None
    idle, loaded = found.idle.power, found.loaded.power
    assert idle.mean_w == pytest.approx(24.0, abs=1e-4)  # although the counter wrapped
    assert loaded.mean_w == pytest.approx(84.0, abs=1e-4)
    assert idle.kinds_w == pytest.approx({"package": 20.0, "dram": 4.0}, abs=1e-4)
    assert (idle.low_w, idle.high_w) == pytest.approx((24.0, 24.0), abs=1e-4)
    assert idle.seconds is not None
    assert idle.windows is not None
    assert idle.seconds >= 30.0
    assert idle.seconds / idle.windows >= 1.0
    assert found.idle.busy_share == pytest.approx(0.0)
    assert found.loaded.busy_share == pytest.approx(1.0, abs=0.01)


def test_power_that_changes_from_window_to_window_is_a_spread(machine: Machine) -> None:
    def seen(phase: str, elapsed_s: float, watts: float | None) -> None:
        machine.idle_w = 20.0 + elapsed_s  # 1.1 s later each time

    found = calibrator(machine, seen=seen).measure(None)
    low, high = found.idle.power.low_w, found.idle.power.high_w
    assert low is not None
    assert high is not None
    assert low < found.idle.power.mean_w < high
    assert high - low == pytest.approx(0.8 * 30.0, rel=0.1)
    assert found.loaded is None


def test_each_window_is_told_with_its_phase(machine: Machine) -> None:
    told: list[tuple[str, float, float | None]] = []
    calibrator(machine, 5.0, seen=lambda *window: told.append(window)).measure(machine.full_load)
    assert {phase for phase, _, _ in told} == {"idle", "loaded"}
    assert [elapsed for phase, elapsed, _ in told if phase == "idle"] == pytest.approx(
        [1.1, 2.2, 3.3, 4.4, 5.5]
    )
    assert told[0][2] == pytest.approx(24.0, abs=1e-4)


def test_idle_power_of_a_machine_that_others_use_is_refused(machine: Machine) -> None:
    machine.foreign_cpus = 0.6
    with pytest.raises(CalibrationError, match=r"used 15% of the CPUs.*--force"):
        calibrator(machine).measure(machine.full_load)
    assert machine.busy_cpus == 0  # it was not even loaded
    found = calibrator(machine).measure(machine.full_load, accept_foreign=True)
    assert found.idle.foreign_share == pytest.approx(0.15, abs=0.001)


def test_the_cpu_time_of_the_measuring_itself_is_not_foreign(machine: Machine) -> None:
    machine.foreign_cpus = 0.5  # of which all is ours
    meter = calibrator(machine)
    meter._own_cpu_s = lambda: machine.now * 0.5
    found = meter.measure(None)
    assert found.idle.foreign_share == pytest.approx(0.0, abs=1e-6)
    assert found.idle.busy_share == pytest.approx(0.125, abs=0.001)


def test_a_load_that_does_not_fill_the_cpus_is_not_called_full(machine: Machine) -> None:
    machine.foreign_cpus = 0.2
    with pytest.raises(CalibrationError, match=r"only 5% of the CPUs busy.*--idle-only"):
        calibrator(machine).measure(nullcontext)


def test_a_counter_that_does_not_follow_the_load_is_refused(machine: Machine) -> None:
    machine.cpu_w = -1.0
    with pytest.raises(CalibrationError, match="does not follow"):
        calibrator(machine).measure(machine.full_load)


def test_a_counter_that_stops_gives_a_reason_and_never_zero_watts(machine: Machine) -> None:
    def stop(phase: str, elapsed_s: float, watts: float | None) -> None:
        machine.broken = elapsed_s > 10.0

    with pytest.raises(CalibrationError, match=r"of 28 windows is unknown.*package-0"):
        calibrator(machine, seen=stop).measure(None)


def test_a_counter_that_stands_still_is_refused(machine: Machine) -> None:
    machine.idle_w = machine.dram_w = 0.0
    with pytest.raises(CalibrationError, match="stood still"):
        calibrator(machine).measure(None)


def test_without_cpu_time_of_the_host_shares_are_unknown(machine: Machine) -> None:
    machine.tells_cpu_time = False
    machine.sleep(1.0)
    found = calibrator(machine).measure(machine.full_load)
    assert (found.idle.busy_share, found.idle.foreign_share) == (None, None)
    assert found.loaded is not None
    assert found.loaded.power.mean_w == pytest.approx(84.0, abs=1e-4)
