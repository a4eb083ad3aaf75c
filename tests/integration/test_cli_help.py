"""Every command has an example in its help, and every example works as it stands.

They run in the order in which help shows the commands, in a workspace that begins empty, so that
one finds what those before it left. Where a command has them, ``--backend local`` and a small
``--size`` are added, and data lie in a folder: what an example says is not about these.
"""

import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from click import Command, Group
from typer.testing import CliRunner, Result

from flexecutor_energy.cli import app
from flexecutor_energy.errors import MissingExtraError
from flexecutor_energy.storage import seaweed

ROOT = Path(__file__).parents[2]
PROGRAM = "flexecutor-energy"
ADDED = {"backend": "local", "size": "samples=100000,tasks=8"}
NEEDS_SERVER = "storage "
FOREGROUND = "storage run"
STRICT = "doctor --strict"
"""Fails where something is not in order, which is what it is for."""


def commands(group: Group, path: str = "") -> Iterator[tuple[str, Command]]:
    """Return every command that does something, with its path, in the order of the help."""
    for name, command in group.commands.items():
        inner = f"{path} {name}".strip()
        if hasattr(command, "commands"):
            yield from commands(command, inner)  # type: ignore[arg-type]
        else:
            yield inner, command


COMMANDS = dict(commands(typer.main.get_command(app)))  # type: ignore[arg-type]


def examples(path: str) -> list[str]:
    """Return the examples in a command's help, without the program's name."""
    text = COMMANDS[path].epilog or ""
    assert text.startswith("Example: "), f"{path} has no example"
    parts = text.removeprefix("Example: ").split(PROGRAM + " ")
    return [part.strip() for part in parts if part.strip()]


EXAMPLES = [(path, example) for path in COMMANDS for example in examples(path)]


@dataclass(frozen=True)
class Done:
    exit_code: int
    output: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty folder that sees the shipped workflows, as the current one."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "dags").symlink_to(ROOT / "dags")
    (folder / "my-cpus.csv").write_text("name,tdp_w,source\nOwn Processor 9000,55,a data sheet\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("FLEXECUTOR_ENERGY_STORAGE", "file")
        patch.setenv("FLEXECUTOR_ENERGY_DATABASE_URL", f"sqlite:///{folder / 'hardware.db'}")
        yield folder


@pytest.fixture(scope="module")
def outcomes(place: Path) -> dict[str, Done]:
    """What each example came to, run one after another."""
    served = server_is_installed()
    found = {}
    for path, example in EXAMPLES:
        if example.startswith(NEEDS_SERVER) and not served:
            continue
        found[example] = in_foreground(example) if path == FOREGROUND else finished(path, example)
    return found


def server_is_installed() -> bool:
    try:
        seaweed.find_binary()
    except MissingExtraError:
        return False
    return True


def finished(path: str, example: str) -> Done:
    """Run an example to its end."""
    words = shlex.split(example.partition(" > ")[0])  # a shell would write its output to a file
    options = {parameter.name for parameter in COMMANDS[path].params}
    added = [
        word
        for name, value in ADDED.items()
        if name in options and not (name == "size" and "--dag" not in words)
        for word in (f"--{name}", value)
    ]
    result: Result = CliRunner().invoke(app, [*words, *added])
    return Done(result.exit_code, result.output)


def in_foreground(example: str) -> Done:
    """Run an example that goes on until Ctrl-C, and press that when it says so."""
    with subprocess.Popen(
        [sys.executable, "-m", "flexecutor_energy.cli", *shlex.split(example)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("it runs until Ctrl-C"):
                process.send_signal(signal.SIGINT)
                break
        _, err = process.communicate(timeout=60)
    return Done(process.returncode, err)


@pytest.mark.parametrize("path", list(COMMANDS))
def test_each_command_explains_itself_within_80_columns(path: str) -> None:
    result = CliRunner().invoke(app, [*path.split(), "--help"])
    assert result.exit_code == 0
    assert f"Example: {PROGRAM} {path.split()[0]}" in result.output
    assert max(map(len, result.output.splitlines())) <= 80


@pytest.mark.slow
@pytest.mark.timeout(400)  # the first one waits for all of them
@pytest.mark.parametrize("example", [example for _, example in EXAMPLES])
def test_each_example_works_as_it_stands(example: str, outcomes: dict[str, Done]) -> None:
    if example not in outcomes:
        pytest.skip("the embedded server is not installed")
    done = outcomes[example]
    allowed = {0, 1, 4} if example == STRICT else {0}
    assert done.exit_code in allowed, done.output
    assert "Traceback" not in done.output


@pytest.mark.slow
def test_the_examples_leave_what_they_promise(place: Path, outcomes: dict[str, Done]) -> None:
    del outcomes
    for name in ("pareto.pdf", "report.html", "runs/pi/report.html", "runs/pi/plan.json"):
        assert (place / name).exists(), name


@pytest.mark.slow
def test_the_loop_says_where_its_report_is(outcomes: dict[str, Done]) -> None:
    (loop,) = examples("loop")
    said = re.search(r"^report +(\S+)$", outcomes[loop].output, re.M)
    assert said is not None
    assert said.group(1) == "runs/pi/report.html"
