"""Progress while runs go on: a bar on a terminal, plain lines elsewhere; always on stderr."""

from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.tables import percent
from flexecutor_energy.quantities import format_quantity

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from flexecutor_energy.execution.events import Event
    from flexecutor_energy.profiling.sweep import SweepProgress


class SweepView:
    """Shows how far a sweep has got, and remembers what failed in it.

    Parameters
    ----------
    show : where to
    name : the workflow
    at_most : whether the runs that are left are the most there may be, as in adaptive sweeps

    Attributes
    ----------
    last : the last state that was told; None before the first
    failures : what failed, with the reason, in order
    """

    def __init__(self, show: Show, name: str, *, at_most: bool = False) -> None:
        self._show = show
        self._name = name
        self._at_most = at_most
        self._bar: tuple[Progress, TaskID] | None = None
        self._stack = ExitStack()
        self.last: SweepProgress | None = None
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        if self._show.moving:
            progress = self._stack.enter_context(_progress(self._show))
            self._bar = (progress, progress.add_task(self._name, total=None, state=""))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def told(self, state: "SweepProgress") -> None:
        """Show the state of the sweep after a run."""
        self.last = state
        for stage_id, reason in state.failed.items():
            self.failures.append(f"{stage_id}: {reason}")
            self._show.note(f"stage {stage_id} failed in this configuration: {reason}")
        if self._bar is not None:
            progress, task = self._bar
            done, total = state.runs_done, state.runs_done + state.runs_left
            shown = self._state(state)
            progress.update(task, completed=done, total=total, state=shown, refresh=True)
        elif state.stopped:
            self._show.note(f"{self._name}: ended after {state.runs_done} runs: {state.stopped}")
        elif state.runs_done or state.runs_left:
            total = state.runs_done + state.runs_left
            most = "at most " if self._at_most else ""
            runs = f"{self._name}: {state.runs_done} of {most}{total} runs"
            self._show.note(", ".join(part for part in (runs, self._state(state)) if part))

    def _state(self, state: "SweepProgress") -> str:
        """Return what stands beside the count, such as ``12.3 s, 45 J modelled, 30 s left``."""
        if not state.runs_done:
            return ""
        parts = [format_quantity(round(state.seconds, 1), "s"), joules_so_far(state.joules)]
        if state.runs_left and not self._at_most:
            left = state.seconds_left
            parts.append("" if left is None else f"{format_quantity(round(left), 's')} left")
        if state.regret is not None:
            parts.append(f"estimated regret {percent(state.regret.share, 1)}")
        if self.failures:
            parts.append(f"{len(self.failures)} failed")
        return ", ".join(part for part in parts if part)


def event_line(event: "Event") -> str | None:
    """Return what an event says to people; None for those that only machines count."""
    from flexecutor_energy.execution import events

    match event:
        case events.StageStarted():
            return f"{event.stage_id}: started, {event.config}"
        case events.StageFinished():
            seconds = format_quantity(event.stage.makespan_s, "s")
            return f"{event.stage.stage_id}: finished after {seconds}"
        case events.WorkerRetried():
            return (
                f"{event.stage_id}: worker {event.worker_id} failed and is tried again "
                f"({event.cause})"
            )
        case events.StageFailed():
            return f"{event.stage_id}: failed"
        case _:
            return None


def joules_so_far(joules: float | None) -> str:
    """Return joules with the word that says where they come from."""
    return "energy unmeasured" if joules is None else f"{format_quantity(joules, 'J')} modelled"


def _progress(show: Show) -> "Progress":
    """Return a bar that is drawn after each run only: drawing costs what is being measured."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TextColumn("{task.fields[state]}", markup=False),
        console=show.err,
        auto_refresh=False,
    )
