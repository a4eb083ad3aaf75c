"""Processes that keep every CPU of this machine busy, and never outlive what started them."""

import os
import subprocess
import sys
from types import TracebackType
from typing import Self

from flexecutor_energy.errors import CalibrationError

DESCRIPTION = "a Python process on each CPU that hashes, compresses and counts"
"""What the load is: processors draw more for wide vector code and less for waiting on memory."""

_END_S = 5.0
_BUSY = """
import hashlib, os, sys, zlib
parent = int(sys.argv[1])
block = bytes(range(256)) * 256
while os.getppid() == parent:
    for _ in range(4):
        block = hashlib.sha512(block).digest() + block[64:]
        zlib.compress(block, 1)
    total = 0
    for number in range(50_000):
        total += number * number % 7
"""


class FullLoad:
    """Keeps CPUs busy from entering its context to leaving it.

    The processes look for their parent some hundred times a second and end when it is gone, also
    where it was killed. Ctrl-C does not reach them: leaving the context ends them.

    Parameters
    ----------
    processes : how many, usually as many as there are CPUs
    """

    def __init__(self, processes: int) -> None:
        self._count = processes
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        try:
            for _ in range(self._count):
                self._running.append(_busy_process())
        except OSError as error:
            self._end()
            raise CalibrationError(f"the load could not be started: {error.strerror}") from error
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        running, self._running = self._running, []
        for process in running:
            process.kill()
        for process in running:
            process.wait(_END_S)


def _busy_process() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _BUSY, str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
