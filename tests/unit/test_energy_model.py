import os
from pathlib import Path

import pytest

from flexecutor_energy.energy import EnergyReading, ModelCollector
from flexecutor_energy.energy.collector import Clocks
from flexecutor_energy.energy.curves import default_curve, tdp_curve
from flexecutor_energy.energy.procstat import host_cpu

CURVE = tdp_curve("Acme A1", 100.0)


class Host:
    """A ``/proc`` whose counters and clocks move when told to."""

    def __init__(self, root: Path, cpus: int = 2) -> None:
        self.root = root
        self.cpus = cpus
        self.now = 1000.0
        self.busy = 500.0
        self.collector = ModelCollector(
            CURVE, root=root, clocks=Clocks(lambda: self.now, lambda: 0.0), ticks_per_s=100
        )
        (root / "proc").mkdir(parents=True)
        self.write()

    def write(self) -> None:
        ticks = round(self.busy * 100)
        cpus = "".join(f"cpu{at} 1 2 3 4 5 6 7 0 0 0\n" for at in range(self.cpus))
        line = f"cpu  {ticks - 30} 10 10 99999 777 5 5 888 0 0\n"
        (self.root / "proc/stat").write_text(f"{line}{cpus}intr 5 6 7\nctxt 8\n")

    def run(self, seconds: float, load: float) -> EnergyReading:
        self.now += seconds
        self.busy += seconds * load * self.cpus
        self.write()
        return self.collector.read()


def test_busy_time_leaves_out_idle_waiting_and_stolen_time(tmp_path: Path) -> None:
    Host(tmp_path)
    cpu = host_cpu(tmp_path, 100)
    assert cpu.busy_s == pytest.approx(500.0)
    assert cpu.cores == 2


def test_the_counter_rises_by_the_power_at_the_load_times_the_time(tmp_path: Path) -> None:
    host = Host(tmp_path)
    assert host.collector.read().domains == {(0, "package"): 0}
    assert host.run(2.0, 0.5).domains == {(0, "package"): 150_000_000}
    assert host.run(1.0, 0.0).domains == {(0, "package"): 162_000_000}
    reading = host.run(1.0, 1.0)
    assert reading.domains == {(0, "package"): 264_000_000}
    assert reading.method == "model"
    assert reading.t_monotonic_s == 1004.0


def test_a_wall_curve_counts_in_the_domain_wall(tmp_path: Path) -> None:
    Host(tmp_path)
    collector = ModelCollector(default_curve("?", 2), root=tmp_path, ticks_per_s=100)
    assert list(collector.read().domains) == [(0, "wall")]


def test_a_failed_read_is_none_with_a_reason_and_loses_no_energy(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.collector.read()
    (tmp_path / "proc/stat").rename(tmp_path / "proc/gone")
    host.now += 1.0
    failed = host.collector.read()
    assert failed.domains == {(0, "package"): None}
    assert "stat" in failed.problems[(0, "package")]
    assert host.run(1.0, 1.0).domains == {(0, "package"): 2 * 75_000_000}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("cpu  0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0\n", "counts no CPU time"),
        ("cpu  1 2 3\n", "seven counters"),
        ("cpu  a b c d e f g\n", "invalid literal"),
        ("", "no line 'cpu'"),
    ],
)
def test_a_stat_file_that_tells_nothing_is_no_idle_host(
    tmp_path: Path, text: str, reason: str
) -> None:
    host = Host(tmp_path)
    (tmp_path / "proc/stat").write_text(text)
    reading = host.collector.read()
    assert reading.domains == {(0, "package"): None}
    assert reason in reading.problems[(0, "package")]
    availability = host.collector.probe()
    assert not availability.ok
    assert reason in availability.reason


def test_a_clock_that_stands_still_or_counters_that_fall_never_lower_the_energy(
    tmp_path: Path,
) -> None:
    host = Host(tmp_path)
    host.collector.read()
    first = host.run(1.0, 1.0).domains[(0, "package")]
    assert host.run(0.0, 1.0).domains[(0, "package")] == first
    host.busy -= 300
    host.now += 1.0
    host.write()
    assert host.collector.read().domains[(0, "package")] == (first or 0) + 12_000_000


def test_the_probe_names_the_processor_and_says_if_it_is_unknown(tmp_path: Path) -> None:
    Host(tmp_path)
    known = ModelCollector(CURVE, root=tmp_path, ticks_per_s=100).probe()
    assert known.ok
    assert "Acme A1" in known.reason
    unknown = ModelCollector(default_curve("AMD EPYC"), root=tmp_path, ticks_per_s=100).probe()
    assert unknown.ok
    assert "unknown processor" in unknown.reason


@pytest.mark.skipif(not os.access("/proc/stat", os.R_OK), reason="no /proc here")
def test_this_host_can_be_modelled() -> None:
    collector = ModelCollector(default_curve("?", os.cpu_count() or 1))
    first = collector.read().domains[(0, "wall")]
    second = collector.read().domains[(0, "wall")]
    assert first == 0
    assert second is not None
    assert second > 0
