"""Whole machines of unusual kinds, from their files to the meter that is chosen for them."""

import errno
import os
from pathlib import Path

import pytest

from flexecutor_energy.energy import (
    ModelCollector,
    RaplCollector,
    available_collectors,
    energy_between,
    select_collector,
)
from flexecutor_energy.energy.collector import Clocks
from flexecutor_energy.energy.select import probe_collectors
from flexecutor_energy.hardware import detect_host, host_power_curve
from tests.unit.powercap_tree import RANGE, advance, refusing, two_sockets, zone

NO_PERF = ("/nonexistent/perf",)
ARM_CPU = (
    "processor\t: {0}\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd\nCPU implementer\t: {1}\n"
    "CPU architecture: 8\nCPU part\t: {2}\n\n"
)


def system(root: Path, cpus: int = 4) -> Path:
    """A root with a ``/proc/stat`` of some CPUs, and an empty powercap folder."""
    (root / "proc").mkdir(parents=True)
    write_stat(root, 100.0, cpus)
    (root / "sys/class/powercap").mkdir(parents=True)
    return root


def write_stat(root: Path, busy_s: float, cpus: int) -> None:
    lines = [f"cpu  {round(100 * busy_s)} 0 0 99999 0 0 0 0 0 0"]
    lines += [f"cpu{at} 1 0 0 1 0 0 0 0 0 0" for at in range(cpus)]
    (root / "proc/stat").write_text("\n".join(lines) + "\n")


def test_a_machine_without_powercap_is_modelled_and_says_why(tmp_path: Path) -> None:
    root = system(tmp_path)
    (root / "sys/class/powercap").rmdir()
    chosen = select_collector("auto", root=root, perf_command=NO_PERF)
    assert chosen.method == "model"
    refused = dict(chosen.refused)
    assert str(root) in refused["rapl"]
    assert "not installed" in refused["perf"]


@pytest.mark.parametrize("part", ["0xd0c", "0xfff"])
def test_an_arm_machine_without_a_model_name_is_modelled(tmp_path: Path, part: str) -> None:
    root = system(tmp_path)
    cpuinfo = "".join(ARM_CPU.format(number, "0x41", part) for number in range(4))
    (root / "proc/cpuinfo").write_text(cpuinfo)
    facts = detect_host(root)
    assert "model name" not in cpuinfo
    assert (facts.cpu_name is None) == (part == "0xfff")
    curve = host_power_curve(facts)
    chosen = select_collector("auto", root=root, curve=curve, perf_command=NO_PERF)
    assert chosen.method == "model"
    assert chosen.probe().ok
    assert ("unknown processor" in chosen.probe().reason) == (not curve.known)
    first = chosen.read()
    write_stat(root, 101.0, 4)
    assert (energy_between(first, chosen.read()).total_j or 0.0) > 0.0


def test_an_amd_machine_is_measured_by_its_packages(tmp_path: Path) -> None:
    powercap = system(tmp_path) / "sys/class/powercap"
    for socket in (0, 1):
        zone(powercap, f"intel-rapl:{socket}", f"package-{socket}", span=65_532_610_987)
        zone(powercap, f"intel-rapl:{socket}:0", "core", span=65_532_610_987)
    chosen = select_collector("auto", root=tmp_path, perf_command=NO_PERF)
    assert chosen.method == "rapl"
    first = chosen.read()
    advance(powercap, 10_000_000)
    assert energy_between(first, chosen.read()).total_j == 20.0


def test_a_machine_whose_cpus_go_offline_draws_no_more_than_all_of_them(tmp_path: Path) -> None:
    root = system(tmp_path, cpus=4)
    facts = detect_host(root)
    assert facts.logical_cpus in (4, None)
    curve = host_power_curve(facts).for_threads(4)
    now = [0.0]
    meter = ModelCollector(
        curve, root=root, clocks=Clocks(lambda: now[0], lambda: 0.0), ticks_per_s=100
    )
    readings = [meter.read()]
    for at, (busy_s, cpus) in enumerate([(104.0, 4), (106.0, 2), (108.0, 2), (108.0, 4)], 1):
        now[0] = float(at)
        write_stat(root, busy_s, cpus)
        readings.append(meter.read())
    joules = [energy_between(readings[at], readings[at + 1]).total_j for at in range(4)]
    assert joules[0] == pytest.approx(curve.max_w)
    assert joules[3] == pytest.approx(curve.idle_w)
    for drawn in joules:
        assert drawn is not None
        assert curve.idle_w - 1e-5 <= drawn <= curve.max_w + 1e-5


@pytest.mark.parametrize(
    ("kind", "counts"), [("psys", True), ("package-0", True), ("core", False), ("uncore", False)]
)
def test_a_machine_with_one_kind_of_zone(tmp_path: Path, kind: str, counts: bool) -> None:
    file = zone(tmp_path, "intel-rapl:0", kind, 5) / "energy_uj"
    meter = RaplCollector(tmp_path)
    first = meter.read()
    file.write_text("7000005")
    delta = energy_between(first, meter.read())
    assert delta.total_j == (7.0 if counts else None)
    assert list(delta.domains_j.values()) == [7.0]


@pytest.mark.parametrize("kind", ["core", "uncore", "dram"])
def test_a_machine_whose_zones_hold_no_processor_is_not_available(
    tmp_path: Path, kind: str
) -> None:
    zone(tmp_path, "intel-rapl:0", kind, 5)
    availability = RaplCollector(tmp_path).probe()
    assert not availability.ok
    assert f"{kind}-0 and no package" in availability.reason
    assert select_collector("auto", root=tmp_path, perf_command=NO_PERF).method == "model"


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EIO])
def test_a_machine_of_which_one_socket_cannot_be_read_has_no_total(
    tmp_path: Path, code: int
) -> None:
    file = two_sockets(tmp_path) / "intel-rapl:0/energy_uj"
    meter = RaplCollector(tmp_path, read_text=refusing(file, code))
    availability = meter.probe()
    assert not availability.ok
    assert f"package-0: {file}: {os.strerror(code)}" in availability.reason
    assert bool(availability.remedy) == (code != errno.EIO)
    first = meter.read()
    advance(tmp_path, 10_000_000)
    delta = energy_between(first, meter.read())
    assert delta.total_j is None
    assert delta.domains_j["package-0"] is None
    assert delta.domains_j["package-1"] == 10.0


@pytest.mark.parametrize("text", ["", "\n", "garbage", "12 34"])
def test_a_machine_with_a_broken_counter_is_refused_before_a_run(
    tmp_path: Path, text: str
) -> None:
    (two_sockets(tmp_path) / "intel-rapl:1/energy_uj").write_text(text)
    answers = probe_collectors(root=tmp_path, perf_command=NO_PERF)
    assert not answers["rapl"].ok
    assert "intel-rapl:1/energy_uj" in answers["rapl"].reason
    assert "rapl" not in available_collectors(root=tmp_path, perf_command=NO_PERF)


@pytest.mark.parametrize("span", [None, 0, "garbage", RANGE])
def test_a_machine_is_measured_whatever_its_range_file_says(tmp_path: Path, span: object) -> None:
    file = zone(tmp_path, "intel-rapl:0", "package-0", 5_000_000, span) / "energy_uj"
    meter = select_collector("rapl", root=tmp_path)
    first = meter.read()
    file.write_text("25000000")
    assert energy_between(first, meter.read()).total_j == 20.0
