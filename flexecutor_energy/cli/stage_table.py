"""The stages of one run while it goes on: a live table on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.progress import event_line
from flexecutor_energy.cli.tables import table
from flexecutor_energy.quantities import format_quantity

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

    from flexecutor_energy.execution.events import Event
    from flexecutor_energy.execution.run import DAGRun

_DRAWN_PER_S = 1
"""Shows that time goes on, and costs the driver 0.3 % of a core (4 stages) to 1.4 % (30)."""


@dataclass(slots=True)
class _Row:
    """What is known of a stage: its workers, and seconds from its submission to its end."""

    state: str = "waiting"
    done: int = 0
    workers: int | None = None
    started_s: float | None = None
    seconds: float | None = None
    energy: str = ""


class RunView:
    """Shows the stages of a single run.

    Parameters
    ----------
    show : where to
    stage_ids : the stages, in the order in which they are shown
    clock : seconds, by any origin
    """

    def __init__(
        self, show: Show, stage_ids: Iterable[str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._show = show
        self._clock = clock
        self._rows = {stage_id: _Row() for stage_id in stage_ids}
        self._live: Live | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        if self._show.moving:
            from rich.live import Live

            self._live = self._stack.enter_context(
                Live(
                    console=self._show.err,
                    get_renderable=self.picture,
                    refresh_per_second=_DRAWN_PER_S,
                )
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
        self._live = None

    def told(self, event: "Event") -> None:
        """Take in an event, and show it."""
        from flexecutor_energy.execution import events

        self._take(event)
        line = event_line(event)
        if self._live is None:
            if line is not None:
                self._show.note(line)
            return
        if line is not None and isinstance(event, events.WorkerRetried | events.StageFailed):
            self._show.note(line)  # stays above the table
        if not isinstance(
            event, events.WorkerFinished
        ):  # there may be thousands: at the next tick
            self._live.refresh()

    def finished(self, run: "DAGRun") -> None:
        """Fill in the joules, which are shared out when all stages have ended."""
        for stage_id, outcome in run.stages.items():
            self._rows[stage_id].energy = format_quantity(outcome.energy, "J")
        if self._live is not None:
            self._live.refresh()

    def picture(self) -> "Table":
        """Return the table as it stands now."""
        known = any(row.energy for row in self._rows.values())
        rows = table("stage", "state", "workers>", "time>", *(["energy>"] if known else []))
        for stage_id, row in self._rows.items():
            workers = "" if row.workers is None else f"{row.done}/{row.workers}"
            cells = [row.state, workers, self._time(row), *([row.energy] if known else [])]
            rows.add_row(stage_id, *cells)
        return rows

    def _time(self, row: _Row) -> str:
        if row.seconds is not None:
            return format_quantity(row.seconds, "s")
        if row.started_s is None:
            return ""
        return format_quantity(round(self._clock() - row.started_s, 1), "s")

    def _take(self, event: "Event") -> None:
        from flexecutor_energy.execution import events

        match event:
            case events.StageStarted():
                row = self._rows[event.stage_id]
                row.state, row.workers = "running", event.config.workers
                row.started_s = self._clock()
            case events.WorkerFinished():
                self._rows[event.stage_id].done += 1
            case events.StageFinished():
                row = self._rows[event.stage.stage_id]
                row.state, row.seconds = "done", event.stage.makespan_s
            case events.StageFailed():
                row = self._rows[event.stage_id]
                row.state = "FAILED"
                if row.started_s is not None:
                    row.seconds = self._clock() - row.started_s
            case _:
                pass
