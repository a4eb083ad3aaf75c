"""The warm process of the local backend: forks an invocation for each task it is sent.

Tasks come in over standard input and reports go out over standard output, each a pickle behind its
length; the first message out says that it is ready. Sent a ``MeterChoice``, it examines its host.
Told to cancel, it ends all invocations and answers when they are gone. It ends, with them, when it
is told to or when its input closes, so it never outlives its driver.
"""

import contextlib
import os
import pickle
import select
import signal
import struct
import sys
from typing import Any

from flexecutor_energy.energy.choice import MeterChoice
from flexecutor_energy.execution.supervisor import Supervisor
from flexecutor_energy.execution.task import WorkerTask

_LENGTH = struct.Struct("!Q")
READY = "ready"
CANCEL = "cancel"
CLOSE = "close"


def send(fd: int, message: Any) -> None:
    """Write one message."""
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    rest = memoryview(_LENGTH.pack(len(data)) + data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def receive(fd: int) -> Any:
    """Read one message; raises EOFError when the other side has closed.

    Unbuffered, so that a readable descriptor always means an unread message.
    """
    return pickle.loads(_exactly(fd, _LENGTH.unpack(_exactly(fd, _LENGTH.size))[0]))


def _exactly(fd: int, size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        part = os.read(fd, size)
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _examine(choice: MeterChoice) -> Any:
    from flexecutor_energy.execution.examination import examine_host

    return examine_host(choice)


def main() -> None:
    """Serve tasks until told to close, or until the input closes."""
    tasks, reports = os.dup(0), os.dup(1)
    os.dup2(2, 1)  # a stray print must not spoil the channel
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by way of the lines at the end
    supervisor = Supervisor(private_fds=(tasks, reports), alone=True)
    try:
        with contextlib.suppress(EOFError, BrokenPipeError):
            send(reports, READY)
            while True:
                for report in supervisor.poll(60.0, wake_fd=tasks):
                    send(reports, report)
                while select.select([tasks], [], [], 0)[0]:
                    message = receive(tasks)
                    if message == CLOSE:
                        return
                    if message == CANCEL:
                        supervisor.close()
                        send(reports, CANCEL)
                    elif isinstance(message, MeterChoice):
                        send(reports, _examine(message))
                    elif isinstance(message, WorkerTask):
                        supervisor.start(message)
    finally:
        supervisor.close()
