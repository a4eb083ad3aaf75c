"""What tests of the execution layer share: a store in a folder, runs, and looks at processes."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cloudpickle

from flexecutor_energy.execution import procfs
from flexecutor_energy.execution.backends.protocol import Backend
from flexecutor_energy.execution.engine import Engine, RunOptions
from flexecutor_energy.execution.events import Event
from flexecutor_energy.execution.task import WorkerTask
from flexecutor_energy.execution.trace import RunTrace
from flexecutor_energy.storage.location import StoreSpec
from flexecutor_energy.storage.store import ObjectStore
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workflow.graph import StageGraph
from flexecutor_energy.workflow.stage import Stage, StageFunction

BUCKET = "data"
ONE = StageConfig(cpu=1, workers=1)


def folder_store(root: Path) -> ObjectStore:
    """Return a store that keeps its objects below ``root``, with one bucket."""
    store = ObjectStore(StoreSpec(kind="file", root=str(root)))
    store.make_bucket(BUCKET)
    return store


@dataclass
class Runner:
    """Runs stages on one backend and remembers what was told of them."""

    backend: Backend
    store: ObjectStore
    events: list[Event] = field(default_factory=list)
    runs: int = 0

    def trace(self) -> RunTrace:
        self.runs += 1
        return RunTrace(f"run-{self.runs}")

    def run(
        self,
        stages: Iterable[Stage],
        configs: Mapping[str, StageConfig] | StageConfig = ONE,
        options: RunOptions | None = None,
        trace: RunTrace | None = None,
        **more: Any,
    ) -> RunTrace:
        graph = StageGraph("g").add_stages(stages)
        if isinstance(configs, StageConfig):
            configs = dict.fromkeys(graph.stage_ids, configs)
        trace = trace or self.trace()
        engine = Engine(self.backend, self.store, BUCKET, [self.events.append])
        engine.run(graph, configs, trace, options, **more)
        return trace


def values(trace: RunTrace, stage_id: str) -> list[Any]:
    """Return what the workers of a stage returned."""
    reports = trace.stages[stage_id].reports
    return [cloudpickle.loads(r.value) if r.value is not None else None for r in reports]


def task(
    function: StageFunction,
    store: ObjectStore,
    params: Mapping[str, Any] | None = None,
    **more: Any,
) -> WorkerTask:
    """Return a task that runs one function without inputs or outputs."""
    fields: dict[str, Any] = {
        "run_id": "r",
        "stage_id": "s",
        "worker_id": 0,
        "num_workers": 1,
        "attempt": 1,
        "function": cloudpickle.dumps((function, dict(params or {}))),
        "inputs": {},
        "outputs": (),
        "store": store.spec,
        "cpu": 64.0,
        "memory_mb": 0,
        "timeout_s": None,
        "submitted_wall_s": time.time(),
    }
    return WorkerTask(**{**fields, **more})


def eventually(condition: Callable[[], bool], within_s: float = 10.0) -> bool:
    """Wait for a condition; what is waited for takes milliseconds on a quiet machine."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_running(pid: int) -> bool:
    """Tell whether a process is there and not merely waiting to be waited for."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def running_children() -> list[int]:
    """Return the live processes below this one."""
    return [pid for pid in procfs.descendants(os.getpid()) if is_running(pid)]
