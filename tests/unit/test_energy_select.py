import logging
from pathlib import Path

import pytest

from flexecutor_energy.energy import (
    EnergyCollector,
    ModelCollector,
    RaplCollector,
    available_collectors,
    select_collector,
)
from flexecutor_energy.energy.curves import tdp_curve
from flexecutor_energy.energy.select import probe_collectors
from flexecutor_energy.errors import ConfigurationError, EnergyUnavailableError

NO_PERF = ("/nonexistent/perf",)


def powercap(root: Path) -> Path:
    zone = root / "intel-rapl:0"
    zone.mkdir(parents=True)
    for name, text in {"name": "package-0", "energy_uj": "5", "max_energy_range_uj": "9"}.items():
        (zone / name).write_text(f"{text}\n")
    return root


def proc(root: Path) -> Path:
    (root / "proc").mkdir()
    (root / "proc/stat").write_text(
        "cpu  10 0 10 1000 0 0 0 0 0 0\ncpu0 10 0 10 1000 0 0 0 0 0 0\n"
    )
    return root


def test_auto_takes_rapl_where_it_can_be_read(tmp_path: Path) -> None:
    chosen = select_collector("auto", root=powercap(tmp_path), perf_command=NO_PERF)
    assert chosen.method == "rapl"
    assert isinstance(chosen.collector, RaplCollector)
    assert chosen.refused == []
    assert chosen.read().domains == {(0, "package"): 5}


def test_the_root_may_be_that_of_a_whole_system(tmp_path: Path) -> None:
    powercap(proc(tmp_path) / "sys/class/powercap")
    assert select_collector("auto", root=tmp_path, perf_command=NO_PERF).method == "rapl"
    assert select_collector("model", root=tmp_path).read().domains[(0, "wall")] == 0


def test_auto_falls_back_to_the_model_and_keeps_the_reasons(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    curve = tdp_curve("Acme A1", 100.0)
    with caplog.at_level(logging.INFO):
        chosen = select_collector("auto", root=proc(tmp_path), curve=curve, perf_command=NO_PERF)
    assert isinstance(chosen.collector, ModelCollector)
    assert chosen.collector.curve == curve
    assert [method for method, _ in chosen.refused] == ["rapl", "perf"]
    assert all(reason for _, reason in chosen.refused)
    assert "rapl is not used" in caplog.text


def test_a_method_that_is_asked_for_is_used_or_refused_and_never_replaced(tmp_path: Path) -> None:
    with pytest.raises(EnergyUnavailableError) as caught:
        select_collector("rapl", root=proc(tmp_path))
    assert caught.value.method == "rapl"
    assert "modprobe" in caught.value.remedy
    with pytest.raises(EnergyUnavailableError, match="not installed"):
        select_collector("perf", perf_command=NO_PERF)


def test_auto_without_any_method_names_every_reason(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    with pytest.raises(EnergyUnavailableError, match=r"rapl: .*; perf: .*; model: "):
        select_collector("auto", root=tmp_path, perf_command=NO_PERF)


def test_off_reads_nothing() -> None:
    chosen = select_collector("off")
    assert chosen.method == "off"
    assert not chosen.probe().ok
    assert chosen.read().domains == {}


def test_an_unknown_method_is_refused_with_the_list_of_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match="auto, rapl, perf, model, all, off"):
        select_collector("solar")


def test_the_model_without_a_curve_says_that_the_processor_is_unknown(tmp_path: Path) -> None:
    chosen = select_collector("model", root=proc(tmp_path))
    assert "unknown processor" in chosen.probe().reason


def test_what_is_available_is_listed_with_the_best_first(tmp_path: Path) -> None:
    powercap(proc(tmp_path) / "sys/class/powercap")
    meters = available_collectors(root=tmp_path, perf_command=NO_PERF)
    assert list(meters) == ["rapl", "model"]
    assert all(isinstance(meter, EnergyCollector) for meter in meters.values())
    answers = probe_collectors(root=tmp_path, perf_command=NO_PERF)
    assert {name: answer.ok for name, answer in answers.items()} == {
        "rapl": True,
        "perf": False,
        "model": True,
    }


def test_a_meter_of_another_package_is_found_by_its_entry_point(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    info = site / "acme_meter-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-meter\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[flexecutor_energy.collectors]\nacme = acme_meter:make\nrapl = acme_meter:make\n"
    )
    (site / "acme_meter.py").write_text(
        "from flexecutor_energy.energy import ReplayCollector\n"
        "def make(root):\n"
        "    return ReplayCollector.from_series([0.0], {(0, 'wall'): [5]})\n"
    )
    monkeypatch.syspath_prepend(str(site))
    assert select_collector("acme").read().domains == {(0, "wall"): 5}
    assert "acme" in available_collectors(root=tmp_path, perf_command=NO_PERF)
    with pytest.raises(EnergyUnavailableError):
        select_collector("rapl", root=tmp_path)
