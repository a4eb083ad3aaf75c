import inspect
import json
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner, Result

from flexecutor_energy import errors
from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.failures import reported


def run(error: BaseException | None, *arguments: str) -> Result:
    """Run a command that raises this error, with these arguments."""
    program = typer.Typer(pretty_exceptions_enable=False)

    @program.command()
    @reported
    def command(show: Show, name: Annotated[str, typer.Option("--name")] = "nobody") -> None:
        """Greet somebody.

        In a second
        paragraph.
        """
        show.say(f"hello {name}")
        if error is not None:
            raise error
        show.document({"hello": name})

    return CliRunner().invoke(program, list(arguments))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.StageFailedError("map", 0, "raised", "ValueError: 7"), 1),
        (errors.StorageUnreachableError("no answer"), 1),
        (errors.ConfigurationError("cpu must be above 0"), 2),
        (errors.InfeasibleError("no plan", bound="max_time"), 2),
        (errors.ProfileFormatError("map.json", "not JSON", 3), 2),
        (errors.GapError("too far"), 3),
        (errors.MissingEnergyError(["map"]), 4),
        (KeyboardInterrupt(), 130),
        (RuntimeError("a defect"), 1),
    ],
)
def test_an_error_becomes_one_message_and_the_exit_code_of_its_class(
    error: BaseException, code: int
) -> None:
    result = run(error)
    assert result.exit_code == code
    assert result.stderr.startswith("error: ")
    assert (str(error) or "interrupted") in result.stderr
    assert "Traceback" not in result.output


def test_with_json_an_error_is_a_document_too() -> None:
    result = run(errors.GapError("too far"), "--json")
    document = {"error": {"type": "GapError", "message": "too far", "exit_code": 3, "next": None}}
    assert json.loads(result.stdout) == document
    assert result.stderr == "error: too far\n"


def test_debug_shows_where_an_error_came_from() -> None:
    result = run(errors.GapError("too far"), "--debug")
    assert result.exit_code == 3
    assert "Traceback" in result.stderr
    assert "test_cli_failures.py" in result.stderr


def test_a_defect_is_called_unexpected_and_names_the_way_to_its_traceback() -> None:
    stderr = run(RuntimeError("a defect")).stderr
    assert stderr == "error: unexpected RuntimeError: a defect; --debug shows where\n"


def test_options_of_the_command_and_those_of_all_commands_work_together() -> None:
    assert run(None, "--name", "you").stdout == "hello you\n"
    assert json.loads(run(None, "--name", "you", "--json").stdout) == {"hello": "you"}


def test_bad_usage_has_exit_code_2_and_prints_nothing_on_stdout() -> None:
    result = run(None, "--nmae", "you")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "--nmae" in result.stderr


def test_paragraphs_of_help_are_not_broken_by_the_source_lines() -> None:
    @reported
    def command(show: Show) -> None:
        """Do it.

        In a second
        paragraph.
        """

    assert inspect.getdoc(command) == "Do it.\n\nIn a second paragraph."
