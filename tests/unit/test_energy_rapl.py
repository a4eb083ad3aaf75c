"""Trees of files shaped like ``/sys/class/powercap``, with all that is known to go wrong there."""

import errno
import shutil
from pathlib import Path

import pytest

from flexecutor_energy.energy import energy_between
from tests.unit.powercap_tree import RANGE, advance, collector, refusing, two_sockets, zone


def test_zones_are_known_by_their_name_files(tmp_path: Path) -> None:
    reading = collector(two_sockets(tmp_path)).read()
    assert set(reading.domains) == {
        (0, "package"),
        (0, "core"),
        (0, "dram"),
        (1, "package"),
        (1, "core"),
        (1, "dram"),
        (1, "uncore"),
        (0, "psys"),
    }
    assert reading.method == "rapl"
    assert reading.ranges_uj[(0, "package")] == RANGE


def test_packages_and_dram_of_both_sockets_are_the_total(tmp_path: Path) -> None:
    meter = collector(two_sockets(tmp_path))
    first = meter.read()
    advance(tmp_path, 10_000_000)
    delta = energy_between(first, meter.read())
    assert delta.total_j == 40.0
    assert delta.domains_j["psys-0"] == 10.0


def test_a_tree_that_lists_zones_flat_and_nested_counts_them_once(tmp_path: Path) -> None:
    for parent in ("", "intel-rapl/"):
        zone(tmp_path, f"{parent}intel-rapl:0", "package-0", 5_000_000)
        inside = f"{parent}intel-rapl:0/" if parent else ""
        zone(tmp_path, f"{inside}intel-rapl:0:0", "dram", 1_000_000)
    meter = collector(tmp_path)
    assert len(meter.zones()) == 2
    first = meter.read()
    advance(tmp_path, 1_000_000)
    assert energy_between(first, meter.read()).total_j == 2.0


def test_a_tree_of_links_like_that_of_the_kernel_counts_once(tmp_path: Path) -> None:
    devices, powercap = tmp_path / "devices", tmp_path / "class"
    zone(devices, "intel-rapl/intel-rapl:0", "package-0")
    zone(devices, "intel-rapl/intel-rapl:0/intel-rapl:0:0", "core")
    powercap.mkdir()
    for path in (
        "intel-rapl",
        "intel-rapl/intel-rapl:0",
        "intel-rapl/intel-rapl:0/intel-rapl:0:0",
    ):
        (powercap / Path(path).name).symlink_to(devices / path)
    (devices / "intel-rapl/intel-rapl:0/subsystem").symlink_to(powercap)
    assert [z.domain for z in collector(powercap).zones()] == [(0, "core"), (0, "package")]


def test_a_tree_that_is_only_nested_is_found(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl/intel-rapl:0", "package-0")
    zone(tmp_path, "intel-rapl/intel-rapl:0/intel-rapl:0:0", "dram")
    assert [z.domain for z in collector(tmp_path).zones()] == [(0, "dram"), (0, "package")]


def test_registers_are_preferred_to_their_memory_mapped_duplicate(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", 1_234_567)
    zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000)
    assert collector(tmp_path).read().domains == {(0, "package"): 1_000_000}


def test_memory_mapped_zones_serve_where_there_is_nothing_else(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", 7)
    assert collector(tmp_path).read().domains == {(0, "package"): 7}


@pytest.mark.parametrize(("kind", "total_j"), [("psys", 3.0), ("core", None)])
def test_platform_alone_is_a_total_and_cores_alone_are_not(
    tmp_path: Path, kind: str, total_j: float | None
) -> None:
    zone(tmp_path, "intel-rapl:0", kind)
    meter = collector(tmp_path)
    first = meter.read()
    advance(tmp_path, 3_000_000)
    assert energy_between(first, meter.read()).total_j == total_j


def test_amd_sockets_0_and_2_and_a_tenth_zone(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0")
    zone(tmp_path, "intel-rapl:1", "package-2")
    zone(tmp_path, "intel-rapl:10", "package-10")
    zone(tmp_path, "intel-rapl:10:0", "core")
    domains = set(collector(tmp_path).read().domains)
    assert domains == {(0, "package"), (2, "package"), (10, "package"), (10, "core")}


def test_dies_of_one_package_keep_their_names(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0-die-0")
    zone(tmp_path, "intel-rapl:1", "package-0-die-1")
    zone(tmp_path, "intel-rapl:1:0", "dram")
    assert set(collector(tmp_path).read().domains) == {
        (0, "package-die-0"),
        (0, "package-die-1"),
        (0, "dram"),
    }


def test_malformed_zones_are_left_out(tmp_path: Path) -> None:
    two_sockets(tmp_path)
    zone(tmp_path, "intel-rapl:x", "package-7")
    zone(tmp_path, "intel-rapl:3", "package-")
    zone(tmp_path, "intel-rapl:4", "")
    zone(tmp_path, "intel-rapl:5", "package-9").joinpath("name").unlink()
    zone(tmp_path, "dtpm:0", "package-8")
    (tmp_path / "intel-rapl:6").write_text("a file")
    assert {socket for socket, _ in collector(tmp_path).read().domains} == {0, 1}


@pytest.mark.parametrize("exists", [True, False])
def test_without_zones_the_probe_says_what_to_do_and_the_reading_is_none(
    tmp_path: Path, exists: bool
) -> None:
    root = tmp_path if exists else tmp_path / "none"
    meter = collector(root)
    availability = meter.probe()
    assert not availability.ok
    assert str(root) in availability.reason
    assert "modprobe" in availability.remedy
    assert meter.read().domains == {(0, "package"): None}
    assert energy_between(meter.read(), meter.read()).total_j is None


@pytest.mark.parametrize("span", [None, 0, "garbage", ""])
def test_a_useless_range_is_unknown_and_matters_only_for_a_wrap(
    tmp_path: Path, span: object
) -> None:
    path = zone(tmp_path, "intel-rapl:0", "package-0", 5_000_000, span)
    meter = collector(tmp_path)
    first = meter.read()
    assert first.ranges_uj == {(0, "package"): None}
    (path / "energy_uj").write_text("6000000")
    second = meter.read()
    assert energy_between(first, second).total_j == 1.0
    (path / "energy_uj").write_text("10")
    assert energy_between(second, meter.read()).total_j is None


@pytest.mark.parametrize("text", ["", "\n", "12x", "-5", "1_000", "0x10", "1e6"])
def test_a_damaged_counter_is_none_with_its_file(tmp_path: Path, text: str) -> None:
    path = zone(tmp_path, "intel-rapl:0", "package-0")
    (path / "energy_uj").write_text(text)
    reading = collector(tmp_path).read()
    assert reading.domains == {(0, "package"): None}
    assert str(path / "energy_uj") in reading.problems[(0, "package")]


def test_a_zone_that_goes_and_comes_back_is_unknown_in_between(tmp_path: Path) -> None:
    two_sockets(tmp_path)
    meter = collector(tmp_path)
    readings = [meter.read()]
    shutil.move(tmp_path / "intel-rapl:1", tmp_path / "away")
    readings.append(meter.read())
    shutil.move(tmp_path / "away", tmp_path / "intel-rapl:1")
    readings.append(meter.read())
    assert readings[1].domains[(1, "package")] is None
    assert "No such file" in readings[1].problems[(1, "package")]
    assert energy_between(readings[0], readings[1]).total_j is None
    assert energy_between(readings[1], readings[2]).total_j is None
    assert energy_between(readings[0], readings[2]).total_j == 0.0


def test_a_refused_socket_is_named_with_the_remedy(tmp_path: Path) -> None:
    two_sockets(tmp_path)
    file = tmp_path / "intel-rapl:1" / "energy_uj"
    meter = collector(tmp_path, refusing(file, errno.EACCES))
    availability = meter.probe()
    assert not availability.ok
    assert str(file) in availability.reason
    assert "CVE-2020-8694" in availability.remedy
    reading = meter.read()
    assert reading.domains[(0, "package")] == 1_000_000
    assert reading.domains[(1, "package")] is None
    assert energy_between(reading, meter.read()).total_j is None


def test_a_refused_part_of_a_package_does_not_matter(tmp_path: Path) -> None:
    two_sockets(tmp_path)
    file = tmp_path / "intel-rapl:0:0" / "energy_uj"
    assert (tmp_path / "intel-rapl:0:0" / "name").read_text() == "core\n"
    assert collector(tmp_path, refusing(file, errno.EACCES)).probe().ok


def test_an_input_output_error_is_none_and_no_matter_of_permission(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0")
    file = tmp_path / "intel-rapl:0" / "energy_uj"
    meter = collector(tmp_path, refusing(file, errno.EIO))
    assert meter.read().domains == {(0, "package"): None}
    availability = meter.probe()
    assert not availability.ok
    assert availability.remedy == ""


def test_a_probe_of_a_working_tree_names_what_it_found(tmp_path: Path) -> None:
    availability = collector(two_sockets(tmp_path)).probe()
    assert availability.ok
    assert "package-1" in availability.reason


def test_a_tree_that_appears_after_the_first_look_is_found(tmp_path: Path) -> None:
    meter = collector(tmp_path)
    assert not meter.probe().ok
    two_sockets(tmp_path)
    assert meter.read().domains[(0, "package")] == 1_000_000
