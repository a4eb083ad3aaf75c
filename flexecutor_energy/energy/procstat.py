"""CPU time and memory of a whole host, from ``/proc/stat`` and ``/proc/meminfo``."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class HostCpu:
    """CPU time that all processes of a host have used since it started.

    Attributes
    ----------
    busy_s : user + nice + system + irq + softirq, seconds; time that a hypervisor stole or that
        was spent waiting is nobody's work
    cores : CPUs that are online
    """

    busy_s: float
    cores: int


def host_cpu(root: Path = Path("/"), ticks_per_s: float | None = None) -> HostCpu:
    """Read the CPU time of the host whose ``/proc`` lies below ``root``.

    Parameters
    ----------
    root : root of the file system
    ticks_per_s : unit of the counters; None asks the system

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        The file does not look as proc(5) says, or has counted no time at all, as in sandboxes
        that do not fill it.
    """
    lines = read_small_file(root / "proc/stat").splitlines()
    total = next((line for line in lines if line.startswith("cpu ")), "")
    cores = sum(1 for line in lines if line.startswith("cpu") and line[3:4].isdigit())
    return HostCpu(_busy_s(total, ticks_per_s), max(cores, 1))


def _busy_s(line: str, ticks_per_s: float | None) -> float:
    """Return the busy seconds that the line of all CPUs in ``/proc/stat`` tells."""
    counters = [int(value) for value in line.split()[1:8]]
    if len(counters) != 7:
        raise ValueError("/proc/stat has no line 'cpu' with seven counters")
    if not any(counters):
        raise ValueError("/proc/stat counts no CPU time here")
    user, nice, system, _idle, _iowait, irq, softirq = counters
    ticks = ticks_per_s or os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / ticks


def read_small_file(path: str | os.PathLike[str], most: int = 1 << 20) -> str:
    """Return the beginning of a file of the kernel, several times faster than ``read_text``.

    Meters read such files ten times a second, and what they use themselves should not count.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(handle, most).decode("ascii")
    finally:
        os.close(handle)


def host_busy_s(root: Path = Path("/"), ticks_per_s: float | None = None) -> float | None:
    """Return the CPU seconds that all processes of a host have used; None where it is not told."""
    try:
        text = read_small_file(f"{root}/proc/stat", 512)  # the first line is that of all CPUs
        return _busy_s(text[: text.find("\n")] if text.startswith("cpu ") else "", ticks_per_s)
    except (OSError, ValueError):
        return None


def memory_used_mb(root: Path = Path("/")) -> float | None:
    """Return the memory in use on a host, MB: total less available; None where it is not told."""
    sizes: dict[str, int] = {}
    try:
        for line in read_small_file(f"{root}/proc/meminfo", 512).splitlines():
            name, _, rest = line.partition(":")
            if name in {"MemTotal", "MemAvailable"}:
                sizes[name] = int(rest.split()[0])
    except (OSError, ValueError, IndexError):
        return None
    if len(sizes) != 2:
        return None
    return (sizes["MemTotal"] - sizes["MemAvailable"]) * 1024 / 1e6
