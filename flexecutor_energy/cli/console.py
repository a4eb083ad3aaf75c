"""Where a command's words go: results on stdout, for people or as JSON; remarks on stderr."""

import contextlib
import dataclasses
import json
import logging
import math
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


class Show:
    """What a command shows.

    Parameters
    ----------
    machine : where the JSON document goes; None writes for people
    debug : whether tracebacks are shown
    quiet : whether only results and errors are shown: no progress, no remarks
    """

    def __init__(
        self, machine: TextIO | None = None, *, debug: bool = False, quiet: bool = False
    ) -> None:
        self._machine = machine
        self.debug = debug
        self.quiet = quiet
        self.answered = False
        self.out = _console(stderr=False)
        self.err = _console(stderr=True)

    @property
    def for_machines(self) -> bool:
        """Whether the result is wanted as JSON."""
        return self._machine is not None

    @property
    def moving(self) -> bool:
        """Whether progress may be drawn over and over: somebody looks at a terminal."""
        return self.err.is_terminal and not self.quiet

    def say(self, *lines: "RenderableType") -> None:
        """Print part of a result for people; nothing where JSON is wanted."""
        if not self.for_machines:
            for line in lines:
                self.out.print(line, soft_wrap=isinstance(line, str))

    def heading(self, text: str) -> None:
        """Print the heading of a part of a result for people."""
        if not self.for_machines:
            self.out.print(f"\n{text}", style="bold")

    def document(self, value: Any) -> None:
        """Print the result for machines: one JSON document; nothing where people read."""
        if self._machine is not None and not self.answered:
            json.dump(plain(value), self._machine, indent=1, allow_nan=False)
            self._machine.write("\n")
            self._machine.flush()
            self.answered = True

    def note(self, text: str) -> None:
        """Print a remark on stderr; nothing where only results are wanted."""
        if not self.quiet:
            self.err.print(text, soft_wrap=True)

    def insist(self, text: str) -> None:
        """Print what must be seen on stderr, also where only results are wanted."""
        self.err.print(text, soft_wrap=True)

    def error(self, text: str) -> None:
        """Print what went wrong, on stderr."""
        self.err.print("error: ", style="bold red", end="")
        self.err.print(text, soft_wrap=True)


def _console(*, stderr: bool) -> "Console":
    from rich.console import Console

    # markup would swallow the brackets of "pip install 'package[extra]'"
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)


@contextlib.contextmanager
def pure_stdout() -> Iterator[TextIO]:
    """Lend stdout to its caller alone; what all others write to it goes to stderr.

    The others are libraries, workflows and, where stdout is a real file, child processes.
    """
    stdout = sys.stdout
    try:
        fd = stdout.fileno()
        err_fd = sys.stderr.fileno()
    except (OSError, ValueError):  # a stand-in, as tests put there
        with contextlib.redirect_stdout(sys.stderr):
            yield stdout
        return
    stdout.flush()
    saved = os.dup(fd)
    os.dup2(err_fd, fd)
    try:
        with os.fdopen(os.dup(saved), "w", encoding="utf-8") as pure:
            yield pure
    finally:
        stdout.flush()
        os.dup2(saved, fd)
        os.close(saved)


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it; numbers that are not finite become null."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item"):  # NumPy scalars
        return plain(value.item())
    raise TypeError(f"{type(value).__name__} cannot be shown as JSON")


@contextlib.contextmanager
def logs_shown(show: Show, *, verbose: bool) -> Iterator[None]:
    """Show what the library and the workflows log, on stderr."""
    handler = _ConsoleHandler(show)
    loggers = [logging.getLogger(name) for name in ("flexecutor_energy", "dags")]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO if verbose else logging.WARNING)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate


class _ConsoleHandler(logging.Handler):
    """Prints through the console, so that lines do not tear a progress bar."""

    def __init__(self, show: Show) -> None:
        super().__init__()
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        label = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        put = self._show.note if record.levelno < logging.ERROR else self._show.insist
        put(f"{label}{record.getMessage()}")
