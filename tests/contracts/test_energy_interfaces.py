"""The energy interface as it is promised to users, called in the promised words."""

import inspect
import sys
from pathlib import Path

import pytest

from flexecutor_energy.energy import (
    Attribution,
    Availability,
    EnergyDelta,
    EnergyReading,
    HostTrace,
    ModelCollector,
    PerfCollector,
    RaplCollector,
    ReplayCollector,
    WorkerEnergy,
    WorkerTrace,
    attribute,
    available_collectors,
    energy_between,
    select_collector,
)
from flexecutor_energy.errors import EnergyFormatError, EnergyUnavailableError
from flexecutor_energy.hardware import CpuRecord, find_cpu, power_curve
from flexecutor_energy.quantities import Interval
from tests.unit.powercap_tree import advance, two_sockets


def test_rapl_needs_only_a_root(tmp_path: Path) -> None:
    meter = RaplCollector(root=two_sockets(tmp_path))
    availability = meter.probe()
    assert isinstance(availability, Availability)
    assert (availability.ok, availability.remedy) == (True, "")
    earlier = meter.read()
    assert isinstance(earlier, EnergyReading)
    assert earlier.method == "rapl"
    assert earlier.domains[0, "package"] == 1_000_000
    advance(tmp_path, 30_000_000)
    later = meter.read()
    assert later.t_monotonic_s > earlier.t_monotonic_s
    delta = energy_between(earlier, later)
    assert isinstance(delta, EnergyDelta)
    assert delta.total_j == 4 * 30.0
    assert delta.domains_j["package-0"] == 30.0
    assert set(delta.domains_j) >= {"package-0", "package-1", "dram-0", "dram-1", "psys-0"}
    assert delta.reason is None


def test_readings_can_be_made_by_hand() -> None:
    earlier = EnergyReading(0.0, 0.0, {(0, "package"): 5, (0, "dram"): None}, "rapl")
    later = EnergyReading(1.0, 1.0, {(0, "package"): 1_000_005, (0, "dram"): 7}, "rapl")
    delta = energy_between(earlier, later)
    assert delta.total_j is None
    assert delta.domains_j == {"package-0": 1.0, "dram-0": None}
    assert isinstance(delta.reason, str)


def test_perf_parses_text_and_takes_the_beginning_of_a_command(tmp_path: Path) -> None:
    line = "18.50;Joules;power/energy-pkg/;1001759924;100.00;;"
    assert PerfCollector.parse(line) == {"package": 18.5}
    with pytest.raises(EnergyFormatError, match="line 1"):
        PerfCollector.parse("no count at all")
    stand_in = tmp_path / "recorded.py"
    stand_in.write_text(f"print({line!r})")
    meter = PerfCollector(command=(sys.executable, str(stand_in)))
    assert meter.probe().ok
    assert energy_between(meter.read(), meter.read()).total_j == 18.5
    assert inspect.signature(PerfCollector).parameters["command"].default == ("perf",)


def test_a_model_and_a_replay_are_collectors() -> None:
    meter = ModelCollector(power_curve("Intel(R) Xeon(R) CPU E5-2620 v3 @ 2.40GHz"))
    assert meter.read().method == "model"
    assert ReplayCollector([EnergyReading(0.0, 0.0, {(0, "package"): 5}, "rapl")]).probe().ok


@pytest.mark.parametrize("name", ["auto", "rapl"])
def test_a_collector_is_selected_below_a_root(tmp_path: Path, name: str) -> None:
    chosen = select_collector(name, root=two_sockets(tmp_path))
    assert chosen.method == "rapl"
    assert list(chosen.refused) == []
    assert chosen.read().domains[1, "package"] == 1_000_000


def test_what_was_refused_is_told_with_its_reason(tmp_path: Path) -> None:
    chosen = select_collector("auto", root=tmp_path)
    refused = dict(chosen.refused)
    assert chosen.method in {"perf", "model"}
    assert str(tmp_path) in refused["rapl"]
    with pytest.raises(EnergyUnavailableError, match="rapl"):
        select_collector("rapl", root=tmp_path)
    assert select_collector("model", root=tmp_path).method == "model"
    assert select_collector("off", root=tmp_path).method == "off"
    assert "model" in available_collectors()


def test_energy_is_attributed_in_the_promised_order_of_arguments() -> None:
    host = HostTrace([0.0, 10.0], {"package-0": [0, 100_000_000]}, [0.0, 20.0], 4)
    crew = [WorkerTrace("a", [0.0, 10.0], [0.0, 5.0], 1), WorkerTrace("b", [0, 10], [0, 10], 2)]
    shares = attribute(host, crew, "reserved", 2.0)
    assert isinstance(shares, Attribution)
    assert shares.workers["a"] == WorkerEnergy(dynamic_uj=20_000_000, idle_uj=5_000_000)
    assert shares.workers["b"] == WorkerEnergy(dynamic_uj=40_000_000, idle_uj=10_000_000)
    assert (shares.system_uj, shares.host_idle_uj) == (20_000_000, 5_000_000)
    assert (shares.unassigned_uj, shares.total_uj, shares.unknown_s) == (0, 100_000_000, 0.0)
    by_domain = attribute(host, crew, policy="reserved", idle_power_w={"package-0": 2.0})
    assert by_domain == shares


def test_traces_are_named_as_promised() -> None:
    host = HostTrace(
        times_s=[0.0, 1.0],
        energy_uj={"package-0": [0, None]},
        busy_s=[0.0, 1.0],
        cores=4,
        memory_used_mb=None,
    )
    worker = WorkerTrace(worker_id="a", times_s=[0, 1], cpu_s=[0, 1], cores=1, rss_mb=0.0)
    shares = attribute(host, [worker])
    assert shares.workers["a"] == WorkerEnergy(None, None)
    assert (shares.total_uj, shares.unknown_s) == (0, 1.0)


def test_processors_and_curves_are_found_as_promised() -> None:
    cpu = find_cpu("AMD EPYC 7R13 Processor")
    assert isinstance(cpu, CpuRecord)
    assert cpu.tdp_w == 225
    assert {"name", "cores", "threads", "source", "confidence"} <= set(dir(cpu))
    assert find_cpu("AMD EPYC") is None
    curve = power_curve("Intel(R) Xeon(R) CPU E5-2620 v3 @ 2.40GHz")
    assert curve.known
    watts = curve.watts(0.5)
    assert isinstance(watts, Interval)
    assert watts.low < watts.mean < watts.high
    assert watts.level == 0.8
    measured = curve.calibrated(idle_w=20.0, max_w=90.0)
    assert (measured.watts(0.0).mean, measured.watts(1.0).mean) == (20.0, 90.0)
    unknown = power_curve("QEMU Virtual CPU version 2.5+")
    assert not unknown.known


def test_plain_lithops_is_measured_with_the_promised_words() -> None:
    from flexecutor_energy.energy import measure

    parameters = inspect.signature(measure).parameters
    assert list(parameters)[:2] == ["fexec", "energy"]
    assert parameters["energy"].default == "auto"
