"""Forks one process for each invocation, holds it to its limits and collects its report.

The same code stands behind every backend: a Lithops worker supervises one invocation, the local
backend's warm process many at once. A function that hangs, is killed or eats memory ends its own
process and nothing else.
"""

import contextlib
import ctypes
import os
import pickle
import platform
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

from flexecutor_energy.execution import procfs
from flexecutor_energy.execution.limits import (
    CgroupRoots,
    CpuGroup,
    CpuLimit,
    limit_cpu,
    set_thread_counts,
)
from flexecutor_energy.execution.task import (
    Failure,
    HostSample,
    HostView,
    WorkerReport,
    WorkerTask,
)
from flexecutor_energy.execution.worker import Progress, run_task
from flexecutor_energy.hardware.detect import detect_host

_WATCH_S = 0.02
_SAMPLE_S = 0.25
_LOG_TAIL_BYTES = 16 * 1024
_PR_SET_PDEATHSIG = 1
_RESULT = "result.pickle"


@dataclass(slots=True)
class _Child:
    """A running invocation."""

    task: WorkerTask
    pid: int
    exit_fd: int
    baseline_fd: int
    scratch: Path
    cpu: CpuLimit
    group: CpuGroup | None
    started_s: float
    baseline_bytes: int | None = None
    peak_bytes: int = 0
    stopped: Failure | None = None
    samples: list[HostSample] = field(default_factory=list)


class Supervisor:
    """Runs invocations side by side in forked processes.

    Parameters
    ----------
    private_fds : descriptors of this process that its children must not inherit
    roots : where control groups can be made
    """

    def __init__(self, private_fds: Iterable[int] = (), roots: CgroupRoots | None = None) -> None:
        self._private_fds = tuple(private_fds)
        self._roots = roots or CgroupRoots.of_this_process()
        self._children: dict[int, _Child] = {}
        # ids of the machine stay on it: a digest tells hosts apart
        facts = replace(detect_host(), boot_id=None, machine_id=None)
        self._host = HostView(procfs.host_id(), platform.node(), facts)
        self._prctl = ctypes.CDLL(None, use_errno=True).prctl

    @property
    def busy(self) -> bool:
        """Whether an invocation is running."""
        return bool(self._children)

    def start(self, task: WorkerTask) -> None:
        """Fork a process for a task; it begins once its limits are set."""
        base = task.scratch_base
        if base is not None:
            Path(base).mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix="flexecutor-energy-", dir=base))
        go_read, go_write = os.pipe()
        baseline_read, baseline_write = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        supervisor_pid = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.close(go_write)
            os.close(baseline_read)
            self._be_child(task, scratch, go_read, baseline_write, supervisor_pid)
        os.close(go_read)
        os.close(baseline_write)
        os.set_blocking(baseline_read, False)
        cpu, group = limit_cpu(pid, task.cpu, task.worker_id, self._roots)
        child = _Child(
            task, pid, os.pidfd_open(pid), baseline_read, scratch, cpu, group, time.monotonic()
        )
        self._sample(child)
        self._children[pid] = child
        with contextlib.suppress(BrokenPipeError):  # it died already: reported by poll
            os.write(go_write, b"g")
        os.close(go_write)

    def poll(self, timeout_s: float, wake_fd: int | None = None) -> list[WorkerReport]:
        """Return the reports of invocations that ended within ``timeout_s`` seconds.

        Returns early when one ends, or when ``wake_fd`` becomes readable.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            left = max(0.0, deadline - time.monotonic())
            woken = self._wait(min(left, _WATCH_S) if self._children else left, wake_fd)
            for child in self._children.values():
                self._watch(child)
            reports = self._reap()
            if reports or woken or left == 0.0:
                return reports

    def cancel(self, task_id: str) -> None:
        """Stop the invocation of a task; its report says so."""
        for child in self._children.values():
            if child.task.task_id == task_id:
                self._stop(child, Failure("cancelled", "the run was cancelled"))

    def close(self) -> None:
        """Stop every invocation and remove what it left."""
        for child in self._children.values():
            self._stop(child, Failure("cancelled", "the run was cancelled"))
        while self._children:
            self.poll(_WATCH_S)

    def _wait(self, timeout_s: float, wake_fd: int | None) -> bool:
        poller = select.poll()
        for child in self._children.values():
            poller.register(child.exit_fd, select.POLLIN)
        if wake_fd is not None:
            poller.register(wake_fd, select.POLLIN | select.POLLHUP)
        return any(fd == wake_fd for fd, _ in poller.poll(timeout_s * 1000))

    def _watch(self, child: _Child) -> None:
        """Look at the memory, time and host counters of a running invocation."""
        if child.baseline_bytes is None:
            with contextlib.suppress(BlockingIOError):
                child.baseline_bytes = int(os.read(child.baseline_fd, 64) or b"0") or None
        resident = procfs.tree_resident_bytes(child.pid)
        if resident is not None:
            child.peak_bytes = max(child.peak_bytes, resident)
        if child.stopped is None and _over_memory(child, child.peak_bytes):
            self._stop(child, _memory_failure(child))
        timeout_s = child.task.timeout_s
        if (
            child.stopped is None
            and timeout_s is not None
            and time.monotonic() - child.started_s > timeout_s
        ):
            cause = f"ran longer than its {timeout_s:g} s; raise timeout or give it more resources"
            self._stop(child, Failure("timeout", cause))
        if time.monotonic() - child.samples[-1].monotonic_s >= _SAMPLE_S:
            self._sample(child)

    def _sample(self, child: _Child) -> None:
        busy = procfs.host_busy_s()
        if busy is not None:
            child.samples.append(HostSample(time.monotonic(), busy))

    def _stop(self, child: _Child, why: Failure) -> None:
        child.stopped = child.stopped or why
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)

    def _reap(self) -> list[WorkerReport]:
        reports = []
        for pid, child in list(self._children.items()):
            ended, status, usage = os.wait4(pid, os.WNOHANG)
            if not ended:
                continue
            del self._children[pid]
            self._sample(child)
            child.peak_bytes = max(child.peak_bytes, usage.ru_maxrss * 1024)
            reports.append(self._report(child, status, usage.ru_utime + usage.ru_stime))
            self._clean(child)
        return reports

    def _clean(self, child: _Child) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # what the function started and left behind
        if child.group is not None:
            child.group.close()
        os.close(child.exit_fd)
        os.close(child.baseline_fd)
        shutil.rmtree(child.scratch, ignore_errors=True)

    def _report(self, child: _Child, status: int, total_cpu_s: float) -> WorkerReport:
        progress = _load(child.scratch / _RESULT)
        logs = _tail(child.scratch / "output.log")
        failure = child.stopped or (progress.failure if progress else _death(status, logs))
        if failure is None and _over_memory(child, child.peak_bytes):
            failure = _memory_failure(child)  # it ended before the watch saw it
        progress = progress or Progress()
        task = child.task
        return WorkerReport(
            task_id=task.task_id,
            worker_id=task.worker_id,
            attempt=task.attempt,
            failure=failure,
            host=self._host,
            clocks=tuple(progress.clocks),
            submitted_wall_s=task.submitted_wall_s,
            total_cpu_s=total_cpu_s,
            memory_peak_mb=child.peak_bytes / 1e6,
            memory_baseline_mb=progress.baseline_mb,
            bytes_read=progress.bytes_read,
            bytes_written=progress.bytes_written,
            outputs=progress.outputs,
            value=progress.value,
            limits=_limits(child, progress),
            host_samples=tuple(child.samples),
            supervisors=_supervisors(),
            logs=logs,
            software=f"python {platform.python_version()}",
        )

    def _be_child(
        self, task: WorkerTask, scratch: Path, go_fd: int, baseline_fd: int, parent: int
    ) -> NoReturn:
        """Run the invocation in the forked process; never returns into the caller's stack."""
        code = 1
        try:
            self._prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            os.setpgid(0, 0)
            if os.getppid() != parent:
                os._exit(1)  # the supervisor died before the line above
            _detach(scratch / "output.log", [*self._private_fds, *self._inherited()])
            set_thread_counts(os.environ, task.cpu)
            if os.read(go_fd, 1) == b"g":
                progress = run_task(task, scratch, lambda size: _tell(baseline_fd, size))
                sys.stdout.flush()
                sys.stderr.flush()
                _save(scratch / _RESULT, progress)
                code = 0
        finally:
            os._exit(code)

    def _inherited(self) -> list[int]:
        return [fd for c in self._children.values() for fd in (c.exit_fd, c.baseline_fd)]


def supervise(task: WorkerTask, on_idle: Callable[[], None] | None = None) -> WorkerReport:
    """Run one invocation to its end and return its report."""
    supervisor = Supervisor()
    supervisor.start(task)
    try:
        while True:
            reports = supervisor.poll(1.0)
            if reports:
                return reports[0]
            if on_idle is not None:
                on_idle()
    finally:
        supervisor.close()


def _over_memory(child: _Child, peak_bytes: int) -> bool:
    if not child.task.memory_mb or child.baseline_bytes is None:
        return False
    return peak_bytes > child.baseline_bytes + child.task.memory_mb * 10**6


def _memory_failure(child: _Child) -> Failure:
    used_mb = (child.peak_bytes - (child.baseline_bytes or 0)) / 1e6
    return Failure(
        "out_of_memory",
        f"used {used_mb:.0f} MB beyond its start-up size, its limit is {child.task.memory_mb} MB",
    )


def _limits(child: _Child, progress: Progress) -> dict[str, object]:
    memory: dict[str, object] = {"requested_mb": child.task.memory_mb, "mechanism": "none"}
    if child.task.memory_mb:
        memory["mechanism"] = "rlimit-as+watchdog"
        memory["address_space_bytes"] = progress.address_space_bytes
        memory["baseline_mb"] = progress.baseline_mb
    return {"cpu": child.cpu.to_dict(), "memory": memory}


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


def _detach(log: Path, private_fds: Iterable[int]) -> None:
    """Give the child an output file of its own, and nothing of its parent's channels."""
    for fd in private_fds:
        with contextlib.suppress(OSError):
            os.close(fd)
    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - the process's own streams
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)


def _tell(fd: int, size: int) -> None:
    os.write(fd, str(size).encode())


def _save(path: Path, progress: Progress) -> None:
    temporary = path.with_suffix(".part")
    temporary.write_bytes(pickle.dumps(progress))
    temporary.replace(path)


def _load(path: Path) -> Progress | None:
    """Read the child's own result; it is this program's file, written a moment ago."""
    try:
        progress = pickle.loads(path.read_bytes())
    except (OSError, pickle.UnpicklingError, EOFError):
        return None
    return progress if isinstance(progress, Progress) else None


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
        name = signal.Signals(number).name
        if number == signal.SIGABRT and "bad_alloc" in logs:
            return Failure("out_of_memory", "a native library could not allocate memory")
        hint = "; the kernel's out-of-memory killer does this" if number == signal.SIGKILL else ""
        return Failure("killed", f"its process was killed by {name}{hint}")
    return Failure("killed", f"its process ended with code {os.WEXITSTATUS(status)} on its own")
