"""Limits that hold: CPU by cgroup quota or affinity, memory by address space. Linux only.

What could not be enforced is said, never pretended: :class:`CpuLimit` carries the value that
really held and the mechanism behind it.
"""

import contextlib
import errno
import itertools
import math
import os
import resource
import signal
import sys
from collections.abc import MutableMapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
    "TORCH_NUM_THREADS",
)
_PERIOD_US = 100_000
# beyond what a function keeps resident, libraries map address space they never touch:
# scikit-learn alone maps 590 MB while it holds 200
_ADDRESS_SPACE_MARGIN_MB = 1024
_GROUP_PREFIX = "flexecutor-energy-"
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class CpuLimit:
    """The cores a worker was asked to use, those it was held to, and how."""

    requested: float
    held: float
    mechanism: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for a profile."""
        return asdict(self)


def set_thread_counts(environment: MutableMapping[str, str], cpu: float) -> None:
    """Tell numerical libraries to run as many threads as there are cores to use."""
    threads = str(_threads(cpu))
    for name in _THREAD_VARIABLES:
        environment[name] = threads
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads burn the quota


def set_loaded_thread_pools(cpu: float) -> None:
    """Limit the threads of numerical libraries that a fork inherited from its parent.

    These have read their variables already. Only what is loaded is asked for, as looking for it
    takes time that a bare worker need not spend.
    """
    if "numpy" not in sys.modules or _threads(cpu) >= len(os.sched_getaffinity(0)):
        return
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return
    threadpool_limits(limits=_threads(cpu))


def _threads(cpu: float) -> int:
    return max(1, math.ceil(cpu))


class CpuGroup:
    """A control group that holds one worker and all its children to a share of CPU time.

    Attributes
    ----------
    cpu : the cores that the quota gives
    mechanism : which kind of group it is
    """

    def __init__(self, path: Path, cpu: float, mechanism: str) -> None:
        self._path = path
        self.cpu = cpu
        self.mechanism = mechanism

    @classmethod
    def create(cls, cpu: float, roots: "CgroupRoots") -> "CpuGroup | None":
        """Return a new group with a quota of ``cpu`` cores, or None where that is refused."""
        name = f"{_GROUP_PREFIX}{os.getpid()}-{next(_numbers)}"
        quota_us = max(1000, round(cpu * _PERIOD_US))
        for parent, mechanism in roots.parents():
            path = parent / name
            try:
                path.mkdir()
                if mechanism == "cgroup-v1-quota":
                    (path / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
                    (path / "cpu.cfs_quota_us").write_text(str(quota_us))
                else:
                    (path / "cpu.max").write_text(f"{quota_us} {_PERIOD_US}")
            except OSError:
                with contextlib.suppress(OSError):
                    path.rmdir()
                continue
            return cls(path, quota_us / _PERIOD_US, mechanism)
        return None

    def add(self, pid: int) -> bool:
        """Move a process into the group; False where the kernel refuses."""
        try:
            (self._path / "cgroup.procs").write_text(str(pid))
        except OSError:
            return False
        return True

    def close(self) -> bool:
        """Kill what is left in the group and remove it; False if a dying process holds it yet."""
        try:
            left = [int(pid) for pid in (self._path / "cgroup.procs").read_text().split()]
        except (OSError, ValueError):
            left = []
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            self._path.rmdir()
        except OSError as error:
            return error.errno != errno.EBUSY
        return True


@dataclass(frozen=True, slots=True)
class CgroupRoots:
    """Where this process's CPU control groups lie.

    Attributes
    ----------
    mount : the cgroup file system
    membership : content of ``/proc/self/cgroup``
    """

    mount: Path
    membership: str

    @classmethod
    def of_this_process(cls) -> "CgroupRoots":
        """Read the membership of the running process."""
        try:
            membership = Path("/proc/self/cgroup").read_text()
        except OSError:
            membership = ""
        return cls(Path("/sys/fs/cgroup"), membership)

    def parents(self) -> list[tuple[Path, str]]:
        """Return groups below which a new one may be made, with the mechanism they give."""
        found: list[tuple[Path, str]] = []
        for line in self.membership.splitlines():
            number, _, rest = line.partition(":")
            controllers, _, path = rest.partition(":")
            if "cpu" in controllers.split(","):
                for mount in (self.mount / "cpu", self.mount / controllers):
                    if (mount / path.lstrip("/")).is_dir():
                        found.append((mount / path.lstrip("/"), "cgroup-v1-quota"))
                        break
            elif number == "0" and not controllers:
                own = self.mount / path.lstrip("/")
                # a group that holds processes cannot have limited children, its parent can
                found.extend((group, "cgroup-v2-quota") for group in (own, own.parent))
        return [(path, how) for path, how in found if how != "cgroup-v2-quota" or _has_cpu(path)]


def remove_stale_groups(roots: CgroupRoots) -> None:
    """Remove empty groups whose makers were killed before they could do it."""
    for parent, _ in roots.parents():
        for path in parent.glob(f"{_GROUP_PREFIX}*"):
            maker = path.name.removeprefix(_GROUP_PREFIX).partition("-")[0]
            if not Path("/proc", maker).exists():
                with contextlib.suppress(OSError):  # not empty, or gone meanwhile
                    path.rmdir()


def _has_cpu(group: Path) -> bool:
    try:
        return "cpu" in (group / "cgroup.subtree_control").read_text().split()
    except OSError:
        return False


def limit_cpu(
    pid: int, cpu: float, worker_id: int, roots: CgroupRoots
) -> tuple[CpuLimit, CpuGroup | None]:
    """Hold a waiting process to ``cpu`` cores, by quota where permitted, else by affinity.

    Parameters
    ----------
    pid : the process, which has not begun its work yet
    cpu : cores asked for
    worker_id : spreads workers over cores where affinity is all there is
    roots : where control groups can be made

    Returns
    -------
    The limit that holds, and the group to close when the process has ended.
    """
    cores = sorted(os.sched_getaffinity(pid))
    if cpu >= len(cores):
        return CpuLimit(cpu, float(len(cores)), "all-cores"), None
    group = CpuGroup.create(cpu, roots)
    if group is not None:
        if group.add(pid):
            return CpuLimit(cpu, group.cpu, group.mechanism), group
        group.close()
    count = math.ceil(cpu)
    chosen = {cores[(worker_id * count + i) % len(cores)] for i in range(count)}
    os.sched_setaffinity(pid, chosen)
    return CpuLimit(cpu, float(len(chosen)), "affinity"), None


def limit_address_space(now_bytes: int, memory_mb: int) -> int:
    """Bound this process's address space and return the bound in bytes.

    An allocation beyond it fails at once inside the function. The resident size, which is what
    ``memory`` means, is watched from outside.
    """
    bound = now_bytes + (memory_mb + _ADDRESS_SPACE_MARGIN_MB) * 10**6
    _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        bound = min(bound, hard)
    resource.setrlimit(resource.RLIMIT_AS, (bound, hard))
    return bound
