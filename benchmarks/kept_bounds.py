"""Whether bounds promised at 95 % are kept in real runs, while something else uses the machine.

    python -m benchmarks.kept_bounds --dags pi ml --runs 20

Each workflow is profiled, trained and planned for the least energy under a deadline, and then
executed many times, with a background process that is busy for part of the time, from the first
run of the profile on. Counted is how often the deadline was kept, and how often the measured
time and energy lay inside their intervals.
"""

import argparse
import contextlib
import importlib
import math
import multiprocessing
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

# a folder of its own, also for Lithops, which reads this once when it is imported
tempfile.tempdir = os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="flexecutor-bench-")

from flexecutor_energy import DAG, ConfigSpace, InfeasibleError, Plan
from flexecutor_energy.execution.backends.select import open_backend

SPACE = ConfigSpace(cpu=[0.5, 1, 2], memory=[1024], workers=[1, 2, 4])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dags", nargs="+", default=["pi", "ml"])
    parser.add_argument("--runs", type=int, default=20, help="executions of each plan")
    parser.add_argument("--reps", type=int, default=3, help="repetitions of each configuration")
    parser.add_argument("--busy", type=float, default=0.3, help="share of one core used beside it")
    parser.add_argument("--slack", type=float, default=1.5, help="deadline over the fastest plan")
    parser.add_argument("--confidence", type=float, default=0.95)
    parser.add_argument("--backend", default="local")
    options = parser.parse_args()
    with background(options.busy):
        for name in options.dags:
            _one(name, options)


@contextlib.contextmanager
def background(share: float) -> Iterator[None]:
    """Keep a process busy for a share of the time, in bursts of random length."""
    process = multiprocessing.get_context("spawn").Process(
        target=_bursts, args=(share,), daemon=True
    )
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _bursts(share: float) -> None:
    chance = random.Random(0)
    while True:
        busy_s = chance.expovariate(1 / 0.5)
        until = time.monotonic() + busy_s
        while time.monotonic() < until:
            pass
        time.sleep(busy_s * (1 - share) / share)


def _one(name: str, options: argparse.Namespace) -> None:
    module = importlib.import_module(f"dags.{name}")
    place = Path(tempfile.mkdtemp(prefix=f"kept-{name}-"))
    dag: DAG = module.build("small", place)
    with dag, contextlib.closing(open_backend(options.backend)) as backend:
        store = dag.storage("file")
        module.prepare("small", place, store)
        dag.profile(SPACE, reps=options.reps, backend=backend, storage=store)
        print(dag.train())
        fastest = dag.optimize(objective="time")
        plan = _plan(dag, options.slack * fastest.time.mean, options.confidence)
        bound = plan.terms.max_time or math.inf
        times, joules = [], []
        for number in range(options.runs):
            run = dag.execute(plan, backend=backend, storage=store)
            times.append(run.time)
            joules.append(run.energy or math.nan)
            kept = "kept" if run.time <= bound else "MISSED"
            print(f"  {name} {number + 1:2}: {run.time:.2f} s ({kept}), {joules[-1]:.1f} J")
    _tell(name, plan, times, joules)


def _plan(dag: DAG, deadline_s: float, confidence: float) -> Plan:
    """Return the plan of least energy under a deadline, or the least that can be promised."""
    try:
        return dag.optimize(max_time=deadline_s, confidence=confidence)
    except InfeasibleError as error:
        least = error.attainable
        if least is None:
            raise
        promised = least * 1.01
        print(
            f"  {deadline_s:.2f} s cannot be promised at {confidence:.0%}; taking {promised:.2f} s"
        )
        return dag.optimize(max_time=promised, confidence=confidence)


def _tell(name: str, plan: Plan, times: list[float], joules: list[float]) -> None:
    bound = plan.terms.max_time or math.inf
    kept = sum(value <= bound for value in times)
    inside = sum(plan.time.low <= value <= plan.time.high for value in times)
    print(f"{name}: deadline {bound:.2f} s kept in {kept} of {len(times)} runs")
    ends = f"{plan.time.low:.2f} … {plan.time.high:.2f} s"
    print(f"  time inside its {plan.time.level:.0%} interval, {ends}: {inside} of {len(times)}")
    if plan.energy is not None:
        held = sum(plan.energy.low <= value <= plan.energy.high for value in joules)
        print(f"  energy inside its interval: {held} of {len(joules)}")
        ratio = statistics.median(joules) / plan.energy.mean
        print(f"  median energy, measured / predicted: {ratio:.2f}")
    print(f"  median time, measured / predicted: {statistics.median(times) / plan.time.mean:.2f}")


if __name__ == "__main__":
    main()
