"""What a host offers to a worker that runs there, as the worker itself finds it."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata

from flexecutor_energy.energy.choice import MeterChoice
from flexecutor_energy.energy.reading import Availability
from flexecutor_energy.energy.select import probe_collectors
from flexecutor_energy.execution.limits import CgroupRoots, CpuGroup
from flexecutor_energy.execution.supervisor import this_host
from flexecutor_energy.execution.task import HostView

_PACKAGES = ("flexecutor-energy", "lithops", "numpy", "cloudpickle", "obstore")


@dataclass(frozen=True, slots=True)
class HostExamination:
    """One look at a host from inside a process that runs there.

    Attributes
    ----------
    host : which one, with its processor and memory
    usable_cpus : CPUs that the process may use
    energy : for each energy method whether it can be used there, and why or why not; whether
        ``model`` knows the processor is for the driver to say, whose catalogue counts
    cpu_limit : how shares of a core are enforced; None where only whole cores can be
    software : versions by name, ``python`` first; None for what is not installed
    """

    host: HostView
    usable_cpus: int
    energy: Mapping[str, Availability]
    cpu_limit: str | None
    software: Mapping[str, str | None]


def examine_host(choice: MeterChoice) -> HostExamination:
    """Look at the host of this process; takes a moment, as perf is run.

    Parameters
    ----------
    choice : where counters lie and how perf is called; its method does not matter
    """
    return HostExamination(
        host=this_host(),
        usable_cpus=len(os.sched_getaffinity(0)),
        energy=probe_collectors(root=choice.root_path, perf_command=choice.perf_command),
        cpu_limit=_cpu_limit(),
        software={
            "python": platform.python_version(),
            **{package: _version(package) for package in _PACKAGES},
        },
    )


def _cpu_limit() -> str | None:
    group = CpuGroup.create(0.5, CgroupRoots.of_this_process())
    if group is None:
        return None
    group.close()
    return group.mechanism


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
