"""The process of one invocation: how it cuts itself off from the process that forked it.

It gets output, limits and libraries of its own, runs its task and leaves the result in a file.
"""

import contextlib
import ctypes
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from flexecutor_energy.execution.limits import set_loaded_thread_pools, set_thread_counts
from flexecutor_energy.execution.task import WorkerTask
from flexecutor_energy.execution.worker import Progress, run_task

LOG_FILE = "output.log"
_RESULT_FILE = "result.pickle"
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_M_ARENA_MAX = -8
_ARENAS = 2


def become_invocation(
    task: WorkerTask,
    scratch: Path,
    go_fd: int,
    baseline_fd: int,
    private_fds: Iterable[int],
    supervisor_pid: int,
) -> NoReturn:
    """Run a task in this forked process; never returns into the caller's stack.

    Parameters
    ----------
    task : what to do
    scratch : its private folder; output and result go there
    go_fd : gives one byte when the limits from outside are set
    baseline_fd : takes the resident bytes of the bare worker
    private_fds : descriptors of the supervisor that this process must not hold
    supervisor_pid : the process that forked this one; they end together
    """
    code = 1
    try:
        _control(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor_pid:
            os._exit(code)  # it died before the line above
        adopt_orphans()  # so that what the function starts is always found below this process
        os.setpgid(0, 0)
        _detach(scratch / LOG_FILE, private_fds)
        _forget_inherited()
        cores = min(task.cpu, len(os.sched_getaffinity(0)))
        set_thread_counts(os.environ, cores)
        if task.memory_mb:
            _few_arenas()
        if os.read(go_fd, 1) == b"g":
            set_loaded_thread_pools(cores)
            progress = run_task(task, scratch, lambda size: _tell(baseline_fd, size))
            sys.stdout.flush()
            sys.stderr.flush()
            _save(scratch, progress)
            code = 0
    except BaseException:  # noqa: BLE001 - nothing above this frame may go on in this process
        traceback.print_exc()
    finally:
        os._exit(code)


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent ends."""
    _control(_PR_SET_CHILD_SUBREAPER, 1)


def _control(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _few_arenas() -> None:
    """Keep threads from reserving 64 MB of address space each, which a limit would count.

    A dozen transfers at once would fill a small limit without holding anything.
    """
    with contextlib.suppress(AttributeError):  # a C library other than glibc reserves none
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)


def load_result(scratch: Path) -> Progress | None:
    """Return what an invocation got to, or None if it ended before it could say."""
    try:
        # written a moment ago by this program, in a folder of this user alone
        progress = pickle.loads((scratch / _RESULT_FILE).read_bytes())
    except (OSError, pickle.UnpicklingError, EOFError):
        return None
    return progress if isinstance(progress, Progress) else None


def _save(scratch: Path, progress: Progress) -> None:
    temporary = scratch / f"{_RESULT_FILE}.part"
    temporary.write_bytes(pickle.dumps(progress))
    temporary.replace(scratch / _RESULT_FILE)


def _tell(fd: int, size: int) -> None:
    os.write(fd, str(size).encode())


def _detach(log: Path, private_fds: Iterable[int]) -> None:
    """Give this process an output file of its own, and nothing of its parent's channels."""
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


def _forget_inherited() -> None:
    """Drop what libraries loaded before the fork would share between workers."""
    logging = sys.modules.get("logging")
    if logging is not None:  # its handlers write to the parent's files, not to this log
        logging.getLogger().handlers.clear()
        logging.getLogger().setLevel(logging.WARNING)
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:  # else all workers would draw the same numbers
        numpy_random.seed()
