"""What of Lithops the meter knows: where jobs are started, and where accounts come back.

Every call of a ``lithops.FunctionExecutor`` goes through ``run_job`` of its invoker, as a job
whose function lies pickled in storage. While somebody measures, a tap in its place stores that
function once more, with the counting of ``shipped`` around it, and starts the job with this one.
Lithops has then already looked at the user's own function: its parameters, its modules, its name.
"""

import pickle
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.lithops_meter import shipped

_TAPPING = threading.Lock()
_MB_PER_VCPU = 1769
"""Memory for which AWS Lambda gives one vCPU (AWS Lambda developer guide)."""


@dataclass(frozen=True, slots=True)
class Submission:
    """Calls that were handed to Lithops as one job.

    Attributes
    ----------
    futures : what Lithops gave for them
    submitted_s : when, by the driver's monotonic clock
    cores : cores that are reserved for each
    problem : why they do not account for themselves, ""
    """

    futures: Sequence[Any]
    submitted_s: float
    cores: float
    problem: str = ""


class Listener(Protocol):
    """Somebody who measures."""

    @property
    def counters(self) -> tuple[str, str | None, tuple[str, ...]] | None:
        """Method, root and perf command of counters to read on hosts the driver is not on."""
        ...

    def submitted(self, submission: Submission) -> None:
        """Take note of calls."""
        ...


class Tap:
    """Stands in the place of ``invoker.run_job`` for all who measure one executor."""

    def __init__(self, executor: Any) -> None:
        self._executor = executor
        self._run_job = executor.invoker.run_job
        self._before = vars(executor.invoker).get("run_job")
        self._listeners: list[Listener] = []

    def __call__(self, job: Any) -> Any:
        """Start a job with a function that accounts for its calls."""
        listeners = tuple(self._listeners)
        problem = self._meter(job, listeners) if listeners else ""
        submitted_s = time.monotonic()
        futures = self._run_job(job)
        cores = call_cores(self._executor, job)
        for listener in listeners:
            listener.submitted(Submission(tuple(futures), submitted_s, cores, problem))
        return futures

    def add(self, listener: Listener) -> None:
        """Tell a listener of all jobs from now on."""
        self._listeners.append(listener)

    def remove(self, listener: Listener) -> None:
        """Tell a listener no more; the last one to leave puts the invoker back as it was."""
        self._listeners = [other for other in self._listeners if other is not listener]
        invoker = self._executor.invoker
        if not self._listeners and vars(invoker).get("run_job") is self:
            if self._before is None:
                del invoker.run_job
            else:
                invoker.run_job = self._before

    def _meter(self, job: Any, listeners: Sequence[Listener]) -> str:
        """Have the calls of a job account for themselves; return why they cannot, or ""."""
        folder, _, name = str(job.func_key).rpartition("/")
        if not folder:
            return "the function is part of the runtime's image (runtime_include_function)"
        wanted = (listener.counters for listener in listeners)
        counters = next((each for each in wanted if each is not None), None)
        storage = self._executor.internal_storage
        try:
            package = pickle.loads(storage.get_func(job.func_key))
            package["func"] = with_account(package["func"], runs_here(self._executor), counters)
            key = f"{folder}/{job.job_id}-{name}"  # its own, as others may be reading theirs
            storage.put_func(key, pickle.dumps(package, pickle.HIGHEST_PROTOCOL))
        except Exception as error:  # noqa: BLE001 - the user's job comes first
            return f"its function could not be wrapped: {type(error).__name__}: {error}"
        job.func_key = key
        return ""


class _Unpickled:
    """Becomes the metered function where it is unpickled."""

    def __init__(self, *arguments: Any) -> None:
        self._arguments = arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return shipped.metered, self._arguments


def with_account(
    function: bytes, here: bool, counters: tuple[str, str | None, tuple[str, ...]] | None
) -> bytes:
    """Return the pickle of a function, made by Lithops, with an account around it."""
    # Loaded here because neither reading figures nor a worker needs them.
    import cloudpickle

    from flexecutor_energy.hardware import detect
    from flexecutor_energy.lithops_meter import visiting

    settings = {
        "home": shipped.host_id() if here else "",
        "describe": None if here else visiting.described,
        "counters": counters,
    }
    modules = (shipped, visiting, detect)
    with _TAPPING:
        for module in modules:
            cloudpickle.register_pickle_by_value(module)
        try:
            return bytes(cloudpickle.dumps(_Unpickled(function, settings)))
        finally:
            for module in modules:
                cloudpickle.unregister_pickle_by_value(module)


def check_executor(executor: Any) -> None:
    """Raise unless this is an executor of Lithops.

    Raises
    ------
    ConfigurationError
        It lacks what the meter needs of one.
    """
    invoker: Any = getattr(executor, "invoker", None)
    known = isinstance(getattr(executor, "config", None), Mapping)
    if not (known and callable(getattr(invoker, "run_job", None))):
        raise ConfigurationError(
            f"measure() takes a lithops.FunctionExecutor, not {type(executor).__name__!r}"
        )


def listen(executor: Any, listener: Listener) -> Tap:
    """Tell a listener of all jobs that an executor starts, until it leaves."""
    invoker = executor.invoker
    with _TAPPING:
        tap = vars(invoker).get("run_job")
        if not isinstance(tap, Tap):
            tap = Tap(executor)
            invoker.run_job = tap
        tap.add(listener)
    return tap


def leave(tap: Tap, listener: Listener) -> None:
    """Tell a listener no more of jobs."""
    with _TAPPING:
        tap.remove(listener)


def runs_here(executor: Any) -> bool:
    """Return whether an executor runs its calls on the driver's host."""
    return bool(executor.config["lithops"].get("backend") == "localhost")


def call_cores(executor: Any, job: Any) -> float:
    """Return the cores that one call has reserved: what the backend says, else one."""
    backend = str(executor.config["lithops"].get("backend"))
    memory_mb = getattr(job, "runtime_memory", None)
    if backend == "aws_lambda" and memory_mb:
        return float(memory_mb) / _MB_PER_VCPU
    cpu = (executor.config.get(backend) or {}).get("runtime_cpu")
    return float(cpu) if isinstance(cpu, int | float) and cpu > 0 else 1.0


def account_of(executor: Any, future: Any) -> str | None:
    """Return the account of a call as it came back; None if there is none.

    Neither waits for the call nor changes its future: where the driver has not yet read the
    status of the call, it is looked up beside it.
    """
    for place in (future.stats, getattr(future, "_call_status", None)):
        if place and shipped.KEY in place:
            return str(place[shipped.KEY])
    if future.success or future.done:
        return None
    try:
        status = executor.internal_storage.get_call_status(
            future.executor_id, future.job_id, future.call_id
        )
    except Exception:  # noqa: BLE001 - storages raise plain ones; nothing is known then
        return None
    return str(status[shipped.KEY]) if status and shipped.KEY in status else None


def has_ended(future: Any) -> bool:
    """Return whether the driver knows of a call that it has ended, well or badly."""
    return bool(future.ready or future.success or future.done or future.error)
