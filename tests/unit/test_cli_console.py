import json
import logging
import subprocess
import sys
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from flexecutor_energy.cli.console import Show, logs_shown, plain, pure_stdout


@dataclass(frozen=True)
class Point:
    x: float
    name: str


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Point(1.5, "a"), {"x": 1.5, "name": "a"}),
        ({1: [Path("/a"), (2, None)]}, {"1": ["/a", [2, None]]}),
        (float("nan"), None),
        (float("inf"), None),
        (np.float64(2.5), 2.5),
        (np.int64(3), 3),
        (True, True),
    ],
)
def test_values_become_what_json_can_hold(value: object, expected: object) -> None:
    assert plain(value) == expected
    json.dumps(plain(value), allow_nan=False)


def test_a_value_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(TypeError, match="object cannot be shown as JSON"):
        plain({"a": object()})


def test_machines_get_one_document_and_people_get_none() -> None:
    machine = StringIO()
    show = Show(machine)
    show.say("for people")
    show.heading("for people")
    show.document({"a": 1})
    show.document({"a": 2})
    assert json.loads(machine.getvalue()) == {"a": 1}


def test_people_get_no_document(capsys: pytest.CaptureFixture[str]) -> None:
    show = Show()
    show.document({"a": 1})
    show.say("pip install 'flexecutor-energy[ml]'")
    assert capsys.readouterr().out == "pip install 'flexecutor-energy[ml]'\n"


def test_long_lines_are_not_broken_where_nobody_reads_on_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Show().error("word " * 40)
    assert capsys.readouterr().err.count("\n") == 1


def test_prints_of_others_go_to_stderr_while_stdout_is_lent() -> None:
    script = """
import subprocess, sys
from flexecutor_energy.cli.console import pure_stdout
with pure_stdout() as pure:
    print("from a library")
    subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    pure.write("{}")
print("afterwards")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout == b"{}afterwards\n"
    assert sorted(done.stderr.splitlines()) == [b"from a child", b"from a library"]


def test_a_stand_in_for_stdout_is_lent_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    with pure_stdout() as pure:
        sys.stdout.write("from a library\n")
        pure.write("{}")
    assert capsys.readouterr() == ("{}", "from a library\n")


def test_warnings_of_the_library_are_shown_and_the_rest_only_when_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logger = logging.getLogger("flexecutor_energy.somewhere")
    for verbose in (False, True):
        with logs_shown(Show(), verbose=verbose):
            logger.info("a detail [1]")
            logger.warning("a warning")
    assert capsys.readouterr().err.splitlines() == [
        "warning: a warning",
        "a detail [1]",
        "warning: a warning",
    ]


def test_logging_is_left_as_it_was() -> None:
    logger = logging.getLogger("flexecutor_energy")
    before = (logger.level, logger.propagate, list(logger.handlers))
    with logs_shown(Show(), verbose=True):
        pass
    assert (logger.level, logger.propagate, list(logger.handlers)) == before
