"""An executor shaped like Lithops' own, whose calls run at once, in this process.

It does what Lithops does with a job: the function lies pickled in storage, an object with a file
of statistics calls it by the names of its parameters, and what was written there comes back in
the status of the call.
"""

import inspect
import pickle
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cloudpickle


@dataclass(eq=False)
class Future:
    """A call, and what came back of it."""

    call_id: str
    job_id: str = "M000"
    executor_id: str = "e"
    function_name: str = "f"
    stats: dict[str, Any] = field(default_factory=dict)
    value: Any = None
    error: BaseException | None = None
    ready: bool = True
    success: bool = True
    done: bool = True


class Storage:
    """Functions by their keys; ``broken`` refuses to write."""

    def __init__(self) -> None:
        self.functions: dict[str, bytes] = {}
        self.statuses: dict[str, dict[str, Any]] = {}
        self.broken = False

    def put_func(self, key: str, function: bytes) -> None:
        if self.broken:
            raise OSError("quota exceeded")
        assert key not in self.functions, "a function that others may be reading is overwritten"
        self.functions[key] = function

    def get_func(self, key: str) -> bytes:
        return self.functions[key]

    def get_call_status(self, executor: str, job: str, call: str) -> dict[str, Any] | None:
        return self.statuses.get(call)


class Stats:
    """The statistics of one call."""

    stats_filename = "job_stats.txt"

    def __init__(self) -> None:
        self.lines: dict[str, str] = {}

    def write(self, key: str, value: Any) -> None:
        assert "\n" not in str(value)
        self.lines[key] = str(value)


class Runner:
    """Runs one call."""

    def __init__(self, stats: Any) -> None:
        self.stats = stats

    def run(self, func: Any, value: Any) -> Any:
        (name, *_) = inspect.signature(func).parameters
        return func(**{name: value})


class Invoker:
    """Starts jobs."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.keys: list[str] = []
        self.stats_of_calls: Any = Stats
        self.unfinished = False

    def run_job(self, job: Any) -> list[Future]:
        self.keys.append(job.func_key)
        pickled = pickle.loads(self._storage.get_func(job.func_key))["func"]
        return [self._call(pickled, job, at, value) for at, value in enumerate(job.data)]

    def _call(self, pickled: bytes, job: Any, at: int, value: Any) -> Future:
        future = Future(f"{at:05}", job.job_id)
        runner = Runner(self.stats_of_calls())
        try:
            future.value = runner.run(pickle.loads(pickled), value)
        except ValueError as error:
            future.error = error
        lines = getattr(runner.stats, "lines", {})
        if self.unfinished:
            future.ready = future.success = future.done = False
        else:
            future.stats.update(lines)
        return future


class Executor:
    """What the meter uses of a ``lithops.FunctionExecutor``."""

    def __init__(
        self, backend: str = "localhost", section: Mapping[str, Any] | None = None
    ) -> None:
        self.config = {"lithops": {"backend": backend}, backend: dict(section or {})}
        self.internal_storage = Storage()
        self.invoker = Invoker(self.internal_storage)
        self.futures: list[Future] = []
        self._jobs = 0

    def map(self, func: Any, data: Iterable[Any], memory_mb: int | None = None) -> list[Future]:
        job_id = f"M{self._jobs:03}"
        self._jobs += 1
        job = SimpleNamespace(
            job_id=job_id,
            func_key=f"jobs/e/{job_id}.func.pickle",
            data=list(data),
            runtime_memory=memory_mb,
        )
        package = {"func": cloudpickle.dumps(func), "module_data": None}
        self.internal_storage.put_func(job.func_key, pickle.dumps(package))
        futures = self.invoker.run_job(job)
        self.futures += futures
        return futures


def burn(cpu_s: float) -> float:
    end = time.process_time() + cpu_s
    while time.process_time() < end:
        pass
    return cpu_s


def nap(wall_s: float) -> None:
    time.sleep(wall_s)


def doubled(value: float) -> float:
    return 2 * value


def known(joules: float | None) -> float:
    assert joules is not None
    return joules


def powercap(root: Path, microjoules: int = 1_000_000) -> Path:
    """Return a folder shaped like ``/sys/class/powercap`` with one package."""
    zone = root / "intel-rapl:0"
    zone.mkdir(parents=True)
    (zone / "name").write_text("package-0\n")
    (zone / "energy_uj").write_text(f"{microjoules}\n")
    (zone / "max_energy_range_uj").write_text("262143328850\n")
    return root
