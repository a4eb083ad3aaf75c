"""The process that keeps an embedded server running for as long as somebody uses it.

It runs as ``python -I -S watch.py <folder>`` (standard library only, 0.03 s of CPU to start),
starts the server as its child and stops it when no owner is alive any more. Owners are
processes, known by number and start time, so that a killed driver counts as gone, and a
stranger that got its number does not count as the driver. The folder holds::

    lock            whoever changes what follows holds it (flock; freed by the kernel)
    owners/         one empty file for each use: <process>.<random>
    command.json    what to run, written by the driver that starts the server
    running.json    the processes that run, written here, removed when they end
    stopped.json    CPU time that the last server used from its start to its end
"""

import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

POLL_S = 1.0
STOP_TIMEOUT_S = 3.0
_LOCK_POLL_S = 0.02
_PR_SET_PDEATHSIG = 1
_WAKERS = frozenset({signal.SIGTERM, signal.SIGCHLD})
_IGNORED = frozenset({signal.SIGINT, signal.SIGHUP})


def process_token(pid: int) -> str | None:
    """Return ``<pid>-<start>``, which no later process will have; None if it does not live.

    ``start`` is in clock ticks since boot (field 22 of /proc/<pid>/stat). A process that has
    ended and waits for its parent to notice does not live.
    """
    fields = _process_fields(pid)
    return f"{pid}-{fields[19]}" if fields is not None and fields[0] not in "ZX" else None


def is_alive(token: str) -> bool:
    """Return whether the very process that ``token`` was made for still lives."""
    pid, _, start = token.partition("-")
    return pid.isdigit() and bool(start) and process_token(int(pid)) == token


def process_cpu_s(token: str) -> float | None:
    """Return the CPU seconds of a process and its ended children; None if it does not live."""
    pid = token.partition("-")[0]
    if not is_alive(token):
        return None
    fields = _process_fields(int(pid))
    if fields is None:
        return None
    return sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def send(token: str, signal_number: int) -> None:
    """Send a signal to the very process that ``token`` was made for, if it still lives."""
    if is_alive(token):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(token.partition("-")[0]), signal_number)


class Registry:
    """Who uses the server of a folder. Decide on it only while holding its lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._owners = folder / "owners"

    @contextlib.contextmanager
    def lock(self, timeout_s: float = 60.0) -> Iterator[None]:
        """Hold the folder's lock.

        Raises
        ------
        TimeoutError
            Another process has held it for all that time.
        """
        handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            deadline = time.monotonic() + timeout_s
            while not _locked(handle):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{self.folder / 'lock'} was held for {timeout_s:.0f} s")
                time.sleep(_LOCK_POLL_S)
            yield
        finally:
            os.close(handle)

    def add(self, pid: int) -> Path:
        """Note one use by a process; unlink the file that is returned to end it."""
        self._owners.mkdir(mode=0o700, exist_ok=True)
        owner = self._owners / f"{process_token(pid)}.{os.urandom(4).hex()}"
        owner.touch()
        return owner

    def live(self) -> list[str]:
        """Return the processes that use the server, one entry a use; forget those that died."""
        alive = []
        with contextlib.suppress(FileNotFoundError):
            for owner in self._owners.iterdir():
                token = owner.name.partition(".")[0]
                if is_alive(token):
                    alive.append(token)
                else:
                    owner.unlink(missing_ok=True)
        return alive

    def running(self) -> dict[str, Any] | None:
        """Return what ``running.json`` says, if the processes that it names live."""
        record = load(self.folder / "running.json")
        if record is not None and is_alive(record["watcher"]) and is_alive(record["server"]):
            return record
        return None


def load(path: Path) -> dict[str, Any] | None:
    """Return the object in a JSON file; None where there is no such file."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return content


def save(path: Path, content: dict[str, Any]) -> None:
    """Replace a JSON file in one step; only its owner can read it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file)
    fresh.replace(path)


def remove_files(paths: list[str]) -> None:
    """Remove files, of which some may be gone already."""
    for path in paths:
        Path(path).unlink(missing_ok=True)


def main(folder: Path) -> int:
    """Run the server of ``folder`` until nobody uses it or it ends; return an exit code."""
    os.closerange(3, 4096)
    os.chdir(folder)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAKERS | _IGNORED)
    command = load(folder / "command.json")
    if command is None:
        return 2
    server = _launch(command["argv"], command["env"])
    # A server that has ended already has no token; "" is the one of nobody.
    record = {"watcher": process_token(os.getpid()), "server": process_token(server) or ""}
    save(folder / "running.json", record)
    _serve(Registry(folder), server, record, command["leftovers"])
    return 0


def _serve(
    registry: Registry, server: int, record: dict[str, str | None], leftovers: list[str]
) -> None:
    """Wait until the server ends, by itself or for want of owners, and tidy up."""
    cpu_s = None
    while True:
        cpu_s = _ended(server) if cpu_s is None else cpu_s
        if cpu_s is not None or not registry.live():
            try:
                with registry.lock():
                    if cpu_s is not None or not registry.live():
                        cpu_s = _stop(server) if cpu_s is None else cpu_s
                        _tidy(registry.folder, record, leftovers, cpu_s)
                        return
            except FileNotFoundError:  # the workspace itself is gone
                if cpu_s is None:
                    _stop(server)
                remove_files(leftovers)
                return
            except TimeoutError:
                continue
        signal.sigtimedwait(_WAKERS, POLL_S)


def _tidy(
    folder: Path, record: dict[str, str | None], leftovers: list[str], server_cpu_s: float
) -> None:
    save(folder / "stopped.json", {**record, "cpu_s": server_cpu_s + time.process_time()})
    if load(folder / "running.json") == record:  # else another server has taken over since
        remove_files([*leftovers, str(folder / "running.json")])


def _launch(argv: list[str], env: dict[str, str]) -> int:
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    watcher = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)  # the server ends if its watcher is killed
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WAKERS | _IGNORED)
        if os.getppid() == watcher:
            os.execve(argv[0], argv, env)
    finally:
        os._exit(127)


def _ended(server: int) -> float | None:
    pid, _, usage = os.wait4(server, os.WNOHANG)
    return usage.ru_utime + usage.ru_stime if pid else None


def _stop(server: int) -> float:
    os.kill(server, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while (cpu_s := _ended(server)) is None:
        left_s = deadline - time.monotonic()
        if left_s > 0:
            signal.sigtimedwait({signal.SIGCHLD}, left_s)
        else:
            os.kill(server, signal.SIGKILL)
            _, _, usage = os.wait4(server, 0)
            return usage.ru_utime + usage.ru_stime
    return cpu_s


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _process_fields(pid: int) -> list[str] | None:
    """Return the fields of /proc/<pid>/stat from the third (state) on."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
