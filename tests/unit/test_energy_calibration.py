import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flexecutor_energy.energy import EnergyDelta, PowerCurve, WorkerTrace, attribute
from flexecutor_energy.energy.calibration import Calibration, MeasuredPower
from flexecutor_energy.energy.curves import default_curve, tdp_curve
from flexecutor_energy.energy.modelling import model_host_trace
from flexecutor_energy.errors import ConfigurationError, EnergyFormatError, StorageError
from flexecutor_energy.hardware.calibrations import (
    calibration_file,
    load_calibrations,
    save_calibration,
)
from flexecutor_energy.hardware.detect import HostFacts, machine_key
from flexecutor_energy.workspace import Workspace

FACTS = HostFacts("Acme A1", 4, 2, 1, False, "boot-1", "machine-1", 8000.0)


def window(package_j: float, dram_j: float | None = 0.0, seconds: float = 1.0) -> EnergyDelta:
    total = None if dram_j is None else package_j + dram_j
    parts = {"package-0": package_j, "dram-0": dram_j, "core-0": package_j / 2}
    return EnergyDelta(total, parts, None if dram_j is not None else "refused", seconds)


def calibration(**changes: Any) -> Calibration:
    idle = MeasuredPower(24.0, 23.5, 24.5, 30.0, 30, {"package": 20.0, "dram": 4.0})
    loaded = MeasuredPower(100.0, 99.0, 101.0, 30.0, 30, {"package": 90.0, "dram": 10.0})
    known = Calibration(
        machine_key=machine_key(FACTS),
        cpu="Acme A1",
        method="rapl",
        boundary="package+dram",
        idle=idle,
        loaded=loaded,
        time="2025-11-22T20:00:00Z",
        source="package-0, dram-0",
        foreign_share=0.01,
    )
    return replace(known, **changes)


def test_power_is_energy_over_time_and_its_spread_that_of_the_windows() -> None:
    windows = [window(10.0 + at, 2.0) for at in range(11)] + [window(60.0, 6.0, seconds=3.0)]
    power = MeasuredPower.of_windows(windows)
    assert power is not None
    assert power.mean_w == pytest.approx((sum(range(10, 21)) + 22 + 66) / 14)
    assert (power.low_w, power.high_w) == pytest.approx((13.1, 21.9))
    assert (power.seconds, power.windows) == (14.0, 12)
    assert power.kinds_w == pytest.approx({"package": (165 + 60) / 14, "dram": 28 / 14})


def test_windows_whose_energy_is_unknown_count_for_nothing() -> None:
    power = MeasuredPower.of_windows([window(10.0), window(900.0, None), window(12.0)])
    assert power is not None
    assert (power.mean_w, power.seconds, power.windows) == (11.0, 2.0, 2)
    assert MeasuredPower.of_windows([window(900.0, None)]) is None


def test_dies_that_mirror_each_other_are_not_counted_twice_by_kind() -> None:
    dies = {"package-0-die-0": 20.0, "package-0-die-1": 20.0, "dram-0": 3.0}
    power = MeasuredPower.of_windows([EnergyDelta(23.0, dies, None, 1.0)])
    assert power is not None
    assert power.kinds_w == {"package": 20.0, "dram": 3.0}


def test_a_curve_goes_through_the_measured_ends_with_their_boundary() -> None:
    curve = calibration().apply(tdp_curve("Acme A1", 120.0, threads=4))
    assert (curve.idle_w, curve.max_w, curve.boundary) == (24.0, 100.0, "package+dram")
    assert (curve.kind, curve.known, curve.threads) == ("calibrated", True, 4)
    assert curve.watts(0.5).mean == pytest.approx(24 + 76 * 0.37 / 0.86)  # SPECpower median
    assert "measured with rapl" in curve.source
    low, high = curve.relative_band()
    assert (low, high) == pytest.approx((1 - 0.159, 1 + 0.159), abs=1e-3)


def test_a_processor_that_nobody_knows_is_known_once_it_is_calibrated() -> None:
    unknown = default_curve("Frobnicator", 4)
    assert not unknown.known
    assert calibration().apply(unknown).known


def test_windows_that_are_spread_wider_than_the_shape_misses_widen_the_band() -> None:
    restless = MeasuredPower(24.0, 12.0, 40.0, 30.0, 30)
    curve = calibration(idle=restless).apply(tdp_curve("Acme A1", 120.0))
    assert (curve.low_w[0], curve.high_w[0]) == (12.0, 40.0)
    assert curve.high_w[-1] == pytest.approx(100 * 1.159, rel=1e-3)


def test_idle_power_alone_leaves_the_curve_as_it_is() -> None:
    curve = tdp_curve("Acme A1", 120.0)
    assert calibration(loaded=None).apply(curve) == curve


def test_idle_power_is_told_only_for_what_was_enclosed() -> None:
    measured = calibration()
    assert measured.idle_watts("package+dram") == {"package": 20.0, "dram": 4.0}
    assert measured.idle_watts("package") == {"package": 20.0}
    assert measured.idle_watts("wall") is None
    given = calibration(idle=MeasuredPower(60.0), method="given", boundary="wall")
    assert given.idle_watts("wall") == {"wall": 60.0}
    assert given.idle_watts("package") is None
    whole = calibration(idle=MeasuredPower(60.0), boundary="package+dram")
    assert whole.idle_watts("package+dram") == {"package+dram": 60.0}


def test_a_calibrated_curve_of_package_and_memory_can_be_shared_out() -> None:
    curve: PowerCurve = calibration().apply(tdp_curve("Acme A1", 120.0, threads=4))
    worker = WorkerTrace("w", [0.0, 10.0], [0.0, 20.0], cores=2.0)
    trace = model_host_trace([(0.0, 0.0), (10.0, 20.0)], curve, cores=4, workers=[worker])
    shares = attribute(trace, [worker], idle_power_w=curve.idle_w)
    assert shares.total_uj == 566_976_744  # 24 + 76 × .37/.86 W at half load for 10 s
    assert shares.workers["w"].dynamic_uj == 326_976_744
    assert shares.workers["w"].idle_uj == 120_000_000


def test_a_calibration_comes_back_from_its_text() -> None:
    for one in (calibration(), calibration(loaded=None, foreign_share=None)):
        assert Calibration.from_dict(json.loads(json.dumps(one.to_dict()))) == one


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"idle": None},
        {"idle": {"mean_w": "24", "kinds_w": {}}},
        {"idle": {"mean_w": float("nan"), "kinds_w": {}}},
        {"idle": {"mean_w": 24.0, "kinds_w": {"package": None}}},
        {"idle": {"mean_w": 24.0, "watts": 3.0, "kinds_w": {}}},
        {"loaded": {"mean_w": 2.0, "kinds_w": {}}},
        {"boundary": 5},
        {"surplus": 1},
    ],
)
def test_what_is_no_calibration_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(EnergyFormatError):
        Calibration.from_dict(calibration().to_dict() | change)


def test_what_is_not_even_a_document_is_refused() -> None:
    documents: list[Any] = [{}, {"version": 1}, [], None]
    for rubbish in documents:
        with pytest.raises(EnergyFormatError):
            Calibration.from_dict(rubbish)


@pytest.mark.parametrize(
    "power",
    [
        {"mean_w": -1.0},
        {"mean_w": float("inf")},
        {"mean_w": 1.0, "low_w": 2.0, "high_w": 1.0},
        {"mean_w": 1.0, "low_w": 2.0},
    ],
)
def test_a_power_that_cannot_be_is_refused(power: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        MeasuredPower(**power)


def test_a_machine_has_the_same_key_after_a_reboot_and_another_one_has_not() -> None:
    key = machine_key(FACTS)
    assert machine_key(replace(FACTS, boot_id="boot-2", memory_mb=7990.0)) == key
    others = [
        replace(FACTS, machine_id="machine-2"),
        replace(FACTS, cpu_name="Acme A2"),
        replace(FACTS, logical_cpus=8),
    ]
    assert len({key, *map(machine_key, others)}) == 4
    assert "machine-1" not in key


def test_without_a_machine_id_the_key_holds_for_this_boot() -> None:
    container = replace(FACTS, machine_id=None)
    assert machine_key(container) == machine_key(replace(container, memory_mb=1.0)) != ""
    assert machine_key(container) != machine_key(replace(container, boot_id="boot-2"))
    assert machine_key(replace(container, boot_id=None)) == ""


def test_calibrations_of_a_workspace_are_found_by_machine(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    assert load_calibrations(place) == {}
    other = replace(FACTS, machine_id="machine-2")
    first, second = calibration(), calibration(machine_key=machine_key(other))
    save_calibration(place, first)
    save_calibration(place, second)
    save_calibration(place, newest := replace(first, time="2026-01-01T00:00:00Z"))
    found = load_calibrations(place)
    assert found == {first.machine_key: newest, second.machine_key: second}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 1}', "\x00"])
def test_a_damaged_file_is_named_and_left_alone(tmp_path: Path, text: str) -> None:
    place = Workspace(tmp_path)
    path = save_calibration(place, calibration())
    path.write_text(text)
    with pytest.raises(EnergyFormatError, match=path.name):
        load_calibrations(place)
    assert path.read_text() == text


def test_a_file_that_was_copied_from_another_machine_is_refused(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    path = save_calibration(place, calibration())
    path.rename(path.with_name("0123456789abcdef.json"))
    with pytest.raises(EnergyFormatError, match="it is of machine"):
        load_calibrations(place)


def test_a_machine_without_identity_cannot_be_stored(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="machine-id"):
        save_calibration(Workspace(tmp_path), calibration(machine_key=""))


def test_a_folder_that_cannot_be_written_to_is_a_storage_error(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "file")
    place.root.write_text("in the way")
    with pytest.raises(StorageError):
        save_calibration(place, calibration())
    assert calibration_file(place, "abc").parent.parent == place.state
