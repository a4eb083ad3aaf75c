"""What the machinery costs: an empty stage against plain Lithops, branches against one stage.

Run ``python benchmarks/overhead.py``. Every figure is a ratio of two things measured in turn in
one run, because machines are noisy; the seconds beside it are for orientation only.
"""

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# a folder of its own, also for Lithops, which reads this once when it is imported
tempfile.tempdir = os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="flexecutor-bench-")

from flexecutor_energy.execution.backends.select import open_backend
from flexecutor_energy.execution.engine import Engine
from flexecutor_energy.execution.trace import RunTrace
from flexecutor_energy.storage.location import StoreSpec
from flexecutor_energy.storage.store import ObjectStore
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workflow.context import StageContext
from flexecutor_energy.workflow.data import FlexData, ReadStrategy
from flexecutor_energy.workflow.graph import StageGraph
from flexecutor_energy.workflow.stage import Stage


def nothing(context: StageContext) -> None:
    """Do nothing, as a stage."""
    del context


def touch(context: StageContext) -> None:
    """Read every input file, as a stage."""
    for path in context.get_input_paths("parts"):
        Path(path).read_bytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    store = ObjectStore(
        StoreSpec(kind="file", root=tempfile.mkdtemp(prefix="store-"), description="a directory")
    )
    store.make_bucket("bench")
    lithops = open_backend("lithops")
    plain = _plain_lithops()
    one, four = _graph(1), _graph(4)
    _report(
        "empty stage on lithops localhost / plain tuned map + wait (target <= 1.1)",
        rounds,
        lambda: _run(lithops, store, one),
        plain,
    )
    _report(
        "four independent empty stages / one (target <= 1.5)",
        rounds,
        lambda: _run(lithops, store, four),
        lambda: _run(lithops, store, one),
    )
    lithops.close()
    local = open_backend("local")
    chain = _chain(20)
    _run(local, store, chain)
    seconds = [_timed(lambda: _run(local, store, chain)) / 20 for _ in range(rounds)]
    print(f"local backend: {statistics.median(seconds) * 1e3:.1f} ms a stage (target <= 20)")
    _scatter(local, store)
    local.close()


def _plain_lithops() -> Callable[[], None]:
    import lithops

    executor = lithops.FunctionExecutor(
        config={
            "lithops": {
                "backend": "localhost",
                "storage": "localhost",
                "monitoring_interval": 0.02,
                "data_cleaner": False,
            },
            "localhost": {"runtime": sys.executable, "version": 1, "worker_processes": 64},
        },
        log_level=None,
    )

    def run() -> None:
        futures = executor.map(lambda x: x, [1], include_modules=None)
        executor.wait(futures, wait_dur_sec=0.02, show_progressbar=False)

    return run


def _graph(branches: int) -> StageGraph:
    return StageGraph("bench").add_stages([Stage(f"s{i}", nothing) for i in range(branches)])


def _chain(length: int) -> StageGraph:
    stages = [Stage(f"s{i}", nothing) for i in range(length)]
    for before, after in itertools.pairwise(stages):
        before >> after
    return StageGraph("bench").add_stages(stages)


def _run(backend, store, graph) -> RunTrace:  # type: ignore[no-untyped-def]
    trace = RunTrace(f"r{time.time_ns()}")
    configs = {stage_id: StageConfig(2, 1) for stage_id in graph.stage_ids}
    Engine(backend, store, "bench").run(graph, configs, trace)
    return trace


def _scatter(backend, store) -> None:  # type: ignore[no-untyped-def]
    for i in range(200):
        store.put("bench", f"parts/{i:03d}", bytes(10_000))
    moved = {}
    for strategy in (ReadStrategy.SCATTER, ReadStrategy.BROADCAST):
        data = FlexData("parts", read_strategy=strategy)
        graph = StageGraph("bench").add_stages([Stage("read", touch, inputs=[data])])
        trace = RunTrace(f"r{time.time_ns()}")
        Engine(backend, store, "bench").run(graph, {"read": StageConfig(2, 4)}, trace)
        moved[strategy] = sum(r.bytes_read or 0 for r in trace.stages["read"].reports)
    total = 200 * 10_000
    print(
        f"bytes moved for 200 objects over 4 workers: {moved[ReadStrategy.SCATTER] / total:.2f}x "
        f"scattered, {moved[ReadStrategy.BROADCAST] / total:.2f}x where every worker gets all"
    )


def _report(
    title: str, rounds: int, ours: Callable[[], object], theirs: Callable[[], object]
) -> None:
    ours()
    theirs()
    pairs = [(_timed(ours), _timed(theirs)) for _ in range(rounds)]
    ratios = sorted(a / b for a, b in pairs)
    a, b = (statistics.median(values) for values in zip(*pairs, strict=True))
    print(
        f"{title}: {statistics.median(ratios):.2f} "
        f"({ratios[0]:.2f}-{ratios[-1]:.2f}); medians {a:.2f} s and {b:.2f} s"
    )


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
