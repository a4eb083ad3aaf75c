"""Outputs of ``perf stat`` in the shapes that its versions and locales print."""

from pathlib import Path

import pytest

from flexecutor_energy.energy import PerfCollector
from flexecutor_energy.energy.perf_output import parse_counts
from flexecutor_energy.errors import EnergyFormatError

RECORDED = Path(__file__).parent.parent / "data" / "perf"


def recorded(name: str) -> str:
    return (RECORDED / f"{name}.txt").read_text()


PLAIN = recorded("semicolon")
PER_SOCKET = recorded("per_socket")


@pytest.mark.parametrize(
    ("name", "joules"),
    [
        ("semicolon", {"package": 18.5, "dram": 2.25}),
        ("comma_locale", {"package": 18.5, "dram": 2.25}),
        ("comments", {"package": 1.5, "dram": 0.25}),
        ("interval", {"package": 4.75, "dram": 1.0}),
        ("per_socket", {"package": 30.0, "dram": 4.0}),
        ("per_socket_interval", {"package": 6.5}),
        ("per_socket_interval_comma", {"package": 6.5}),
        ("per_die", {"package": 22.0}),
        ("no_aggregation", {"package": 30.0}),
        ("json", {"package": 18.5, "dram": 2.25}),
        ("json_per_socket_interval", {"package": 6.5}),
        ("json_comma_locale", {"package": 2.25}),
        ("json_not_counted", {"package": 18.5, "dram": None, "psys": None}),
        ("not_supported", {"package": 18.5, "dram": None}),
        ("not_counted", {"package": 18.5, "dram": None}),
        ("socket_not_counted", {"package": None, "dram": 4.0}),
        ("partly_running", {"package": None, "dram": 2.25}),
        ("repeated", {"package": 18.5, "dram": None}),
    ],
)
def test_recorded_outputs_give_their_joules_and_nothing_that_was_not_counted(
    name: str, joules: dict[str, float | None]
) -> None:
    assert PerfCollector.parse(recorded(name)) == joules


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_pmu", "line 1 .*event syntax error"),
        ("unknown_term", "line 1 .*event syntax error"),
        ("paranoid", "line 1 .*Error:"),
        ("for_people", "line 2 .*Performance counter stats"),
        ("other_events", "no energy count"),
    ],
)
def test_recorded_outputs_without_energy_are_named_with_their_line(
    name: str, message: str
) -> None:
    with pytest.raises(EnergyFormatError, match=message):
        PerfCollector.parse(recorded(name))


def test_every_recorded_output_is_tried() -> None:
    tried = Path(__file__).read_text()
    names = {path.stem for path in RECORDED.glob("*.txt")}
    assert len(names) > 20
    assert {name for name in names if f'"{name}"' not in tried} == set()


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


def test_other_events_are_passed_over() -> None:
    text = PLAIN + "1796000;ns;user_time;1796000;100.00;;\n"
    assert PerfCollector.parse(text) == {"package": 18.5, "dram": 2.25}


def test_the_end_of_each_interval_is_kept() -> None:
    intervals = parse_counts(recorded("interval"))
    assert [count.time_s for count in intervals[::2]] == [0.100169045, 0.201135176, 0.25148841]
    assert [count.time_s for count in intervals[::2]] == [c.time_s for c in intervals[1::2]]
    by_socket = parse_counts(recorded("per_socket_interval"))
    assert [count.time_s for count in by_socket] == [0.100155169] * 2 + [0.200640122] * 2
    assert [count.time_s for count in parse_counts(PER_SOCKET)] == [None] * 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (PLAIN + "12.0.5;Joules;power/energy-pkg/;1;100.00;;", r"line 3 .*12\.0\.5"),
        (PLAIN + "12.0;mJ;power/energy-pkg/;1;100.00;;", "line 3 .*mJ"),
        (PLAIN + "-3;Joules;power/energy-pkg/;1;100.00;;", "line 3 .*-3"),
        (PLAIN + "nan;Joules;power/energy-pkg/;1;100.00;;", "line 3 .*nan"),
        (PLAIN + "power/energy-pkg/;5;5", "line 3"),
        (PLAIN + "5.0;Joules;power/energy-pkg/;1;often;;", "line 3 .*often"),
        (PLAIN + '{"event": "power/energy-pkg/"', "line 3"),
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
