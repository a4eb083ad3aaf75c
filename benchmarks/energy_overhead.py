"""What measuring energy costs: the sampler, the accounting of an invocation, and ``off``.

Run ``python benchmarks/energy_overhead.py``. Shares are CPU seconds over wall seconds of one
process; ratios compare two things measured in turn in one run.
"""

import argparse
import contextlib
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

# a folder of its own, also for Lithops, which reads this once when it is imported
tempfile.tempdir = os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="flexecutor-bench-")

from flexecutor_energy.energy.choice import MeterChoice
from flexecutor_energy.energy.curves import tdp_curve
from flexecutor_energy.energy.reading import EnergyReading
from flexecutor_energy.energy.sampler import HostSample, HostSampler
from flexecutor_energy.execution.backends.select import open_backend
from flexecutor_energy.execution.engine import RunOptions
from flexecutor_energy.execution.metering import meter
from flexecutor_energy.execution.session import Session
from flexecutor_energy.execution.task import Clock, HostView, WorkerReport
from flexecutor_energy.execution.trace import RunTrace, StageTrace
from flexecutor_energy.execution.worker import own_cpu_s
from flexecutor_energy.hardware.detect import HostFacts
from flexecutor_energy.storage.select import open_storage
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workflow.context import StageContext
from flexecutor_energy.workflow.graph import StageGraph
from flexecutor_energy.workflow.stage import Stage
from flexecutor_energy.workspace import Workspace

CURVE = tdp_curve("a processor", 100.0, threads=4, source="for this benchmark")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of sampling, each time")
    parser.add_argument("--rounds", type=int, default=9, help="of the comparison with off")
    options = parser.parse_args()
    _sampler(options.seconds)
    _accounting()
    _off(options.rounds)


def _sampler(seconds: float) -> None:
    print("sampler at 10 Hz, CPU seconds per second (target <= 0.5 % of a core)")
    for name, choice in {
        "no sampler": None,
        "load only (energy is modelled)": MeterChoice("model"),
        "two sockets: package, core, dram": MeterChoice("rapl", _powercap()),
    }.items():
        sampler = None
        if choice is not None:
            sampler = HostSampler(choice.open().collectors)
            sampler.start()
        wall, cpu = time.monotonic(), time.process_time()
        time.sleep(seconds)
        share = (time.process_time() - cpu) / (time.monotonic() - wall)
        if sampler is not None:
            sampler.close()
        print(f"  {name:40} {share:.3%}")


def _powercap() -> str:
    """Return a powercap folder of two sockets with three counters each."""
    root = Path(tempfile.mkdtemp(prefix="powercap-"))
    for socket in range(2):
        zones = {"": f"package-{socket}", ":0": "core", ":1": "dram"}
        for suffix, name in zones.items():
            folder = root / f"intel-rapl:{socket}{suffix}"
            folder.mkdir()
            (folder / "name").write_text(f"{name}\n")
            (folder / "energy_uj").write_text("123456789\n")
            (folder / "max_energy_range_uj").write_text("262143328850\n")
    return str(root)


def _accounting() -> None:
    print("accounting of one invocation (target <= 1 ms of CPU)")
    inside = _cpu_ms(lambda: [own_cpu_s() for _ in range(4)], 200)
    print(f"  in the worker: four looks at its clocks     {inside:.3f} ms")
    for workers in (4, 32, 128):
        trace = _trace(workers)
        for method in ("model", "rapl"):
            metered = partial(meter, trace, energy=method, curves={"h": CURVE})
            cost = _cpu_ms(metered, 3) / workers
            print(f"  on the driver: {workers:3} workers, {method:5}           {cost:.3f} ms each")


def _cpu_ms(work: Callable[[], object], times: int) -> float:
    work()
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times * 1e3


def _trace(workers: int) -> RunTrace:
    """Return a run of ten seconds, sampled at 10 Hz, with its workers spread over it."""
    facts = HostFacts("a processor", 4, 4, 1, False, None, None, 8000.0)
    reports = []
    for worker in range(workers):
        start = 10.0 + 6.0 * worker / workers
        times = [start + part for part in (0.0, 1.0, 2.5, 3.0)]
        reports.append(
            WorkerReport(
                task_id=f"a/{worker}/1",
                worker_id=worker,
                attempt=1,
                failure=None,
                host=HostView("h", "h", facts),
                clocks=tuple(Clock(t, t, t - start) for t in times),
                submitted_wall_s=start - 0.2,
                total_cpu_s=3.1,
                limits={"cpu": {"held": 1.0}},
            )
        )
    config = StageConfig(1, workers, 0)
    trace = RunTrace("r", driver_cpu_s=0.5)
    trace.stages["a"] = StageTrace("a", config, config, tuple(reports), (), 0.0, 9.0, {}, 0, 0)
    for at in range(110):
        now = 9.0 + at / 10
        count = {(0, "package"): round(50e6 * now), (0, "dram"): round(3e6 * now)}
        reading = EnergyReading(now, now, count, "rapl")
        trace.host_samples.append(HostSample(now, 4.0 * now, 1000.0, (reading,)))
    return trace


def _nothing(context: StageContext) -> None:
    """Do nothing, as a stage."""
    del context


def _off(rounds: int) -> None:
    graph = StageGraph("empty").add_stages([Stage("s", _nothing)])
    configs = {"s": StageConfig(cpu=64, workers=1)}
    place = Workspace.of(tempfile.mkdtemp(prefix="workspace-"))
    with (
        contextlib.closing(open_backend("local")) as backend,
        open_storage("file", place) as storage,
    ):
        session = Session(storage, backend, place)
        numbers = itertools.count()

        def without() -> None:
            for _ in range(20):
                trace = RunTrace(f"w{next(numbers)}")
                session.run(graph, configs, trace, RunOptions(meter=None))

        def with_energy(energy: str) -> None:
            options = session.metered(RunOptions(), energy)
            for _ in range(20):
                trace = RunTrace(f"s{next(numbers)}")
                ledger = session.run(graph, configs, trace, options)
                session.joules(trace, ledger, energy)

        cases: dict[str, Callable[[], None]] = {
            "no energy code": without,
            "energy='off'": lambda: with_energy("off"),
            "energy='model'": lambda: with_energy("model"),
        }
        seconds: dict[str, list[float]] = {name: [] for name in cases}
        for number in range(rounds):
            for name in list(cases) if number % 2 else list(cases)[::-1]:
                start = time.process_time()
                cases[name]()
                seconds[name].append((time.process_time() - start) / 20)
        session.close()
    base = seconds["no energy code"]
    print("an empty stage on the local backend, CPU of the driver (medians)")
    for name, found in seconds.items():
        ratios = sorted(one / other for one, other in zip(found, base, strict=True))
        middle = statistics.median(found)
        print(
            f"  {name:20} {middle * 1e3:6.2f} ms   {statistics.median(ratios):.2f} "
            f"({ratios[0]:.2f}-{ratios[-1]:.2f}) of no energy code"
        )


if __name__ == "__main__":
    main()
