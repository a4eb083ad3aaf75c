"""The contract of energy meters, kept by all of ours and by one that another package brings."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flexecutor_energy.energy import (
    EnergyCollector,
    EnergyReading,
    ModelCollector,
    PerfCollector,
    RaplCollector,
    ReplayCollector,
    energy_between,
)
from flexecutor_energy.energy.collector import Clocks
from flexecutor_energy.energy.contract import CollectorContract
from flexecutor_energy.energy.curves import tdp_curve
from tests.contracts.smart_plug import SmartPlug
from tests.unit.powercap_tree import two_sockets


class Ticker:
    """A clock that moves by a second whenever it is asked."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


class TestModel(CollectorContract):
    method = "model"

    def working(self, root: Path) -> EnergyCollector:
        (root / "proc").mkdir()
        (root / "proc/stat").write_text(
            "cpu  10 0 10 1000 0 0 0 0 0 0\ncpu0 10 0 10 1000 0 0 0 0 0 0\n"
        )
        return self.broken(root)

    def broken(self, root: Path) -> EnergyCollector:
        clocks = Clocks(Ticker(), Ticker())
        curve = tdp_curve("Acme A1", 100.0)
        return ModelCollector(curve, root=root, clocks=clocks, ticks_per_s=100)


class TestRapl(CollectorContract):
    method = "rapl"

    def working(self, root: Path) -> EnergyCollector:
        return self.broken(two_sockets(root))

    def broken(self, root: Path) -> EnergyCollector:
        return RaplCollector(root, clocks=Clocks(Ticker(), Ticker()))


class TestPerf(CollectorContract):
    method = "perf"

    def working(self, root: Path) -> EnergyCollector:
        program = root / "perf"
        program.write_text("#!/bin/sh\necho '1.5;Joules;power/energy-pkg/;1;100.00;;' >&2\n")
        program.chmod(0o755)
        return self.broken(root)

    def broken(self, root: Path) -> EnergyCollector:
        return PerfCollector((str(root / "perf"),))


class TestReplay(CollectorContract):
    method = "replay"

    def working(self, root: Path) -> EnergyCollector:
        return ReplayCollector.from_series([0, 1, 2], {(0, "package"): [5, 9, 9]})

    def broken(self, root: Path) -> EnergyCollector:
        return ReplayCollector([])


class _Plug(BaseHTTPRequestHandler):
    """What a plug answers: it has counted 1 mWh more whenever it is asked."""

    counted_wh = 1234.0

    def do_GET(self) -> None:
        type(self).counted_wh += 0.001
        found = self.path == "/rpc/Switch.GetStatus?id=0"
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(json.dumps({"id": 0, "aenergy": {"total": self.counted_wh}}).encode())

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Keep quiet."""


@contextmanager
def plug_server() -> Iterator[str]:
    """Serve as a plug would; give its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Plug) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


class TestSmartPlug(CollectorContract):
    method = "plug"
    url: str

    @pytest.fixture(autouse=True)
    def _server(self) -> Iterator[None]:
        with plug_server() as self.url:
            yield

    def working(self, root: Path) -> EnergyCollector:
        return SmartPlug(self.url)

    def broken(self, root: Path) -> EnergyCollector:
        return SmartPlug("http://127.0.0.1:1")

    def test_its_joules_are_those_of_the_plug(self) -> None:
        meter = SmartPlug(self.url)
        assert energy_between(meter.read(), meter.read()).total_j == pytest.approx(3.6)

    def test_an_answer_that_is_no_count_is_none(self) -> None:
        reading = SmartPlug(f"{self.url}/elsewhere").read()
        assert reading.domains == {(0, "wall"): None}
        assert "404" in reading.problems[(0, "wall")]


class Forgetful(ReplayCollector):
    """A meter that takes what it cannot read for 0."""

    def read(self) -> EnergyReading:
        return EnergyReading(0.0, 0.0, {(0, "package"): 0}, "replay")


class Falling(ReplayCollector):
    """A meter whose counter falls."""

    level = 10

    def read(self) -> EnergyReading:
        self.level -= 1
        return EnergyReading(0.0, 0.0, {(0, "package"): self.level}, "replay")


class Uncounted(ReplayCollector):
    """A meter of which nothing can be added up."""

    def read(self) -> EnergyReading:
        return EnergyReading(0.0, 0.0, {(0, "core"): 5}, "replay")


@pytest.mark.parametrize(
    ("meter", "law"),
    [
        (Forgetful, "test_what_cannot_be_read_is_none_with_a_reason_and_never_0"),
        (Forgetful, "test_a_probe_of_a_meter_that_works_says_so_and_what_it_found"),
        (Falling, "test_counters_are_whole_microjoules_that_never_fall"),
        (Falling, "test_the_energy_between_readings_is_known"),
        (Uncounted, "test_the_energy_between_readings_is_known"),
    ],
)
def test_the_contract_catches_meters_that_break_it(
    meter: type[ReplayCollector], law: str, tmp_path: Path
) -> None:
    class Suite(CollectorContract):
        method = "replay"

        def working(self, root: Path) -> EnergyCollector:
            return meter([])

        broken = working

    with pytest.raises(AssertionError):
        getattr(Suite(), law)(tmp_path)


def test_the_contract_says_what_is_to_be_given(tmp_path: Path) -> None:
    suite = CollectorContract()
    with pytest.raises(NotImplementedError):
        suite.working(tmp_path)
    with pytest.raises(NotImplementedError):
        suite.broken(tmp_path)
