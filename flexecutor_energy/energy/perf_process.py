"""Running perf: once, with a time limit, or in the background until it is stopped."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Sequence

from flexecutor_energy.energy.perf_output import PerfCount, parse_line
from flexecutor_energy.errors import EnergyFormatError


def run_once(command: Sequence[str], timeout_s: float) -> tuple[int, str]:
    """Run a command and return its exit code and all that it printed.

    Raises
    ------
    TimeoutError
        It did not end in time; it and its children were killed.
    OSError
        It could not be started.
    """
    process = _start(command)
    try:
        output, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        _signal_group(process, signal.SIGKILL)
        process.communicate()
        raise TimeoutError(f"it did not answer within {timeout_s:g} s") from error
    return process.returncode, output


class PerfProcess:
    """A perf that prints counts while it runs, and a thread that collects them.

    Only intervals that are complete are handed out: one is complete when the next begins, or
    when the process ends.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._counts: list[PerfCount] = []
        self._problem: str | None = None
        self._lock = threading.Lock()
        self._complete = threading.Event()
        self._process = _start(command)
        self._thread = threading.Thread(target=self._follow, name="perf", daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float) -> None:
        """Wait for the first complete interval, the end of the process, or the timeout."""
        self._complete.wait(timeout_s)

    def take(self) -> tuple[list[PerfCount], str | None, bool]:
        """Return the counts that are new and complete, what went wrong, and whether it ended."""
        ended = not self._thread.is_alive()
        with self._lock:
            newest = self._counts[-1].time_s if self._counts else None
            done = [count for count in self._counts if ended or count.time_s != newest]
            self._counts = self._counts[len(done) :]
            problem = self._problem
        if ended and problem is None and self._process.wait():
            problem = f"perf ended with exit code {self._process.returncode}"
        return done, problem, ended

    def stop(self) -> None:
        """End the process and its children."""
        _signal_group(self._process, signal.SIGINT)
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            _signal_group(self._process, signal.SIGKILL)
            self._process.wait()
        self._thread.join(2.0)
        if self._process.stdout is not None and not self._thread.is_alive():
            self._process.stdout.close()

    def _follow(self) -> None:
        for number, line in enumerate(self._process.stdout or (), start=1):
            try:
                count = parse_line(line, number)
            except EnergyFormatError as error:
                with self._lock:
                    self._problem = self._problem or str(error)
                continue
            if count is not None:
                with self._lock:
                    if self._counts and self._counts[-1].time_s != count.time_s:
                        self._complete.set()
                    self._counts.append(count)
        self._complete.set()


def _start(command: Sequence[str]) -> "subprocess.Popen[str]":
    # A session of its own, so that a wrapper script's children can be ended with it.
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def _signal_group(process: "subprocess.Popen[str]", number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
