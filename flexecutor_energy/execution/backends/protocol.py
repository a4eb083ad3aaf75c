"""What the engine, and ``doctor``, ask of a place that runs invocations."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from flexecutor_energy.energy.choice import MeterChoice
from flexecutor_energy.execution.examination import HostExamination
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


@runtime_checkable
class Examiner(Protocol):
    """A backend that lets a worker of its own look at the host where workers run."""

    def examine(self, choice: MeterChoice, probes: int = 1) -> list[HostExamination]:
        """Return what workers found, one answer a worker; several may have shared a host.

        For an open backend, between runs.

        Parameters
        ----------
        choice : where energy counters lie there, and how perf is called
        probes : how many workers to ask at once, in the hope that they land on several hosts

        Raises
        ------
        ExecutionError
            A worker did not answer.
        """
