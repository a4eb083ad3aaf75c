"""The perf collector against small programs that print what perf would print."""

import sys
import time
from pathlib import Path

import pytest

from flexecutor_energy.energy import PerfCollector, energy_between

COUNTS = "1.5;Joules;power/energy-pkg/;1;100.00;;\n0.5;Joules;power/energy-ram/;1;100.00;;"


def program(folder: Path, body: str) -> tuple[str, ...]:
    path = folder / "perf"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return (str(path),)


def printing(text: str, code: int = 0) -> str:
    return f"cat >&2 <<'END'\n{text}\nEND\nexit {code}"


STREAM = """
case "$*" in
*sleep*) echo '1.0;Joules;power/energy-pkg/;1;100.00;;' >&2 ;;
*)
  at=0
  trap 'exit 0' INT
  while :; do
    at=$((at + 1))
    echo "$at.0;2.0;Joules;power/energy-pkg/;1;100.00;;" >&2
    sleep 0.02
  done ;;
esac
"""


def test_a_perf_that_counts_is_available(tmp_path: Path) -> None:
    availability = PerfCollector(program(tmp_path, printing(COUNTS))).probe()
    assert availability.ok
    assert "dram, package" in availability.reason


def test_perf_is_asked_for_all_cpus_in_a_plain_locale(tmp_path: Path) -> None:
    body = f'echo "$LC_ALL|$*" >> {tmp_path}/asked\n{printing(COUNTS)}'
    PerfCollector(program(tmp_path, body)).probe()
    asked = (tmp_path / "asked").read_text()
    assert asked == "C|stat -a -x; -e power/energy-pkg/,power/energy-ram/ -- sleep 0.1\n"


def test_without_a_memory_counter_the_package_is_measured_alone(tmp_path: Path) -> None:
    error = printing("event syntax error: 'power/energy-ram/'\n  \\___ unknown term", 129)
    body = f'case "$*" in *ram*) {error} ;; esac\n{printing(COUNTS.splitlines()[0])}'
    with PerfCollector(program(tmp_path, body)) as meter:
        assert meter.probe().ok
        assert meter.read().domains == {(0, "package"): 1_500_000}


@pytest.mark.parametrize(
    ("text", "code", "reason", "remedy"),
    [
        ("event syntax error: 'power/energy-pkg/'\n", 129, "no power events", "virtual machines"),
        ("Error:\nAccess to performance monitoring is limited", 255, "refused", "paranoid"),
        ("something else broke", 3, "exit code 3: something else broke", ""),
        ("", 0, "no energy count", "virtual machines"),
        ("<not supported>;Joules;power/energy-pkg/u;0;100.00;;", 0, "does not count", "virtual"),
        ("gibberish", 0, "gibberish", ""),
    ],
)
def test_a_perf_that_cannot_count_says_why(
    tmp_path: Path, text: str, code: int, reason: str, remedy: str
) -> None:
    assert_unavailable(program(tmp_path, printing(text, code)), reason, remedy)


def assert_unavailable(command: tuple[str, ...], reason: str, remedy: str) -> None:
    """Assert that a perf is refused with its reason, and that reading it gives no joule."""
    meter = PerfCollector(command)
    availability = meter.probe()
    assert not availability.ok
    assert reason in availability.reason
    assert remedy in availability.remedy
    reading = meter.read()
    assert reading.domains == {(0, "package"): None}
    assert reading.problems[(0, "package")]


def test_a_perf_that_is_not_installed_is_named_with_its_remedy(tmp_path: Path) -> None:
    availability = PerfCollector((str(tmp_path / "perf"),)).probe()
    assert not availability.ok
    assert "not installed" in availability.reason
    assert "linux-perf" in availability.remedy


def test_a_perf_that_hangs_is_given_up_with_its_children(tmp_path: Path) -> None:
    availability = PerfCollector(program(tmp_path, "sleep 60"), timeout_s=0.3).probe()
    assert not availability.ok
    assert "hangs" in availability.reason


def test_a_running_perf_is_a_counter_that_rises(tmp_path: Path) -> None:
    with PerfCollector(program(tmp_path, STREAM)) as meter:
        first = meter.read()
        later = meter.read()
        while later.domains == first.domains:
            time.sleep(0.02)
            later = meter.read()
        delta = energy_between(first, later)
    assert delta.total_j is not None
    assert delta.total_j > 0
    assert delta.total_j % 2.0 == 0


def recorded(name: str) -> str:
    return (Path(__file__).parent.parent / "data" / "perf" / f"{name}.txt").read_text().rstrip()


@pytest.mark.parametrize(
    ("name", "code", "reason", "remedy"),
    [
        ("no_pmu", 129, "no power events: event syntax error: 'power/energy-pkg/", "virtual"),
        ("unknown_term", 129, "no power events: event syntax error", "virtual"),
        ("paranoid", 255, "refused: Access to performance monitoring and obs", "paranoid"),
        ("other_events", 0, "no energy count", "virtual"),
        ("for_people", 0, "line 2", "virtual"),
        ("partly_running", 0, "does not count package energy", "virtual"),
    ],
)
def test_what_perf_said_where_it_could_not_count_is_the_reason(
    tmp_path: Path, name: str, code: int, reason: str, remedy: str
) -> None:
    assert_unavailable(program(tmp_path, printing(recorded(name), code)), reason, remedy)


@pytest.mark.parametrize(
    ("name", "joules"),
    [
        ("semicolon", {"package-0": 18.5, "dram-0": 2.25}),
        ("comma_locale", {"package-0": 18.5, "dram-0": 2.25}),
        ("per_socket", {"package-0": 30.0, "dram-0": 4.0}),
        ("json", {"package-0": 18.5, "dram-0": 2.25}),
    ],
)
def test_a_recorded_output_is_read_through_a_command_of_several_words(
    tmp_path: Path, name: str, joules: dict[str, float]
) -> None:
    file = tmp_path / "stand_in.py"
    file.write_text(f"import sys; sys.stderr.write({recorded(name) + chr(10)!r})")
    with PerfCollector(command=(sys.executable, str(file))) as meter:
        assert meter.probe().ok
        delta = energy_between(meter.read(), meter.read())
    assert delta.domains_j == pytest.approx(joules)
    assert delta.total_j == pytest.approx(sum(joules.values()))


@pytest.mark.parametrize("name", ["not_supported", "not_counted"])
def test_a_memory_counter_that_does_not_count_leaves_the_package_measured(
    tmp_path: Path, name: str
) -> None:
    with PerfCollector(program(tmp_path, printing(recorded(name)))) as meter:
        availability = meter.probe()
        first, second = meter.read(), meter.read()
    assert availability.ok
    assert availability.reason.startswith("package by")
    assert energy_between(first, second).domains_j == {"package-0": 18.5}


def test_a_perf_that_hangs_is_not_asked_again_with_other_events(tmp_path: Path) -> None:
    body = f"echo asked >> {tmp_path}/asked\nsleep 60"
    assert not PerfCollector(program(tmp_path, body), timeout_s=0.3).probe().ok
    assert (tmp_path / "asked").read_text().splitlines() == ["asked"]


def test_a_perf_that_falls_silent_is_unknown_and_not_a_machine_without_load(
    tmp_path: Path,
) -> None:
    silent = STREAM.replace("    sleep 0.02\n", "    [ $at -lt 3 ] || exec sleep 60\n")
    silent = silent.replace('"$at.0;', '"0.$at;')
    with PerfCollector(program(tmp_path, silent), timeout_s=2.0) as meter:
        first = meter.read()
        assert first.domains == {(0, "package"): 4_000_000}
        later = meter.read()
        while later.domains == first.domains:  # for as long as the timeout
            time.sleep(0.1)
            later = meter.read()
    assert later.domains == {(0, "package"): None}
    assert "no energy count for" in later.problems[(0, "package")]
    assert energy_between(first, later).total_j is None


def test_the_perf_of_this_machine_counts_or_says_why_not() -> None:
    with PerfCollector() as meter:
        availability = meter.probe()
        reading = meter.read()
    assert availability.reason
    assert availability.ok == (None not in reading.domains.values())


def test_closing_ends_the_process(tmp_path: Path) -> None:
    meter = PerfCollector(program(tmp_path, f"echo $$ > {tmp_path}/pid\n{STREAM}"))
    meter.read()
    pid = (tmp_path / "pid").read_text().strip()
    assert Path(f"/proc/{pid}").exists()
    meter.close()
    assert not Path(f"/proc/{pid}").exists()


def test_a_recorded_stand_in_is_run_again_at_each_reading(tmp_path: Path) -> None:
    with PerfCollector(program(tmp_path, printing(COUNTS))) as meter:
        first, second = meter.read(), meter.read()
    assert energy_between(first, second).total_j == pytest.approx(2.0)


def test_a_perf_that_dies_makes_the_rest_unknown(tmp_path: Path) -> None:
    dying = """
case "$*" in
*sleep*) echo '1.0;Joules;power/energy-pkg/;1;100.00;;' >&2 ;;
*) echo '1.0;2.0;Joules;power/energy-pkg/;1;100.00;;' >&2; exit 7 ;;
esac
"""
    with PerfCollector(program(tmp_path, dying)) as meter:
        readings = [meter.read(), meter.read()]
    assert readings[-1].domains == {(0, "package"): None}
    assert "exit code 7" in readings[-1].problems[(0, "package")]
    assert energy_between(*readings).total_j is None


def test_a_perf_that_talks_nonsense_while_it_runs_makes_the_rest_unknown(tmp_path: Path) -> None:
    nonsense = STREAM.replace("at=0\n", "at=0\n  echo 'lost 5 samples' >&2\n")
    with PerfCollector(program(tmp_path, nonsense)) as meter:
        reading = meter.read()
    assert reading.domains == {(0, "package"): None}
    assert "lost 5 samples" in reading.problems[(0, "package")]


def test_a_perf_that_will_not_end_is_killed(tmp_path: Path) -> None:
    body = f"echo $$ > {tmp_path}/pid\n" + STREAM.replace("trap 'exit 0' INT", "trap '' INT")
    meter = PerfCollector(program(tmp_path, body))
    meter.read()
    meter.close()
    pid = (tmp_path / "pid").read_text().strip()
    assert not Path(f"/proc/{pid}").exists()
