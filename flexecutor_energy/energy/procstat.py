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
    ticks = ticks_per_s or os.sysconf("SC_CLK_TCK")
    lines = (root / "proc/stat").read_text(encoding="ascii").splitlines()
    total = next((line.split() for line in lines if line.startswith("cpu ")), None)
    if total is None or len(total) < 8:
        raise ValueError("/proc/stat has no line 'cpu' with seven counters")
    counters = [int(value) for value in total[1:8]]
    if not any(counters):
        raise ValueError("/proc/stat counts no CPU time here")
    user, nice, system, _idle, _iowait, irq, softirq = counters
    cores = sum(1 for line in lines if line.startswith("cpu") and line[3:4].isdigit())
    return HostCpu((user + nice + system + irq + softirq) / ticks, max(cores, 1))


def host_busy_s(root: Path = Path("/"), ticks_per_s: float | None = None) -> float | None:
    """Return the CPU seconds that all processes of a host have used; None where it is not told."""
    try:
        return host_cpu(root, ticks_per_s).busy_s
    except (OSError, ValueError):
        return None


def memory_used_mb(root: Path = Path("/")) -> float | None:
    """Return the memory in use on a host, MB: total less available; None where it is not told."""
    sizes: dict[str, int] = {}
    try:
        with (root / "proc/meminfo").open(encoding="ascii") as lines:
            for line in lines:
                name, _, rest = line.partition(":")
                if name in {"MemTotal", "MemAvailable"}:
                    sizes[name] = int(rest.split()[0])
                if len(sizes) == 2:
                    break
    except (OSError, ValueError):
        return None
    if len(sizes) != 2:
        return None
    return (sizes["MemTotal"] - sizes["MemAvailable"]) * 1024 / 1e6
