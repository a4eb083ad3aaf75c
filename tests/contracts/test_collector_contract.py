"""What every energy meter has to do, whatever it reads. A new meter is one more line in METERS."""

import pickle
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from flexecutor_energy.energy import (
    Availability,
    EnergyCollector,
    EnergyReading,
    ModelCollector,
    PerfCollector,
    RaplCollector,
    ReplayCollector,
)
from flexecutor_energy.energy.collector import Clocks
from flexecutor_energy.energy.curves import tdp_curve


class Ticker:
    """A clock that moves by a second whenever it is asked."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def working_model(root: Path) -> EnergyCollector:
    (root / "proc").mkdir()
    (root / "proc/stat").write_text(
        "cpu  10 0 10 1000 0 0 0 0 0 0\ncpu0 10 0 10 1000 0 0 0 0 0 0\n"
    )
    return model(root)


def model(root: Path) -> EnergyCollector:
    clocks = Clocks(Ticker(), Ticker())
    return ModelCollector(tdp_curve("Acme A1", 100.0), root=root, clocks=clocks, ticks_per_s=100)


def working_rapl(root: Path) -> EnergyCollector:
    for name, text in {"name": "package-0", "energy_uj": "5", "max_energy_range_uj": "9"}.items():
        (root / "intel-rapl:0").mkdir(exist_ok=True)
        (root / "intel-rapl:0" / name).write_text(f"{text}\n")
    return rapl(root)


def rapl(root: Path) -> EnergyCollector:
    return RaplCollector(root, clocks=Clocks(Ticker(), Ticker()))


def working_perf(root: Path) -> EnergyCollector:
    program = root / "perf"
    program.write_text("#!/bin/sh\necho '1.5;Joules;power/energy-pkg/;1;100.00;;' >&2\n")
    program.chmod(0o755)
    return perf(root)


def perf(root: Path) -> EnergyCollector:
    return PerfCollector((str(root / "perf"),))


def working_replay(root: Path) -> EnergyCollector:
    return ReplayCollector.from_series([0, 1, 2], {(0, "package"): [5, 9, 9]})


def replay(root: Path) -> EnergyCollector:
    return ReplayCollector([])


METERS: dict[str, tuple[Callable[[Path], EnergyCollector], Callable[[Path], EnergyCollector]]] = {
    "model": (working_model, model),
    "perf": (working_perf, perf),
    "rapl": (working_rapl, rapl),
    "replay": (working_replay, replay),
}
"""For each method: one that works below an empty folder, and one that finds nothing there."""


@pytest.fixture(params=sorted(METERS))
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def working(method: str, tmp_path: Path) -> EnergyCollector:
    return METERS[method][0](tmp_path)


@pytest.fixture
def broken(method: str, tmp_path: Path) -> EnergyCollector:
    return METERS[method][1](tmp_path)


def test_it_fulfils_the_protocol_and_tells_its_method(
    working: EnergyCollector, method: str
) -> None:
    assert isinstance(working, EnergyCollector)
    assert working.method == method
    assert working.read().method == method


def test_a_probe_of_a_meter_that_works_says_so_and_why(working: EnergyCollector) -> None:
    availability = working.probe()
    assert isinstance(availability, Availability)
    assert availability.ok
    assert availability.reason


def test_a_probe_of_a_meter_that_cannot_work_tells_the_reason(broken: EnergyCollector) -> None:
    availability = broken.probe()
    assert not availability.ok
    assert availability.reason


def test_counters_are_whole_microjoules_that_never_fall(working: EnergyCollector) -> None:
    readings = [working.read() for _ in range(3)]
    assert all(isinstance(reading, EnergyReading) for reading in readings)
    assert readings[0].domains
    for earlier, later in pairwise(readings):
        assert later.t_monotonic_s >= earlier.t_monotonic_s
        assert later.domains.keys() == earlier.domains.keys()
        for domain, value in later.domains.items():
            before = earlier.domains[domain]
            assert isinstance(value, int)
            assert isinstance(before, int)
            assert value >= before >= 0


def test_a_domain_is_a_socket_and_a_name(working: EnergyCollector) -> None:
    for socket, name in working.read().domains:
        assert isinstance(socket, int)
        assert name == name.strip().lower() != ""


def test_a_meter_that_cannot_read_gives_none_with_a_reason_and_never_0(
    broken: EnergyCollector,
) -> None:
    reading = broken.read()
    assert all(value is None for value in reading.domains.values())
    assert set(reading.problems) >= {
        domain for domain, value in reading.domains.items() if value is None
    }
    assert all(reading.problems.values())


def test_a_reading_travels(working: EnergyCollector) -> None:
    reading = working.read()
    assert pickle.loads(pickle.dumps(reading)) == reading
