"""What every energy meter has to do, whatever it reads: tests for meters of other packages too.

Derive a class of pytest from ``CollectorContract`` and say how your meter is made::

    from flexecutor_energy.energy.contract import CollectorContract

    class TestSmartPlug(CollectorContract):
        method = "plug"

        def working(self, root):
            return SmartPlug("http://127.0.0.1:8080")

        def broken(self, root):
            return SmartPlug("http://127.0.0.1:1")
"""

import pickle
from itertools import pairwise
from pathlib import Path

from flexecutor_energy.energy.collector import EnergyCollector, close_collector
from flexecutor_energy.energy.counters import energy_between
from flexecutor_energy.energy.domains import boundary, label
from flexecutor_energy.energy.reading import Availability, EnergyReading

_READINGS = 3


class CollectorContract:
    """Tests that each meter has to pass; pytest finds them in the classes derived from this one.

    Attributes
    ----------
    method : the name that the meter gives itself, and its entry point to it
    """

    method: str

    def working(self, root: Path) -> EnergyCollector:
        """Return a new meter that works; ``root`` is an empty folder, to put files in.

        It must answer three readings without error.
        """
        raise NotImplementedError

    def broken(self, root: Path) -> EnergyCollector:
        """Return a new meter that finds nothing to read; ``root`` is an empty folder."""
        raise NotImplementedError

    def test_it_fulfils_the_protocol_and_tells_its_method(self, tmp_path: Path) -> None:
        """The meter, and each of its readings, is named like its entry point."""
        meter = self.working(tmp_path)
        assert isinstance(meter, EnergyCollector)
        assert meter.method == self.method
        assert meter.read().method == self.method
        close_collector(meter)

    def test_a_probe_of_a_meter_that_works_says_so_and_what_it_found(self, tmp_path: Path) -> None:
        """A user sees why a meter was chosen, and not only that it was."""
        meter = self.working(tmp_path)
        availability = meter.probe()
        assert isinstance(availability, Availability)
        assert availability.ok
        assert availability.reason
        close_collector(meter)

    def test_a_probe_of_a_meter_that_cannot_work_tells_the_reason(self, tmp_path: Path) -> None:
        """It does not raise: the next method is tried, and the reason is kept."""
        availability = self.broken(tmp_path).probe()
        assert not availability.ok
        assert availability.reason

    def test_counters_are_whole_microjoules_that_never_fall(self, tmp_path: Path) -> None:
        """Counters rise from reading to reading, of the same domains, with a clock that rises."""
        readings = self._read(tmp_path)
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

    def test_the_energy_between_readings_is_known(self, tmp_path: Path) -> None:
        """Some domain counts, so that a total can be told, and what it encloses."""
        readings = self._read(tmp_path)
        assert boundary(map(label, readings[0].domains))
        for earlier, later in pairwise(readings):
            delta = energy_between(earlier, later)
            assert delta.total_j is not None, delta.reason
            assert delta.total_j >= 0

    def test_a_probe_between_readings_leaves_the_counters_alone(self, tmp_path: Path) -> None:
        """A meter may be probed at any time, also while a run is measured."""
        meter = self.working(tmp_path)
        earlier = meter.read()
        assert meter.probe().ok
        delta = energy_between(earlier, meter.read())
        assert delta.total_j is not None, delta.reason
        close_collector(meter)

    def test_a_domain_is_a_socket_and_a_name(self, tmp_path: Path) -> None:
        """Names are lower case, so that the same domain of two meters is spelled the same."""
        for socket, name in self._read(tmp_path)[0].domains:
            assert isinstance(socket, int)
            assert name == name.strip().lower() != ""

    def test_what_cannot_be_read_is_none_with_a_reason_and_never_0(self, tmp_path: Path) -> None:
        """A meter that failed must not look like a machine that used no energy."""
        meter = self.broken(tmp_path)
        for reading in (meter.read(), meter.read()):
            unknown = {domain for domain, value in reading.domains.items() if value is None}
            assert unknown == set(reading.domains)
            assert all(reading.problems.get(domain) for domain in unknown)
            assert energy_between(reading, reading).total_j is None
        close_collector(meter)

    def test_a_reading_travels(self, tmp_path: Path) -> None:
        """Workers send readings to the driver."""
        for reading in self._read(tmp_path):
            assert pickle.loads(pickle.dumps(reading)) == reading

    def test_a_meter_can_be_closed_twice(self, tmp_path: Path) -> None:
        """Whoever closes a meter need not know whether another did."""
        meter = self.working(tmp_path)
        meter.read()
        close_collector(meter)
        close_collector(meter)

    def _read(self, root: Path) -> list[EnergyReading]:
        meter = self.working(root)
        try:
            return [meter.read() for _ in range(_READINGS)]
        finally:
            close_collector(meter)
