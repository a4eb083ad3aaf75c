"""Invocations in processes forked off one warm process on this machine."""

import contextlib
import json
import logging
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence

from flexecutor_energy.energy.choice import MeterChoice
from flexecutor_energy.errors import ExecutionError
from flexecutor_energy.execution import procfs
from flexecutor_energy.execution.backends import zygote
from flexecutor_energy.execution.examination import HostExamination
from flexecutor_energy.execution.limits import CgroupRoots, remove_stale_groups
from flexecutor_energy.execution.shipping import import_paths
from flexecutor_energy.execution.supervisor import remove_scratch_of
from flexecutor_energy.execution.task import Failure, HostView, WorkerReport, WorkerTask

logger = logging.getLogger(__name__)

_CANCEL_S = 10.0
_EXAMINE_S = 60.0  # perf may hang for some seconds

_Message = WorkerReport | HostExamination | str | None
# not by PYTHONPATH, which programs that a stage function starts would inherit
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop()); "
    "from flexecutor_energy.execution.backends.zygote import main; main()"
)


class LocalBackend:
    """A warm process that forks one process for each task.

    It gets its work as pickled payloads and never imports the caller's script again, so scripts
    need no ``__main__`` guard. The same limits and accounting hold as on Lithops.
    """

    name = "local"
    on_this_host = True

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._running: dict[str, WorkerTask] = {}
        self._reports: queue.Queue[_Message] = queue.Queue()
        self._ended_cpu_s = 0.0

    def open(self) -> None:
        """Start the warm process and wait for it, so that no stage pays for its start.

        Opening twice changes nothing.
        """
        if self._process is not None:
            return
        remove_stale_groups(CgroupRoots.of_this_process())
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, json.dumps(import_paths())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is the driver's to handle
        )
        self._reports = queue.Queue()
        # a thread takes reports in, so that neither side can block the other by a full pipe
        threading.Thread(
            target=_pump, args=(os.dup(self._fd("stdout")), self._reports), daemon=True
        ).start()
        if self._reports.get() != zygote.READY:
            process, self._process = self._process, None
            _close_pipes(process)
            raise ExecutionError(
                f"the local worker process did not start (code {process.wait()}); what it said "
                "stands above"
            )

    def submit(self, tasks: Sequence[WorkerTask]) -> None:
        """Send tasks to the warm process."""
        for task in tasks:
            self._running[task.task_id] = task
            with contextlib.suppress(BrokenPipeError):  # it died: wait reports the task as lost
                zygote.send(self._fd("stdin"), task)

    def wait(self, timeout_s: float) -> list[WorkerReport]:
        """Return the reports that have come in, waiting for the first."""
        reports: list[WorkerReport] = []
        try:
            while True:
                report = self._reports.get(
                    timeout=None if reports else timeout_s, block=not reports
                )
                if report is None:
                    return reports + self._lost()
                if isinstance(report, WorkerReport):
                    self._running.pop(report.task_id, None)
                    reports.append(report)
        except queue.Empty:
            return reports

    def examine(self, choice: MeterChoice, probes: int = 1) -> list[HostExamination]:
        """Return what the warm process found, once for each probe: there is one host.

        Raises
        ------
        ExecutionError
            It does not answer.
        """
        reports: list[_Message] = []
        with contextlib.suppress(BrokenPipeError):  # it died, which the queue will say
            zygote.send(self._fd("stdin"), choice)
        try:
            while not isinstance(found := self._reports.get(timeout=_EXAMINE_S), HostExamination):
                if found is None:
                    reports += self._lost()
                    raise ExecutionError("the local worker process died before it could look")
                reports.append(found)
        except queue.Empty as error:
            raise ExecutionError("the local worker process does not answer") from error
        finally:
            for report in reports:  # of tasks that ended meanwhile
                self._reports.put(report)
        return [found] * probes

    def own_cpu_s(self) -> float | None:
        """Return the CPU seconds of the warm process itself."""
        alive_s = _own_cpu_s(self._process) if self._process is not None else 0.0
        return self._ended_cpu_s + alive_s

    def cancel(self) -> None:
        """Stop all tasks and forget their reports; the warm process stays."""
        if self._process is None:
            return
        with contextlib.suppress(BrokenPipeError):
            zygote.send(self._fd("stdin"), zygote.CANCEL)
        try:
            while (report := self._reports.get(timeout=_CANCEL_S)) != zygote.CANCEL:
                if report is None:
                    self._lost()
                    return
            self._running.clear()
        except queue.Empty:
            logger.warning("the local worker process does not answer; starting another")
            self._process.kill()
            self._lost()

    def close(self) -> None:
        """End the warm process and with it every task."""
        if self._process is None:
            return
        self._ended_cpu_s = self.own_cpu_s() or 0.0
        # said aloud, as a process that the caller forked may hold the pipe open
        with contextlib.suppress(BrokenPipeError):
            zygote.send(self._fd("stdin"), zygote.CLOSE)
        process, self._process = self._process, None
        _close_pipes(process)
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            logger.warning("the local worker process did not end by itself; killing it")
            process.kill()
            process.wait()

    def _lost(self) -> list[WorkerReport]:
        """Report every task of a warm process that died, and start another."""
        process, self._process = self._process, None
        code = None
        if process is not None:
            _close_pipes(process)
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            self._ended_cpu_s += _own_cpu_s(process)  # waiting for it would erase that
            code = process.wait()
            remove_scratch_of(process.pid, self._running.values())
        failure = Failure("lost", f"the process that runs local workers died with code {code}")
        reports = [
            WorkerReport(task.task_id, task.worker_id, task.attempt, failure, HostView.unknown())
            for task in self._running.values()
        ]
        self._running.clear()
        self.open()
        return reports

    def _fd(self, name: str) -> int:
        stream = getattr(self._process, name, None)
        if stream is None:
            raise ExecutionError("the local backend is not open; call open() first")
        return int(stream.fileno())


def _own_cpu_s(process: "subprocess.Popen[bytes]") -> float:
    cpu = procfs.process_cpu(process.pid)
    return cpu.own_s if cpu is not None else 0.0


def _close_pipes(process: "subprocess.Popen[bytes]") -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def _pump(fd: int, reports: "queue.Queue[_Message]") -> None:
    """Move reports from the pipe to the queue until it closes; None marks the end."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            reports.put(zygote.receive(fd))
    os.close(fd)
    reports.put(None)
