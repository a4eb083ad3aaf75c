"""Runs a function in a process of its own, without the engine, and meters it as workers are.

The baseline of every comparison: the same computation by one process.
"""

import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flexecutor_energy.energy.calibration import Calibration
from flexecutor_energy.energy.choice import COUNTERS, MeterChoice
from flexecutor_energy.energy.method import EnergyMethod
from flexecutor_energy.energy.pooling import methods_of
from flexecutor_energy.energy.sampler import HostSample, HostSampler
from flexecutor_energy.energy.sharing import HostShares, SeenHost, share_counted, share_modelled
from flexecutor_energy.energy.traces import WorkerTrace
from flexecutor_energy.errors import ExecutionError
from flexecutor_energy.execution.limits import set_thread_counts
from flexecutor_energy.hardware.detect import detect_host, machine_key
from flexecutor_energy.hardware.power import remembered_host_curve

_ENTRY = """
import importlib, json, pickle, sys, time
sys.path[:] = json.loads(sys.argv[3])
module, name, given = pickle.loads(bytes.fromhex(sys.argv[1]))
function = getattr(importlib.import_module(module), name)
start = time.monotonic(), time.process_time()
value = function(**given)
with open(sys.argv[2], "wb") as file:
    pickle.dump((value, *start), file)
"""


@dataclass(frozen=True, slots=True)
class NativeRun:
    """One run of a function by one process.

    Attributes
    ----------
    time_s : seconds of the function
    cpu_s : CPU seconds of the function and all that it started
    startup_s, startup_cpu_s : of the interpreter and the imports before it
    energy_j : joules of the function by method: dynamic, and its share of idle power for the
        cores it had; None where a counter was missing
    startup_j : likewise of what came before it
    hows : method, boundary and band of each
    host_j : joules of the whole host while the function ran, by method
    value : what the function returned
    """

    time_s: float
    cpu_s: float
    startup_s: float
    startup_cpu_s: float
    energy_j: Mapping[str, float | None]
    startup_j: Mapping[str, float | None]
    hows: Mapping[str, EnergyMethod]
    host_j: Mapping[str, float | None]
    value: Any


def run_native(
    module: str,
    name: str,
    arguments: Mapping[str, Any],
    *,
    meter: MeterChoice | None = None,
    calibrations: Mapping[str, Calibration] | None = None,
    cores: int = 1,
) -> NativeRun:
    """Run a function of a module in a fresh interpreter and meter it.

    Parameters
    ----------
    module, name : the function; the module is imported by this name
    arguments : by name; they are pickled, and so is the value
    meter : counters to read; None reads those of ``auto``
    calibrations : measured power by machine key
    cores : threads that numerical libraries may use, and cores that are reserved for it

    Raises
    ------
    ExecutionError
        The process ended with an error; the message holds the end of what it printed.
    """
    choice = meter or MeterChoice()
    environment = dict(os.environ)
    set_thread_counts(environment, cores)
    sampler = HostSampler(choice.open().collectors, root=choice.system_root)
    with tempfile.TemporaryDirectory(prefix="flexecutor-energy-native-") as folder:
        result = Path(folder) / "value"
        task = pickle.dumps((module, name, dict(arguments))).hex()
        command = [sys.executable, "-c", _ENTRY, task, str(result), json.dumps(sys.path)]
        try:
            sampler.start()
            start = time.monotonic()
            cpu_s = _run(command, environment, Path(folder) / "log")
            end = time.monotonic()
            samples = sampler.stop()
        finally:
            sampler.close()
        # written by the process above
        value, began, startup_cpu_s = pickle.loads(result.read_bytes())
    traces = (
        WorkerTrace("startup", [start, began], [0.0, startup_cpu_s], float(cores)),
        WorkerTrace("native", [began, end], [0.0, cpu_s - startup_cpu_s], float(cores)),
    )
    shares = _shares(samples, traces, calibrations or {}, choice.method)
    during = [sample for sample in samples if sample.monotonic_s >= began]
    hosts = _shares(during, (), calibrations or {}, choice.method)
    return NativeRun(
        time_s=end - began,
        cpu_s=cpu_s - startup_cpu_s,
        startup_s=began - start,
        startup_cpu_s=startup_cpu_s,
        energy_j={name: _joules(each, "native") for name, each in shares.items()},
        startup_j={name: _joules(each, "startup") for name, each in shares.items()},
        hows={name: each.how for name, each in shares.items()},
        host_j={name: _host_joules(hosts.get(name)) for name in shares},
        value=value,
    )


def _run(command: list[str], environment: Mapping[str, str], log: Path) -> float:
    """Run a process to its end and return the CPU seconds of it and all that it started."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        text = log.read_text(encoding="utf-8", errors="replace")
        raise ExecutionError(
            f"the native process ended with code {process.returncode}: {text[-2000:].strip()}"
        )
    return usage.ru_utime + usage.ru_stime


def _shares(
    samples: Sequence[HostSample],
    traces: Sequence[WorkerTrace],
    calibrations: Mapping[str, Calibration],
    method: str,
) -> dict[str, HostShares]:
    """Return the shares of a host by each method that could be used, the preferred one first."""
    facts = detect_host()
    calibration = calibrations.get(machine_key(facts))
    curve = remembered_host_curve(replace(facts, boot_id=None, machine_id=None))
    host = SeenHost(
        samples,
        float(facts.logical_cpus or 1),
        calibration.apply(curve) if calibration is not None else curve,
        calibration,
    )
    found = {name: share_counted(host, name, lambda *_: traces) for name in methods_of(samples)}
    if method in {"model", "all"} or (method == "auto" and not found):
        found["model"] = share_modelled(host, lambda *_: traces)
    order = [name for name in (*COUNTERS, "model") if name in found]
    known = {name: found[name] for name in dict.fromkeys([*order, *found])}
    return {name: shares for name, shares in known.items() if shares is not None}


def _joules(shares: HostShares, part: str) -> float | None:
    own = shares.attribution.workers[part].energy_uj
    return None if own is None else own / 1e6


def _host_joules(shares: HostShares | None) -> float | None:
    if shares is None or shares.attribution.unknown_s:
        return None
    return shares.attribution.total_uj / 1e6
