"""How far a calibration has got, on stderr."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flexecutor_energy.cli.console import Show

if TYPE_CHECKING:
    from rich.progress import TaskID

    from flexecutor_energy.energy.calibrating import Seen


@contextmanager
def watched(show: Show, seconds: float) -> "Iterator[Seen]":
    """Show both phases as they go on: a bar each on a terminal, a line at its end elsewhere.

    A bar is drawn once a window only: drawing costs what is being measured.
    """
    from rich.progress import BarColumn, Progress, TextColumn

    terminal = show.moving
    columns = (TextColumn("{task.description:<6}"), BarColumn(bar_width=30))
    state = TextColumn("{task.fields[state]}")
    with Progress(
        *columns, state, console=show.err, auto_refresh=False, disable=not terminal
    ) as bars:
        tasks: dict[str, TaskID] = {}

        def seen(phase: str, elapsed_s: float, watts: float | None) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase, total=seconds, state="")
            shown = "unknown" if watts is None else f"{watts:.3g} W"
            now = f"{elapsed_s:.0f} s, {shown}"
            bars.update(tasks[phase], completed=elapsed_s, state=now, refresh=True)
            if not terminal and elapsed_s >= seconds:
                show.note(f"{phase}: watched for {elapsed_s:.0f} s")

        yield seen
