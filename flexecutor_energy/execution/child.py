"""One running invocation, seen from the process that forked it: its limits and its verdict."""

import contextlib
import os
import platform
import shutil
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from flexecutor_energy.execution import procfs
from flexecutor_energy.execution.cpu_watch import CpuWatch
from flexecutor_energy.execution.invocation import LOG_FILE, load_result
from flexecutor_energy.execution.limits import CpuGroup, CpuLimit
from flexecutor_energy.execution.task import Failure, HostView, WorkerReport, WorkerTask
from flexecutor_energy.execution.worker import Progress

if TYPE_CHECKING:
    from flexecutor_energy.execution.host_watch import HostWatch

_EXACT_WATCH_S = 0.2
_LOG_TAIL_BYTES = 16 * 1024


@dataclass(slots=True)
class Child:
    """A running invocation.

    Attributes
    ----------
    task, pid : what runs, and in which process
    exit_fd : readable once the process has ended; None where the kernel has no such thing
    baseline_fd : where the process tells the resident bytes it started with
    scratch : its private folder
    cpu, group : the cores it is held to, and the control group that does it, if one does
    host_watch : reads its host's counters, if its task asks for them
    cpu_watch : notes when it uses its CPU time, if its task asks for that
    started_s : monotonic time of its start
    watch_at_s : when it is to be looked at next
    stopped : why it was stopped from outside, None if it was not
    """

    task: WorkerTask
    pid: int
    exit_fd: int | None
    baseline_fd: int
    scratch: Path
    cpu: CpuLimit
    group: CpuGroup | None
    host_watch: "HostWatch | None" = None
    cpu_watch: CpuWatch | None = None
    started_s: float = field(default_factory=time.monotonic)
    watch_at_s: float = 0.0
    stopped: Failure | None = None
    _baseline_bytes: int | None = None
    _peak_bytes: int = 0

    def watch(self, now: float, interval_s: float) -> None:
        """Look at its memory, its time and the host's counters, once an interval."""
        if now < self.watch_at_s:
            return
        self.watch_at_s = now + interval_s
        if self.stopped is not None:
            kill_tree(self.pid)  # what it started while it was being killed
            return
        self._read_baseline()
        self._watch_memory(now)
        timeout_s = self.task.timeout_s
        if timeout_s is not None and now - self.started_s > timeout_s:
            cause = f"ran longer than its {timeout_s:g} s; raise timeout or give it more resources"
            self.stop(Failure("timeout", cause))
        if self.host_watch is not None:
            self.host_watch.look(now)
        if self.cpu_watch is not None:
            self.cpu_watch.look(now)

    def _read_baseline(self) -> None:
        if self._baseline_bytes is None:
            with contextlib.suppress(BlockingIOError):
                self._baseline_bytes = int(os.read(self.baseline_fd, 64) or b"0") or None

    def _watch_memory(self, now: float) -> None:
        used = procfs.tree_resident_bytes(self.pid)
        if used is not None and self._is_over(used):
            # what forked processes share counts in each of them; the exact size is slow to get
            used = procfs.tree_proportional_bytes(self.pid) or used
            self.watch_at_s = now + _EXACT_WATCH_S
        self._peak_bytes = max(self._peak_bytes, used or 0)
        if self._is_over(self._peak_bytes):
            self.stop(self._memory_failure())

    def stop(self, why: Failure) -> None:
        """Kill it, with all that it started; its report says why."""
        self.stopped = self.stopped or why
        self.watch_at_s = 0.0
        kill_tree(self.pid)

    def release(self) -> bool:
        """Close what it held; False if its control group has to be closed again later."""
        if self.exit_fd is not None:
            os.close(self.exit_fd)
        os.close(self.baseline_fd)
        shutil.rmtree(self.scratch, ignore_errors=True)
        return self.group is None or self.group.close()

    def report(
        self, status: int, max_resident_bytes: int, cpu_s: float, host: HostView
    ) -> WorkerReport:
        """Return what it did and used, now that it has ended.

        Parameters
        ----------
        status : of its end, as the kernel told
        max_resident_bytes : most memory that one of its processes held
        cpu_s : CPU seconds of its whole process tree
        host : where it ran
        """
        watch = self.host_watch
        samples = watch.until_now(self.started_s) if watch is not None else ()
        self._read_baseline()
        self._peak_bytes = max(self._peak_bytes, max_resident_bytes)
        progress = load_result(self.scratch)
        logs = _tail(self.scratch / LOG_FILE)
        failure = self.stopped or (progress.failure if progress else _death(status, logs))
        if failure is None and self._is_over(self._peak_bytes):
            failure = self._memory_failure()  # it ended before the watch saw it
        progress = progress or Progress()
        task = self.task
        return WorkerReport(
            task_id=task.task_id,
            worker_id=task.worker_id,
            attempt=task.attempt,
            failure=failure,
            host=host,
            clocks=tuple(progress.clocks),
            submitted_wall_s=task.submitted_wall_s,
            total_cpu_s=cpu_s,
            memory_peak_mb=self._peak_bytes / 1e6,
            memory_baseline_mb=progress.baseline_mb,
            bytes_read=progress.bytes_read,
            bytes_written=progress.bytes_written,
            outputs=progress.outputs,
            value=progress.value,
            limits=self._limits(),
            cpu_samples=self.cpu_watch.samples if self.cpu_watch is not None else (),
            host_samples=samples,
            meters_refused=watch.refused if watch is not None else (),
            supervisors=_supervisors(),
            logs=logs,
            software=f"python {platform.python_version()}",
        )

    def _is_over(self, used_bytes: int) -> bool:
        if not self.task.memory_mb or self._baseline_bytes is None:
            return False
        return used_bytes > self._baseline_bytes + self.task.memory_mb * 10**6

    def _memory_failure(self) -> Failure:
        used_mb = (self._peak_bytes - (self._baseline_bytes or 0)) / 1e6
        limit_mb = self.task.memory_mb
        return Failure(
            "out_of_memory",
            f"used {used_mb:.0f} MB beyond its start-up size, its limit is {limit_mb} MB",
        )

    def _limits(self) -> dict[str, object]:
        memory: dict[str, object] = {"requested_mb": self.task.memory_mb, "mechanism": "none"}
        if self.task.memory_mb:
            # without a known start-up size only the address space is bounded
            watched = self._baseline_bytes is not None
            memory["mechanism"] = "rlimit-as+watchdog" if watched else "rlimit-as"
        return {"cpu": self.cpu.to_dict(), "memory": memory}


def kill_tree(pid: int) -> None:
    """Kill a process and everything below it."""
    for descendant in [*procfs.descendants(pid), pid]:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(descendant, signal.SIGKILL)


def _supervisors() -> tuple[tuple[int, int, float], ...]:
    """Return the CPU use of this process and of those above it up to its session's leader."""
    found = []
    pid: int | None = os.getpid()
    session = procfs.session_id(os.getpid())
    while pid and pid > 1 and procfs.session_id(pid) == session:
        cpu = procfs.process_cpu(pid)
        if cpu is None:
            break
        found.append((cpu.pid, cpu.started_ticks, cpu.own_s))
        if pid == session:
            break
        pid = procfs.parent_pid(pid)
    return tuple(found)


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _LOG_TAIL_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _death(status: int, logs: str) -> Failure:
    """Say why a process ended without a result."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGABRT and "bad_alloc" in logs:
            return Failure("out_of_memory", "a native library could not allocate memory")
        hint = "; the kernel's out-of-memory killer does this" if number == signal.SIGKILL else ""
        return Failure("killed", f"its process was killed by {_signal_name(number)}{hint}")
    return Failure("killed", f"its process ended with code {os.WEXITSTATUS(status)} on its own")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most real-time signals have no name
        return f"signal {number}"
