"""What ``/proc`` says about processes and the host. Standard library only.

Every function returns None (or leaves an entry out) where the kernel does not tell.
"""

import functools
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class ProcessCpu:
    """CPU seconds that one process has used.

    Attributes
    ----------
    pid, started_ticks : together they identify the process, also after its pid is reused
    own_s : CPU seconds of the process itself
    reaped_s : CPU seconds of its children that ended and were waited for
    """

    pid: int
    started_ticks: int
    own_s: float
    reaped_s: float


def process_cpu(pid: int) -> ProcessCpu | None:
    """Return the CPU use of a process, or None if it is gone."""
    fields = _stat(pid)
    if fields is None:
        return None
    utime, stime, cutime, cstime = (int(value) * _TICK_S for value in fields[11:15])
    return ProcessCpu(pid, int(fields[19]), utime + stime, cutime + cstime)


def parent_pid(pid: int) -> int | None:
    """Return the parent of a process, or None if it is gone."""
    fields = _stat(pid)
    return int(fields[1]) if fields is not None else None


def is_zombie(pid: int) -> bool:
    """Tell whether a process has ended and nobody has waited for it yet."""
    fields = _stat(pid)
    return fields is not None and fields[0] == "Z"


def session_id(pid: int) -> int | None:
    """Return the session of a process, or None if it is gone."""
    fields = _stat(pid)
    return int(fields[3]) if fields is not None else None


def _stat(pid: int) -> list[str] | None:
    """Return the fields of ``/proc/<pid>/stat`` from the state (field 3 of proc(5)) on."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()  # the name before it may hold anything


def descendants(pid: int) -> Iterator[int]:
    """Yield the descendants of a process, those included that nobody has waited for yet."""
    pending = [pid]
    while pending:
        for child in children(pending.pop()):
            yield child
            pending.append(child)


def children(pid: int) -> list[int]:
    """Return the children of a process, those included that it has not waited for yet."""
    if not _lists_children():
        return [child for child in _all_pids() if parent_pid(child) == pid]
    found: list[int] = []
    try:
        for task in (_PROC / str(pid) / "task").iterdir():
            found.extend(int(child) for child in (task / "children").read_text().split())
    except OSError:
        return found  # the process ended meanwhile
    return found


@functools.cache
def _lists_children() -> bool:
    """Tell whether the kernel lists children; some are built without, and so is gVisor."""
    return (_PROC / "thread-self" / "children").exists()


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def resident_bytes(pid: int) -> int | None:
    """Return the resident memory of one process, or None if it is gone."""
    sizes = _statm(pid)
    return sizes[1] if sizes else None


def tree_resident_bytes(pid: int) -> int | None:
    """Return the resident memory of a process and its descendants, or None if it is gone."""
    own = resident_bytes(pid)
    if own is None:
        return None
    return own + sum(resident_bytes(child) or 0 for child in descendants(pid))


def tree_proportional_bytes(pid: int) -> int | None:
    """Return the memory of a process and its descendants, shared pages counted once.

    The sum of proportional set sizes; takes the kernel a while. None if the process is gone or
    the kernel does not tell.
    """
    own = _proportional_bytes(pid)
    if own is None:
        return None
    return own + sum(_proportional_bytes(child) or 0 for child in descendants(pid))


def _proportional_bytes(pid: int) -> int | None:
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), None)


def address_space_bytes(pid: int) -> int | None:
    """Return the size of the address space of a process, or None if it is gone."""
    sizes = _statm(pid)
    return sizes[0] if sizes else None


def _statm(pid: int) -> tuple[int, int] | None:
    try:
        size, resident = (_PROC / str(pid) / "statm").read_text().split()[:2]
    except (OSError, ValueError):
        return None
    return int(size) * _PAGE_BYTES, int(resident) * _PAGE_BYTES


def host_id() -> str:
    """Return an id of this boot of this machine: workers that share it share a host.

    A digest, as the machine id itself should stay on the machine (machine-id(5)).
    """
    parts = []
    for path in (_PROC / "sys/kernel/random/boot_id", Path("/etc/machine-id")):
        try:
            parts.append(path.read_text().strip())
        except OSError:
            parts.append("")
    name = "/".join(parts) if any(parts) else os.uname().nodename
    return hashlib.sha256(name.encode()).hexdigest()[:12]
