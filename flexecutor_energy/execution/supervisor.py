"""Forks one process for each invocation, holds it to its limits and collects its report.

The same code stands behind every backend: a Lithops worker supervises one invocation, the local
backend's warm process many at once. A function that hangs, is killed or eats memory ends its own
process, with all that it started, and nothing else.
"""

import contextlib
import os
import platform
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from flexecutor_energy.execution import procfs
from flexecutor_energy.execution.child import Child, kill_tree
from flexecutor_energy.execution.cpu_watch import CpuWatch
from flexecutor_energy.execution.invocation import adopt_orphans, become_invocation
from flexecutor_energy.execution.limits import CgroupRoots, CpuGroup, limit_cpu
from flexecutor_energy.execution.task import Failure, HostView, WorkerReport, WorkerTask
from flexecutor_energy.hardware.detect import detect_host, machine_key

if TYPE_CHECKING:
    from flexecutor_energy.energy.choice import MeterChoice
    from flexecutor_energy.execution.host_watch import HostWatch

_WATCH_S = 0.05
_WATCH_MANY_S = 0.001  # for each invocation beside it: watching stays below a tenth of a core
_SCRATCH_PREFIX = "flexecutor-energy-"
_KILL_S = 1.0
_KILL_POLL_S = 0.002
_TERMINATED = "the process that watches over it was told to end (SIGTERM)"
_ALONE = "the process that started its runner has died"


class Supervisor:
    """Runs invocations side by side in forked processes.

    Parameters
    ----------
    private_fds : descriptors of this process that its children must not inherit
    roots : where control groups can be made
    alone : whether nothing else in this process starts children; those that are not known are
        then what an invocation left behind, and are ended with it
    """

    def __init__(
        self,
        private_fds: Iterable[int] = (),
        roots: CgroupRoots | None = None,
        *,
        alone: bool = False,
    ) -> None:
        self._private_fds = tuple(private_fds)
        self._roots = roots or CgroupRoots.of_this_process()
        self._alone = alone
        if alone:
            adopt_orphans()
        self._children: dict[int, Child] = {}
        self._refused: list[WorkerReport] = []
        self._old_groups: list[CpuGroup] = []
        self._watches: dict[MeterChoice, HostWatch] = {}
        self._host = this_host()

    @property
    def busy(self) -> bool:
        """Whether an invocation is running or was not reported yet."""
        return bool(self._children or self._refused)

    def start(self, task: WorkerTask) -> None:
        """Fork a process for a task; it begins once its limits are set.

        Where the host refuses (no disk, no memory, no process left), the task's report says so.
        """
        try:
            self._start(task)
        except OSError as error:
            failure = Failure("lost", f"the worker could not be started: {error}")
            self._refused.append(
                WorkerReport(task.task_id, task.worker_id, task.attempt, failure, self._host)
            )

    def _start(self, task: WorkerTask) -> None:
        if task.scratch_base is not None:
            Path(task.scratch_base).mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as undo:
            prefix = f"{_SCRATCH_PREFIX}{os.getpid()}-"
            scratch = Path(tempfile.mkdtemp(prefix=prefix, dir=task.scratch_base))
            undo.callback(shutil.rmtree, scratch, ignore_errors=True)
            baseline_read, baseline_write = os.pipe()
            undo.callback(os.close, baseline_read)
            with contextlib.ExitStack() as ends:
                go_read, go_write = os.pipe()
                for fd in (baseline_write, go_read, go_write):
                    ends.callback(os.close, fd)
                private_fds = [*self._private_fds, *self._held_fds(), go_write, baseline_read]
                pid = _fork(task, scratch, go_read, baseline_write, private_fds)
                undo.callback(os.waitpid, pid, 0)
                undo.callback(os.kill, pid, signal.SIGKILL)
                cpu, group = limit_cpu(pid, task.cpu, task.worker_id, self._roots)
                os.set_blocking(baseline_read, False)
                watch = self._host_watch(task.meter)
                child = Child(
                    task,
                    pid,
                    _exit_fd(pid),
                    baseline_read,
                    scratch,
                    cpu,
                    group,
                    host_watch=watch,
                    cpu_watch=CpuWatch(pid) if task.watch_cpu else None,
                )
                undo.pop_all()
                self._children[pid] = child
                with contextlib.suppress(BrokenPipeError):  # it died already: reported by poll
                    os.write(go_write, b"g")

    def poll(self, timeout_s: float, wake_fd: int | None = None) -> list[WorkerReport]:
        """Return the reports of invocations that ended within ``timeout_s`` seconds.

        Returns early when one ends, or when ``wake_fd`` becomes readable.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            reports, self._refused = self._refused, []
            left = 0.0 if reports else max(0.0, deadline - time.monotonic())
            woken = self._wait(min(left, _WATCH_S) if self._children else left, wake_fd)
            now = time.monotonic()
            interval_s = max(_WATCH_S, _WATCH_MANY_S * len(self._children))
            for child in self._children.values():
                child.watch(now, interval_s)
            reports += self._reap()
            self._old_groups = [group for group in self._old_groups if not group.close()]
            if reports or woken or left == 0.0:
                return reports

    def cancel(self, task_id: str, why: str = "the run was cancelled") -> None:
        """Stop the invocation of a task; its report says why."""
        for child in self._children.values():
            if child.task.task_id == task_id:
                child.stop(Failure("cancelled", why))

    def close(self) -> None:
        """Stop every invocation and remove what it left."""
        for child in self._children.values():
            child.stop(Failure("cancelled", "the run was cancelled"))
        while self.busy:
            self.poll(_WATCH_S)
        deadline = time.monotonic() + _KILL_S
        while self._old_groups and time.monotonic() < deadline:
            self.poll(_KILL_POLL_S)
        for watch in self._watches.values():
            watch.close()
        self._watches.clear()

    def _host_watch(self, choice: "MeterChoice | None") -> "HostWatch | None":
        """Return what reads the host; made at its first use, and after the fork of that task."""
        if choice is None:
            return None
        if choice not in self._watches:
            from flexecutor_energy.execution.host_watch import HostWatch

            self._watches[choice] = HostWatch(choice)
        self._watches[choice].now()
        return self._watches[choice]

    def _wait(self, timeout_s: float, wake_fd: int | None) -> bool:
        poller = select.poll()
        for child in self._children.values():
            if child.exit_fd is not None:
                poller.register(child.exit_fd, select.POLLIN)
        if wake_fd is not None:
            poller.register(wake_fd, select.POLLIN | select.POLLHUP)
        return any(fd == wake_fd for fd, _ in poller.poll(timeout_s * 1000))

    def _reap(self) -> list[WorkerReport]:
        reports = []
        for pid, child in list(self._children.items()):
            ended, status, usage = os.wait4(pid, os.WNOHANG)
            if not ended:
                continue
            del self._children[pid]
            cpu_s = usage.ru_utime + usage.ru_stime + self._end_what_is_left(child)
            reports.append(child.report(status, usage.ru_maxrss * 1024, cpu_s, self._host))
            if not child.release() and child.group is not None:
                self._old_groups.append(child.group)
        return reports

    def _end_what_is_left(self, child: Child) -> float:
        """End what an invocation left running, and return the CPU seconds that it had used."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        cpu_s = 0.0
        deadline = time.monotonic() + _KILL_S
        while self._alone and (left := self._unknown_children()):
            for pid in left:
                kill_tree(pid)
                ended, _status, usage = os.wait4(pid, os.WNOHANG)
                cpu_s += usage.ru_utime + usage.ru_stime if ended else 0.0
            if time.monotonic() > deadline:  # another user's, or deep in the kernel
                break
            time.sleep(_KILL_POLL_S)
        return cpu_s

    def _unknown_children(self) -> list[int]:
        return [pid for pid in procfs.children(os.getpid()) if pid not in self._children]

    def _held_fds(self) -> list[int]:
        fds = [fd for c in self._children.values() for fd in (c.exit_fd, c.baseline_fd)]
        return [fd for fd in fds if fd is not None]


def this_host() -> HostView:
    """Return the host of this process, told apart by digests: the ids themselves stay here."""
    facts = detect_host()
    return HostView(
        procfs.host_id(),
        platform.node(),
        replace(facts, boot_id=None, machine_id=None),
        machine_key(facts),
    )


def remove_scratch_of(supervisor_pid: int, tasks: Iterable[WorkerTask]) -> None:
    """Remove the folders of tasks whose supervisor was killed before it could do it."""
    for base in {task.scratch_base or tempfile.gettempdir() for task in tasks}:
        for folder in Path(base).glob(f"{_SCRATCH_PREFIX}{supervisor_pid}-*"):
            shutil.rmtree(folder, ignore_errors=True)


def supervise(task: WorkerTask) -> WorkerReport:
    """Run one invocation to its end and return its report.

    For a process that does nothing else. The invocation ends early at a SIGTERM, and if the
    process that started this session dies, so that a driver that was killed leaves nothing behind.
    """
    supervisor = Supervisor(alone=True)
    starter = _session_starter()
    with contextlib.suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, lambda *_: supervisor.cancel(task.task_id, _TERMINATED))
    supervisor.start(task)
    try:
        while True:
            reports = supervisor.poll(1.0)
            if reports:
                return reports[0]
            if _session_starter() != starter:
                supervisor.cancel(task.task_id, _ALONE)
    finally:
        supervisor.close()


def _session_starter() -> int | None:
    return procfs.parent_pid(procfs.session_id(os.getpid()) or 0)


def _fork(
    task: WorkerTask, scratch: Path, go_fd: int, baseline_fd: int, private_fds: Iterable[int]
) -> int:
    """Fork the process of an invocation and return its pid; the fork itself never returns."""
    sys.stdout.flush()
    sys.stderr.flush()
    supervisor_pid = os.getpid()
    pid = os.fork()
    if pid == 0:
        become_invocation(task, scratch, go_fd, baseline_fd, private_fds, supervisor_pid)
    return pid


def _exit_fd(pid: int) -> int | None:
    """Return a descriptor that becomes readable when a process ends, where the kernel has it."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None
