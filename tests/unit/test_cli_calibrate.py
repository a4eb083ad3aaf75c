"""``calibrate`` on a machine of files whose clock the test moves."""

import functools
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from flexecutor_energy.cli import app
from flexecutor_energy.energy import calibrating
from flexecutor_energy.hardware import full_load
from flexecutor_energy.hardware.calibrations import load_calibrations
from flexecutor_energy.hardware.detect import detect_host, machine_key
from flexecutor_energy.workspace import Workspace
from tests.simulated_machine import Machine


def calibrate(tmp_path: Path, *options: str) -> Any:
    return CliRunner().invoke(app, ["calibrate", "--workspace", str(tmp_path / "ws"), *options])


def stored(tmp_path: Path) -> Any:
    return load_calibrations(Workspace(tmp_path / "ws")).get(machine_key(detect_host()))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    cpus = detect_host().logical_cpus or 1
    simulated = Machine(tmp_path / "root", cpus=cpus, cpu_w=60.0 / cpus)
    clock = SimpleNamespace(monotonic=lambda: simulated.now, time=lambda: simulated.now)
    monkeypatch.setattr("flexecutor_energy.energy.collector.time", clock)
    monkeypatch.setattr(
        calibrating,
        "Calibrator",
        functools.partial(
            calibrating.Calibrator, sleep=simulated.sleep, own_cpu_s=lambda: simulated.now * 0
        ),
    )
    monkeypatch.setattr(full_load, "FullLoad", lambda processes: simulated.full_load())
    monkeypatch.setenv("FLEXECUTOR_ENERGY_HOST_ROOT", str(simulated.root))
    monkeypatch.setenv("FLEXECUTOR_ENERGY_PERF", "no-such-perf")
    return simulated


@pytest.fixture
def no_counters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEXECUTOR_ENERGY_HOST_ROOT", str(tmp_path))
    monkeypatch.setenv("FLEXECUTOR_ENERGY_PERF", "no-such-perf")


@pytest.mark.usefixtures("machine")
def test_a_machine_is_measured_and_the_workspace_remembers_it(tmp_path: Path) -> None:
    result = calibrate(tmp_path)
    assert result.exit_code == 0, result.output
    kept = stored(tmp_path)
    assert (kept.method, kept.boundary) == ("rapl", "package+dram")
    assert kept.idle.mean_w == pytest.approx(24.0, abs=1e-3)
    assert kept.loaded.mean_w == pytest.approx(84.0, abs=1e-3)
    assert kept.idle.seconds >= 30
    assert kept.foreign_share == pytest.approx(0.0)
    assert "hashes, compresses" in kept.source
    assert "24 … 24" in result.output
    assert "other programs used 0.0 % of the CPUs" in result.output
    assert f"{machine_key(detect_host())}.json" in result.output


@pytest.mark.usefixtures("machine")
def test_on_a_terminal_both_states_have_a_bar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes any stream for a terminal
    result = calibrate(tmp_path, "--seconds", "5")
    assert result.exit_code == 0, result.output
    assert "24 W" in result.stderr
    assert "84 W" in result.stderr
    assert "━" in result.stderr


@pytest.mark.usefixtures("machine")
def test_doctor_shows_it_and_models_with_it(tmp_path: Path) -> None:
    assert calibrate(tmp_path, "--seconds", "5").exit_code == 0
    options = ["--workspace", str(tmp_path / "ws"), "--storage", "file", "--json"]
    shown = json.loads(CliRunner().invoke(app, ["doctor", *options]).stdout)
    assert shown["driver"]["power_curve"]["kind"] == "calibrated"
    watts = shown["driver"]["power_curve"]["mean_w"]
    assert (watts[0], watts[-1]) == pytest.approx((24.0, 84.0), abs=1e-3)
    found = {finding["subject"]: finding for finding in shown["energy"]}
    assert found["rapl"]["state"] == "ok"
    assert "measured with rapl" in found["calibration"]["detail"]


@pytest.mark.usefixtures("machine")
def test_what_was_there_before_is_named_when_it_is_replaced(tmp_path: Path) -> None:
    calibrate(tmp_path, "--idle-w", "1", "--max-w", "2", "--source", "old plug")
    result = calibrate(tmp_path, "--seconds", "5", "--json")
    document = json.loads(result.stdout)
    assert document["replaced"]["source"] == "old plug"
    assert document["calibration"]["method"] == "rapl"
    assert Path(document["file"]).is_file()


def test_others_at_work_are_refused_and_may_be_accepted(machine: Machine, tmp_path: Path) -> None:
    machine.foreign_cpus = 0.2 * machine.cpus
    refused = calibrate(tmp_path, "--seconds", "5")
    assert refused.exit_code == 4
    assert "20% of the CPUs" in refused.output
    assert stored(tmp_path) is None
    accepted = calibrate(tmp_path, "--seconds", "5", "--force")
    assert accepted.exit_code == 0
    assert "20.0 % of the CPUs" in accepted.output
    assert stored(tmp_path).disturbed
    doctor = ["doctor", "--workspace", str(tmp_path / "ws"), "--storage", "file"]
    assert "while others used 20%" in CliRunner().invoke(app, doctor).output


@pytest.mark.usefixtures("machine")
def test_idle_only_puts_no_load_on_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(processes: int) -> None:
        raise AssertionError("a load was started")

    monkeypatch.setattr(full_load, "FullLoad", refuse)
    assert calibrate(tmp_path, "--seconds", "5", "--idle-only").exit_code == 0
    assert stored(tmp_path).loaded is None


@pytest.mark.usefixtures("no_counters")
def test_without_counters_reasons_and_the_way_out_are_told(tmp_path: Path) -> None:
    result = calibrate(tmp_path)
    assert result.exit_code == 4
    assert "no-such-perf is not installed" in result.output
    assert "rapl" in result.output
    assert "--idle-w WATTS --max-w WATTS" in result.output
    document = json.loads(calibrate(tmp_path, "--json").stdout)
    assert document["error"]["exit_code"] == 4
    assert "no-such-perf is not installed" in document["error"]["message"]
    assert stored(tmp_path) is None


@pytest.mark.usefixtures("no_counters")
def test_one_method_is_used_or_refused_never_replaced(tmp_path: Path) -> None:
    result = calibrate(tmp_path, "--method", "perf")
    assert result.exit_code == 4
    assert "no-such-perf" in result.output
    assert "rapl" not in result.output


@pytest.mark.usefixtures("no_counters")
def test_figures_of_a_wall_meter_are_kept_with_their_source(tmp_path: Path) -> None:
    options = ("--idle-w", "38", "--max-w", "142.5", "--source", "Acme plug")
    result = calibrate(tmp_path, *options)
    assert result.exit_code == 0
    kept = stored(tmp_path)
    assert (kept.idle.mean_w, kept.loaded.mean_w) == (38.0, 142.5)
    assert (kept.idle.low_w, kept.idle.windows, kept.foreign_share) == (None, None, None)
    assert (kept.method, kept.boundary, kept.source) == ("given", "wall", "Acme plug")
    assert "Acme plug" in result.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--idle-w", "38"), "give both"),
        (("--max-w", "38"), "give both"),
        (("--idle-w", "38", "--max-w", "30"), "no less when it is busy"),
        (("--idle-w", "0", "--max-w", "30"), "more than 0 W"),
        (("--idle-w", "nan", "--max-w", "30"), "more than 0 W"),
        (("--idle-w", "3", "--max-w", "inf"), "more than 0 W"),
        (("--idle-w", "3", "--max-w", "4", "--boundary", "room"), "wall, package"),
        (("--seconds", "4"), "no less than 5"),
        (("--method", "model"), "rapl or perf"),
        (("--method", "gas"), "does not exist"),
    ],
)
@pytest.mark.usefixtures("no_counters")
def test_what_makes_no_sense_is_refused(
    options: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    result = calibrate(tmp_path, *options)
    assert result.exit_code == 2
    assert said in result.output
    assert stored(tmp_path) is None
