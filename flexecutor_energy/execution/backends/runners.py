"""The runner processes that Lithops' localhost starts, one for each job."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flexecutor_energy.execution import procfs

_END_S = 3.0
_END_POLL_S = 0.01


def runners_of(executor: Any) -> list[subprocess.Popen[bytes]]:
    """Return the processes that an executor has started here; none on other backends."""
    environment = getattr(getattr(executor, "compute_handler", None), "env", None)
    found: list[Any] = []
    for name in ("jobs", "task_processes"):  # of version 1 and 2 of Lithops' localhost
        table: Mapping[str, Any] = getattr(environment, name, None) or {}
        found += list(table.values())
    return [item for item in found if isinstance(item, subprocess.Popen)]


def live_runners_of(executor: Any) -> list[subprocess.Popen[bytes]]:
    """Return those that have not been waited for yet.

    Does not wait for them itself: that is left to Lithops' own thread.
    """
    return [process for process in runners_of(executor) if process.returncode is None]


def start_no_more(executor: Any) -> None:
    """Keep an executor from starting what Lithops' thread has queued, known to us or not.

    A job that was handed over when Ctrl-C came has no futures yet. One that started after its data
    was removed would fail, and Lithops would print its traceback.
    """
    environment = getattr(getattr(executor, "compute_handler", None), "env", None)
    for name in ("jobs_lock", "task_processes_lock"):  # of version 1 and 2 of Lithops' localhost
        lock = getattr(environment, name, None)
        if lock is not None and environment is not None:
            with lock:
                environment.stopped_jobs = _Every()


def end_runners_of(executor: Any) -> None:
    """End the runners of an executor with all that lies below them.

    Lithops kills the process group of a runner, which invocations have left; and those that
    watch over invocations need a moment to remove what these used.
    """
    members: dict[int, int] = {}
    for runner in live_runners_of(executor):
        for pid in [runner.pid, *procfs.descendants(runner.pid)]:
            cpu = procfs.process_cpu(pid)
            if cpu is not None:
                members[pid] = cpu.started_ticks
    _signal(members, signal.SIGTERM)
    deadline = time.monotonic() + _END_S
    while _alive(members) and time.monotonic() < deadline:
        time.sleep(_END_POLL_S)
    _signal(_alive(members), signal.SIGKILL)


class _Every(set[str]):
    """A set that holds whatever one looks for."""

    def __contains__(self, item: object) -> bool:
        return True


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _alive(members: Mapping[int, int]) -> list[int]:
    """Return the processes, known by pid and start, that still run."""
    return [
        pid
        for pid, started_ticks in members.items()
        if (cpu := procfs.process_cpu(pid)) is not None
        and cpu.started_ticks == started_ticks
        and not procfs.is_zombie(pid)
    ]


class RunnerMeter:
    """Counts the CPU time of runners and of everything below them, to their very end.

    What a process used is gone from the kernel once its parent has waited for it, and a runner
    is waited for by Lithops as soon as it ends. Its last use is therefore read just before.
    """

    def __init__(self) -> None:
        self._live: dict[int, subprocess.Popen[bytes]] = {}
        self._seen_s: dict[int, float] = {}
        self._ended_s = 0.0

    def watch(self, executor: Any) -> None:
        """Take in the runners that an executor has started since the last call."""
        for process in live_runners_of(executor):
            if process.pid not in self._live:
                self._live[process.pid] = process
                self._note_end_of(process)

    def cpu_s(self) -> float:
        """Return the CPU seconds of all runners so far."""
        for pid, process in list(self._live.items()):
            self._read(pid)
            if process.returncode is not None:
                del self._live[pid]
                self._ended_s += self._seen_s.pop(pid, 0.0)
        return self._ended_s + sum(self._seen_s.values())

    def _note_end_of(self, process: "subprocess.Popen[bytes]") -> None:
        wait = process.wait

        def note_and_wait(timeout: float | None = None) -> int:
            if timeout is None and process.returncode is None:
                with contextlib.suppress(ChildProcessError):  # Lithops waited for it already
                    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
                self._read(process.pid)
            return wait(timeout)

        # of this one object: ``communicate``, by which Lithops waits, ends in ``wait``
        process.wait = note_and_wait  # type: ignore[method-assign]

    def _read(self, pid: int) -> None:
        used_s = sum(_tree_cpu_s(pid))
        if used_s:
            self._seen_s[pid] = max(used_s, self._seen_s.get(pid, 0.0))


def _tree_cpu_s(pid: int) -> Iterator[float]:
    for member in [pid, *procfs.descendants(pid)]:
        cpu = procfs.process_cpu(member)
        if cpu is not None:
            yield cpu.own_s + cpu.reaped_s
