"""RAPL over a run in which something happens to the counters, their files or the clocks."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from flexecutor_energy.energy import (
    EnergyDelta,
    EnergyReading,
    RaplCollector,
    energy_between,
    unwrapped,
)
from flexecutor_energy.energy.collector import Clocks
from flexecutor_energy.energy.domains import label
from tests.unit.powercap_tree import RANGE, advance, collector, refusing, two_sockets, zone


def record(
    meter: RaplCollector, steps: Sequence[Callable[[], object]]
) -> tuple[list[EnergyReading], list[EnergyDelta]]:
    """Read once, and once after each step; return the readings and what lies between them."""
    readings = [meter.read()]
    for step in steps:
        step()
        readings.append(meter.read())
    return readings, [energy_between(*pair) for pair in pairwise(readings)]


def setting(file: Path, *values: object) -> list[Callable[[], object]]:
    return [lambda value=value: file.write_text(f"{value}\n") for value in values]  # type: ignore[misc]


def test_one_domain_wraps_in_the_middle_of_a_run_and_the_others_do_not(tmp_path: Path) -> None:
    two_sockets(tmp_path)
    wrapping = tmp_path / "intel-rapl:1/energy_uj"
    wrapping.write_text(f"{RANGE - 60_000_000}")

    def second() -> None:
        raised = (int(wrapping.read_text()) + 40_000_000) % RANGE
        advance(tmp_path, 5_000_000)
        wrapping.write_text(f"{raised}")

    readings, deltas = record(collector(tmp_path), [second] * 4)
    assert int(wrapping.read_text()) == 100_000_000
    for delta in deltas:
        assert delta.domains_j["package-0"] == 5.0
        assert delta.domains_j["package-1"] == pytest.approx(40.0)
        assert delta.total_j == pytest.approx(40.0 + 3 * 5.0)
    assert unwrapped(readings)["package-1"] == [
        0,
        40_000_000,
        80_000_000,
        120_000_000,
        160_000_000,
    ]


def test_a_wrap_in_the_first_sample(tmp_path: Path) -> None:
    file = zone(tmp_path, "intel-rapl:0", "package-0", RANGE - 1) / "energy_uj"
    _, deltas = record(collector(tmp_path), setting(file, 50_000_000, 90_000_000))
    assert [delta.total_j for delta in deltas] == pytest.approx([50.000001, 40.0])


def test_a_gap_in_which_the_counter_may_have_wrapped_twice(tmp_path: Path) -> None:
    file = zone(tmp_path, "intel-rapl:0", "package-0", 0) / "energy_uj"
    times = iter([0.0, 1.0, 7201.0, 7202.0])
    meter = RaplCollector(tmp_path, clocks=Clocks(lambda: next(times), lambda: 0.0))
    watts = 100 * 10**6
    readings, deltas = record(
        meter, setting(file, watts, watts * 7201 % RANGE, watts * 7202 % RANGE)
    )
    assert [delta.total_j for delta in deltas] == [100.0, None, 100.0]
    assert "more than once in 7200 s" in (deltas[1].reason or "")
    assert unwrapped(readings)["package-0"] == [0, 10**8, None, 2 * 10**8]


@pytest.mark.parametrize("before", [5_000_000_000, 150_000_000_000, RANGE - 5_000_000_000])
def test_a_counter_that_was_reset_is_unknown_once_and_goes_on(tmp_path: Path, before: int) -> None:
    file = zone(tmp_path, "intel-rapl:0", "package-0", before) / "energy_uj"
    _, deltas = record(collector(tmp_path), setting(file, before + 10**7, 1_000, 10_001_000))
    assert [delta.total_j for delta in deltas] == [10.0, None, 10.0]
    assert "reset" in (deltas[1].reason or "")


@pytest.mark.parametrize("text", ["", "15", "15000\x00", "…"])
def test_a_damaged_read_in_the_middle_is_unknown_on_both_sides_and_nowhere_else(
    tmp_path: Path, text: str
) -> None:
    file = zone(tmp_path, "intel-rapl:0", "package-0", 150_000_000_000) / "energy_uj"
    values = (150_040_000_000, text, 150_120_000_000, 150_160_000_000)
    _, deltas = record(collector(tmp_path), setting(file, *values))
    assert [delta.total_j for delta in deltas] == [40.0, None, None, 40.0]
    assert all(delta.reason for delta in deltas[1:3])


@pytest.mark.parametrize("code", [errno.EIO, errno.ENODATA, errno.EACCES, errno.ENODEV])
def test_a_counter_that_is_refused_in_the_middle_of_a_run(tmp_path: Path, code: int) -> None:
    two_sockets(tmp_path)
    refused = refusing(tmp_path / "intel-rapl:1/energy_uj", code)
    read: list[Callable[[Path], str]] = [Path.read_text]
    meter = collector(tmp_path, lambda path: read[0](path))

    def second() -> None:
        advance(tmp_path, 10_000_000)

    def refuse() -> None:
        read[0] = refused
        second()

    def allow() -> None:
        read[0] = Path.read_text
        second()

    assert meter.probe().ok
    _, deltas = record(meter, [second, refuse, second, allow, second])
    assert [delta.total_j for delta in deltas] == [40.0, None, None, None, 40.0]
    assert all(delta.domains_j["package-0"] == 10.0 for delta in deltas)
    assert os.strerror(code) in (deltas[1].reason or "")
    assert "energy_uj" in (deltas[1].reason or "")


def test_a_zone_that_returns_under_another_number_is_the_same_counter(tmp_path: Path) -> None:
    two_sockets(tmp_path)
    steps = [
        lambda: shutil.move(tmp_path / "intel-rapl:1", tmp_path / "away"),
        lambda: shutil.move(tmp_path / "away", tmp_path / "intel-rapl:7"),
        lambda: advance(tmp_path, 10_000_000),
    ]
    _, deltas = record(collector(tmp_path), steps)
    assert [delta.total_j for delta in deltas] == [None, None, 40.0]


def test_a_socket_that_appears_during_a_run_is_unknown_once_and_then_counts(
    tmp_path: Path,
) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0")
    steps = [
        lambda: advance(tmp_path, 10_000_000),
        lambda: zone(tmp_path, "intel-rapl:1", "package-1", 77),
        lambda: advance(tmp_path, 10_000_000),
    ]
    _, deltas = record(collector(tmp_path), steps)
    assert [delta.total_j for delta in deltas] == [10.0, None, 20.0]


def test_a_socket_whose_cpus_go_offline_takes_its_zone_away(tmp_path: Path) -> None:
    two_sockets(tmp_path)

    def offline() -> None:
        for folder in list(tmp_path.glob("intel-rapl:1*")):
            shutil.rmtree(folder)
        advance(tmp_path, 10_000_000)

    _, deltas = record(collector(tmp_path), [lambda: advance(tmp_path, 10_000_000), offline])
    assert [delta.total_j for delta in deltas] == [40.0, None]
    assert "No such file" in (deltas[1].reason or "")
    fresh = collector(tmp_path)
    assert fresh.probe().ok
    _, deltas = record(fresh, [lambda: advance(tmp_path, 10_000_000)])
    assert deltas[0].total_j == 20.0


def test_a_register_that_vanishes_is_not_continued_by_its_memory_mapped_duplicate(
    tmp_path: Path,
) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000)
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", 9_000_000)
    _, deltas = record(collector(tmp_path), [lambda: shutil.rmtree(tmp_path / "intel-rapl:0")])
    assert deltas[0].total_j is None


def test_memory_mapped_duplicates_that_differ_slightly_count_once(tmp_path: Path) -> None:
    register = zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000) / "energy_uj"
    mapped = zone(tmp_path, "intel-rapl-mmio:0", "package-0", 1_000_061) / "energy_uj"
    zone(tmp_path, "intel-rapl-mmio:0:0", "dram", 0)

    def second() -> None:
        register.write_text("31000000")
        mapped.write_text("31000183")

    meter = collector(tmp_path)
    assert [each.folder.name for each in meter.zones()] == ["intel-rapl-mmio:0:0", "intel-rapl:0"]
    _, deltas = record(meter, [second])
    assert deltas[0].total_j == 30.0


@pytest.mark.parametrize(("second_die_j", "total_j"), [(40.0, 40.0), (25.0, 65.0)])
def test_dies_of_one_package_that_mirror_each_other_and_that_do_not(
    tmp_path: Path, second_die_j: float, total_j: float
) -> None:
    start = 50_000_000_000
    dies = [
        zone(tmp_path, f"intel-rapl:{die}", f"package-0-die-{die}", start) / "energy_uj"
        for die in (0, 1)
    ]

    def second() -> None:
        for file, joules in zip(dies, (40.0, second_die_j), strict=True):
            file.write_text(f"{int(file.read_text()) + round(joules * 1e6)}\n")

    readings, deltas = record(collector(tmp_path), [second] * 3)
    assert [delta.total_j for delta in deltas] == pytest.approx([total_j] * 3)
    assert sum(counter[-1] or 0 for counter in unwrapped(readings).values()) == 3e6 * total_j


def test_amd_counts_its_packages_and_not_the_cores_inside_them(tmp_path: Path) -> None:
    for socket in (0, 1):
        zone(tmp_path, f"intel-rapl:{socket}", f"package-{socket}", span=65_532_610_987)
        zone(tmp_path, f"intel-rapl:{socket}:0", "core", span=65_532_610_987)
    _, deltas = record(collector(tmp_path), [lambda: advance(tmp_path, 10_000_000)])
    assert deltas[0].total_j == 20.0
    assert deltas[0].domains_j["core-1"] == 10.0


def test_a_wall_clock_that_steps_back_changes_nothing(tmp_path: Path) -> None:
    file = zone(tmp_path, "intel-rapl:0", "package-0", 0) / "energy_uj"
    monotonic, wall = iter([0.0, 1.0, 2.0]), iter([5000.0, 5001.0, 1000.0])
    meter = RaplCollector(tmp_path, clocks=Clocks(lambda: next(monotonic), lambda: next(wall)))
    _, deltas = record(meter, setting(file, 10**7, 2 * 10**7))
    assert [delta.total_j for delta in deltas] == [10.0, 10.0]


def test_two_readings_at_one_time_keep_their_energy(tmp_path: Path) -> None:
    file = zone(tmp_path, "intel-rapl:0", "package-0", 0) / "energy_uj"
    times = iter([0.0, 1.0, 1.0, 2.0])
    meter = RaplCollector(tmp_path, clocks=Clocks(lambda: next(times), lambda: 0.0))
    readings, deltas = record(meter, setting(file, 10**7, 11 * 10**6, 21 * 10**6))
    assert [delta.total_j for delta in deltas] == [10.0, 1.0, 10.0]
    assert unwrapped(readings)["package-0"] == [0, 10**7, 11 * 10**6, 21 * 10**6]


def test_energy_over_a_suspend_is_nobodys(tmp_path: Path) -> None:
    file = zone(tmp_path, "intel-rapl:0", "package-0", 0) / "energy_uj"
    monotonic, wall = iter([0.0, 1.0, 2.0, 3.0]), iter([0.0, 1.0, 7202.0, 7203.0])
    meter = RaplCollector(tmp_path, clocks=Clocks(lambda: next(monotonic), lambda: next(wall)))
    _, deltas = record(meter, setting(file, 10**7, 500 * 10**6, 510 * 10**6))
    assert [delta.total_j for delta in deltas] == [10.0, None, 10.0]
    assert "slept" in (deltas[1].reason or "")


def test_a_zone_whose_name_is_refused_makes_the_method_unavailable(tmp_path: Path) -> None:
    two_sockets(tmp_path)
    meter = collector(tmp_path, refusing(tmp_path / "intel-rapl:1/name", errno.EACCES))
    availability = meter.probe()
    assert not availability.ok
    assert "intel-rapl:1/name: Permission denied" in availability.reason
    assert "CVE-2020-8694" in availability.remedy


AS_NOBODY = """
import json, os, sys
from pathlib import Path
from flexecutor_energy.energy import RaplCollector, energy_between, select_collector
from flexecutor_energy.energy.domains import label

select_collector("auto", perf_command=("/nonexistent/perf",))  # loads what it needs
os.chdir(sys.argv[1])  # nobody may look below here, but not into the folders above
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
root = Path(".")
meter = RaplCollector(root)
answer, reading = meter.probe(), meter.read()
chosen = select_collector("auto", root=root, perf_command=("/nonexistent/perf",))
print(json.dumps({
    "ok": answer.ok, "reason": answer.reason, "remedy": answer.remedy,
    "domains": {label(domain): value for domain, value in reading.domains.items()},
    "problems": {label(domain): why for domain, why in reading.problems.items()},
    "total": energy_between(reading, meter.read()).total_j,
    "method": chosen.method, "refused": chosen.refused,
}))
"""


def as_nobody(root: Path) -> dict[str, object]:
    root.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(root)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_a_user_who_may_read_names_and_not_counters_gets_the_file_the_remedy_and_the_model(
    tmp_path: Path,
) -> None:
    root = two_sockets(tmp_path)
    for file in root.rglob("energy_uj"):
        file.chmod(0o400)
    answer = as_nobody(root)
    assert answer["ok"] is False
    assert "intel-rapl:0/energy_uj: Permission denied" in str(answer["reason"])
    assert "CVE-2020-8694" in str(answer["remedy"])
    assert answer["domains"] == dict.fromkeys(map(label, collector(root).read().domains))
    assert answer["total"] is None
    assert answer["method"] == "model"
    assert dict(answer["refused"])["rapl"] == answer["reason"]  # type: ignore[call-overload]


def test_a_user_who_may_read_one_socket_of_two_has_no_total(tmp_path: Path) -> None:
    root = two_sockets(tmp_path)
    (root / "intel-rapl:1/energy_uj").chmod(0o400)
    answer = as_nobody(root)
    assert answer["ok"] is False
    assert "package-1: intel-rapl:1/energy_uj" in str(answer["reason"])
    assert answer["domains"]["package-0"] == 1_000_000  # type: ignore[index]
    assert answer["domains"]["package-1"] is None  # type: ignore[index]
    assert "Permission denied" in answer["problems"]["package-1"]  # type: ignore[index]
    assert answer["total"] is None


def test_a_user_who_may_read_everything_measures(tmp_path: Path) -> None:
    answer = as_nobody(two_sockets(tmp_path))
    assert answer["ok"] is True
    assert answer["method"] == "rapl"
    assert answer["total"] == 0.0
    assert answer["refused"] == []


def test_this_machine_is_read_or_refused_with_a_reason() -> None:
    availability = RaplCollector().probe()
    assert availability.reason
    assert availability.ok == (energy_between(*[RaplCollector().read()] * 2).total_j is not None)
