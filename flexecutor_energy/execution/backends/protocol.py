"""What the engine asks of a place that runs invocations."""

from collections.abc import Sequence
from typing import Protocol

from flexecutor_energy.execution.task import WorkerReport, WorkerTask


class Backend(Protocol):
    """Runs tasks side by side and reports each one's end.

    A backend is opened before its first task and closed after its last. Tasks submitted in one
    call may share what they need to start. Each task is reported exactly once, unless it is
    cancelled or the backend is closed before its end.
    """

    @property
    def name(self) -> str:
        """Name of the backend, with where it leads."""

    @property
    def on_this_host(self) -> bool:
        """Whether its workers run on the driver's host and share its clock and cores."""

    def open(self) -> None:
        """Make ready to run tasks; raises RuntimeMismatchError where workers cannot run."""

    def submit(self, tasks: Sequence[WorkerTask]) -> None:
        """Start tasks, without waiting for them."""

    def wait(self, timeout_s: float) -> list[WorkerReport]:
        """Return reports of tasks that ended, waiting up to ``timeout_s`` for the first."""

    def own_cpu_s(self) -> float | None:
        """Return the CPU seconds so far of the processes between driver and invocations.

        None where they cannot be seen (a remote provider).
        """

    def cancel(self) -> None:
        """Stop all tasks that run; their reports need not come."""

    def close(self) -> None:
        """Stop everything and leave no process behind; closing twice changes nothing."""
