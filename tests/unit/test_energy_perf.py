"""Outputs of ``perf stat`` in the shapes that its versions and locales print."""

import pytest

from flexecutor_energy.energy import PerfCollector
from flexecutor_energy.energy.perf_output import parse_counts
from flexecutor_energy.errors import EnergyFormatError

PLAIN = """\
# started on Tue Nov 12 10:00:00 2024

18.50;Joules;power/energy-pkg/;1001759924;100.00;;
2.25;Joules;power/energy-ram/;1001759409;100.00;;
"""

PER_SOCKET = """\
S0;1;10.00;Joules;power/energy-pkg/;1000000000;100.00;;
S1;1;20.00;Joules;power/energy-pkg/;1000000000;100.00;;
S0;1;1.50;Joules;power/energy-ram/;1000000000;100.00;;
S1;1;2.50;Joules;power/energy-ram/;1000000000;100.00;;
"""

INTERVALS = """\
     0.100103;1.00;Joules;power/energy-pkg/;100103000;100.00;;
     0.100103;0.25;Joules;power/energy-ram/;100103000;100.00;;
     0.200211;3.00;Joules;power/energy-pkg/;100108000;100.00;;
     0.200211;0.50;Joules;power/energy-ram/;100108000;100.00;;
"""

JSON = """\
{"interval" : 1.000264, "socket" : "S0", "counters" : 1, "counter-value" : "10.500000", \
"unit" : "Joules", "event" : "power/energy-pkg/", "event-runtime" : 1000, "pcnt-running" : 100.00}
{"interval" : 1.000264, "socket" : "S1", "counters" : 1, "counter-value" : "9.500000", \
"unit" : "Joules", "event" : "power/energy-pkg/", "event-runtime" : 1000, "pcnt-running" : 100.00}
{"interval" : 1.000264, "counter-value" : "77.0", "unit" : "msec", "event" : "task-clock"}
"""


@pytest.mark.parametrize(
    ("text", "joules"),
    [
        (PLAIN, {"package": 18.5, "dram": 2.25}),
        (PER_SOCKET, {"package": 30.0, "dram": 4.0}),
        (INTERVALS, {"package": 4.0, "dram": 0.75}),
        (JSON, {"package": 20.0}),
    ],
)
def test_sockets_and_intervals_are_summed(text: str, joules: dict[str, float]) -> None:
    assert PerfCollector.parse(text) == pytest.approx(joules)


def test_decimals_may_be_commas() -> None:
    text = "18,50;Joules;power/energy-pkg/;1001759924;100,00;;\n"
    assert PerfCollector.parse(text) == {"package": 18.5}


def test_all_events_of_the_power_unit_have_a_domain() -> None:
    lines = [
        f"{at}.0;Joules;power/energy-{event}/;1;100.00;;"
        for at, event in enumerate(("pkg", "ram", "cores", "gpu", "psys"), start=1)
    ]
    assert PerfCollector.parse("\n".join(lines)) == {
        "package": 1.0,
        "dram": 2.0,
        "core": 3.0,
        "uncore": 4.0,
        "psys": 5.0,
    }


@pytest.mark.parametrize("missing", ["<not supported>", "<not counted>"])
@pytest.mark.parametrize("unit", ["", "Joules"])
def test_what_was_not_counted_is_none_and_not_0(missing: str, unit: str) -> None:
    text = PLAIN + f"{missing};{unit};power/energy-psys/u;0;100.00;;\n"
    assert PerfCollector.parse(text) == {"package": 18.5, "dram": 2.25, "psys": None}


def test_one_socket_that_was_not_counted_makes_the_sum_unknown() -> None:
    text = PER_SOCKET.replace("S1;1;20.00;Joules", "S1;1;<not counted>;Joules")
    assert PerfCollector.parse(text) == {"package": None, "dram": 4.0}


def test_an_extrapolated_count_is_no_measurement() -> None:
    text = PLAIN.replace("1001759924;100.00", "500879962;50.00")
    assert PerfCollector.parse(text) == {"package": None, "dram": 2.25}


def test_other_events_are_passed_over() -> None:
    text = PLAIN + "1796000;ns;user_time;1796000;100.00;;\n"
    assert PerfCollector.parse(text) == {"package": 18.5, "dram": 2.25}


def test_the_end_of_each_interval_is_kept() -> None:
    assert [count.time_s for count in parse_counts(INTERVALS)] == pytest.approx(
        [0.100103, 0.100103, 0.200211, 0.200211]
    )
    assert [count.time_s for count in parse_counts(PER_SOCKET)] == [None] * 4


NO_PMU = """\
event syntax error: 'power/energy-pkg/'
                     \\___ Cannot find PMU `power'. Missing kernel support?
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (NO_PMU, "line 1 .*event syntax error"),
        (PLAIN + "12.0.5;Joules;power/energy-pkg/;1;100.00;;", r"line 5 .*12\.0\.5"),
        (PLAIN + "12.0;mJ;power/energy-pkg/;1;100.00;;", "line 5 .*mJ"),
        (PLAIN + "-3;Joules;power/energy-pkg/;1;100.00;;", "line 5 .*-3"),
        (PLAIN + "nan;Joules;power/energy-pkg/;1;100.00;;", "line 5 .*nan"),
        (PLAIN + "power/energy-pkg/;5;5", "line 5"),
        (PLAIN + "5.0;Joules;power/energy-pkg/;1;often;;", "line 5 .*often"),
        (PLAIN + '{"event": "power/energy-pkg/"', "line 5"),
        ("   1,234.56 Joules power/energy-pkg/", "line 1"),
        ("Segmentation fault", "line 1 .*Segmentation"),
        ("", "no energy count"),
        ("# only a comment\n", "no energy count"),
        ("1796000;ns;user_time;1796000;100.00;;\n", "no energy count"),
    ],
)
def test_what_cannot_be_understood_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(EnergyFormatError, match=message):
        PerfCollector.parse(text)
