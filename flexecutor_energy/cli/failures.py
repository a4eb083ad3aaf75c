"""One frame around every command: common options, errors in one message, exit codes."""

import errno
import functools
import inspect
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from flexecutor_energy.cli.console import Show, logs_shown, pure_stdout
from flexecutor_energy.cli.next_steps import next_step
from flexecutor_energy.errors import ConfigurationError, FlexecutorEnergyError

Options = ParamSpec("Options")

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as shells have it."""

_COMMON = {
    "json_": Annotated[
        bool, typer.Option("--json", help="Print one JSON document; remarks go to stderr.")
    ],
    "quiet": Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Only results and errors: no progress, no remarks."),
    ],
    "verbose": Annotated[bool, typer.Option("--verbose", "-v", help="Say more, on stderr.")],
    "debug": Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")],
}


def reported(command: Callable[Concatenate[Show, Options], None]) -> Callable[Options, None]:
    """Turn ``command(show, …)`` into what Typer runs.

    The command gets the options ``--json``, ``--quiet``, ``--verbose`` and ``--debug`` and a
    :class:`Show` that honours them. A parameter whose class is a dataclass stands for the
    options that are its fields. An error becomes one message on stderr, with a next step
    where there is one, with ``--json`` also a document on stdout, and the exit code of its class.
    """
    _, *own = inspect.signature(command, eval_str=True).parameters.values()
    groups: dict[str, Any] = {p.name: p.annotation for p in own if is_dataclass(p.annotation)}

    @functools.wraps(command)
    def run(*args: Any, **options: Any) -> None:
        common = {name: bool(options.pop(name, False)) for name in _COMMON}
        with _shown(**common) as show, _errors_told(show):
            if common["quiet"] and common["verbose"]:
                raise ConfigurationError("give either --quiet or --verbose, not both")
            for name, group in groups.items():
                options[name] = group(**{f.name: options.pop(f.name) for f in fields(group)})
            command(show, *args, **options)

    run.__doc__ = _flowing(inspect.getdoc(command) or "")
    extra = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
        for name, kind in _COMMON.items()
    ]
    parameters = [option for p in own for option in _options_of(p)] + extra
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run


def _options_of(parameter: inspect.Parameter) -> list[inspect.Parameter]:
    """Return what Typer sees of a parameter: itself, or the fields of its dataclass."""
    group = parameter.annotation
    if isinstance(group, type) and is_dataclass(group):
        return list(inspect.signature(group, eval_str=True).parameters.values())
    return [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)]


def _flowing(text: str) -> str:
    """Return paragraphs of one line each, which a terminal of any width can fold."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


@contextmanager
def _shown(*, json_: bool, quiet: bool, verbose: bool, debug: bool) -> Iterator[Show]:
    with pure_stdout() if json_ else nullcontext() as machine:
        show = Show(machine, debug=debug, quiet=quiet)
        with logs_shown(show, verbose=verbose or debug):
            yield show


@contextmanager
def _errors_told(show: Show) -> Iterator[None]:
    try:
        yield
    except FlexecutorEnergyError as error:
        _tell(show, error, str(error), error.exit_code)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        _tell(show, error, "interrupted", INTERRUPTED)
        raise typer.Exit(INTERRUPTED) from error
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            raise
        hint = "" if show.debug else "; --debug shows where"
        _tell(show, error, f"unexpected {type(error).__name__}: {error}{hint}", 1)
        raise typer.Exit(1) from error


def _tell(show: Show, error: BaseException, message: str, exit_code: int) -> None:
    if show.debug:
        show.insist("".join(traceback.format_exception(error)).rstrip())
    show.error(message)
    step = next_step(error)
    if step:
        show.insist(f"next: {step}")
    kind = type(error).__name__
    show.document(
        {"error": {"type": kind, "message": message, "exit_code": exit_code, "next": step or None}}
    )
