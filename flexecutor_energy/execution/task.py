"""What travels to a worker and what comes back. Standard library only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flexecutor_energy.hardware.detect import HostFacts
from flexecutor_energy.storage.location import ObjectRef, StoreSpec

if TYPE_CHECKING:  # a worker that reads no counters loads none of this
    from flexecutor_energy.energy.choice import MeterChoice
    from flexecutor_energy.energy.sampler import HostSample


@dataclass(frozen=True, slots=True)
class InputFile:
    """One object, or a range of it, that becomes one local file.

    Attributes
    ----------
    bucket, key : the object
    start, end : the bytes wanted, end exclusive; None means the whole object
    header_bytes : how many bytes of the object's beginning go before the range
    """

    bucket: str
    key: str
    size_bytes: int
    start: int | None = None
    end: int | None = None
    header_bytes: int = 0


@dataclass(frozen=True, slots=True)
class OutputTarget:
    """Where a worker's files of one output go: ``<bucket>/<prefix>/<run id>/``."""

    data_id: str
    bucket: str
    prefix: str
    suffix: str


@dataclass(frozen=True, slots=True)
class WorkerTask:
    """One invocation of a stage function.

    Attributes
    ----------
    function : cloudpickle of the pair (function, params)
    inputs : files of each input, in the order the function sees them
    cpu : cores it may use
    memory_mb : MB it may use beyond its start-up size; 0 means no limit
    timeout_s : seconds until it is stopped; None means never
    submitted_wall_s : driver's wall clock at submission
    meter : which counters of its host the worker is to read; None where the driver reads them,
        or nobody wants them
    watch_cpu : whether to note when it uses its CPU time, for sharing out energy
    """

    run_id: str
    stage_id: str
    worker_id: int
    num_workers: int
    attempt: int
    function: bytes
    inputs: Mapping[str, tuple[InputFile, ...]]
    outputs: tuple[OutputTarget, ...]
    store: StoreSpec
    cpu: float
    memory_mb: int
    timeout_s: float | None
    submitted_wall_s: float
    scratch_base: str | None = None
    meter: "MeterChoice | None" = None
    watch_cpu: bool = False

    @property
    def task_id(self) -> str:
        """Name of the task, unique in a run."""
        return f"{self.stage_id}/{self.worker_id}/{self.attempt}"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an invocation failed.

    ``kind`` is ``raised``, ``out_of_memory``, ``timeout``, ``killed``, ``cancelled``, ``storage``
    (the object store refused) or ``lost`` (the process around it died).
    """

    kind: str
    cause: str
    traceback: str = ""

    @property
    def worth_retrying(self) -> bool:
        """Whether another attempt could end differently: limits hit are hit again."""
        return self.kind in {"raised", "killed", "storage", "lost"}


@dataclass(frozen=True, slots=True)
class HostView:
    """The host that a worker ran on, as it saw it.

    Attributes
    ----------
    host_id : of this boot of the host; workers with one id share it
    node : its name
    facts : its processor and memory, without the ids of the machine
    machine_key : digest that stays the same over boots, "" where it is not known
    """

    host_id: str
    node: str
    facts: HostFacts
    machine_key: str = ""

    @classmethod
    def unknown(cls) -> "HostView":
        """Return the host of a worker that never told."""
        return cls("", "", HostFacts(*[None] * 8))


@dataclass(frozen=True, slots=True)
class Clock:
    """One instant: monotonic and wall time of the worker's host, CPU seconds of its processes."""

    monotonic_s: float
    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """What one invocation did and used.

    Attributes
    ----------
    clocks : at the start of read, compute, write and at the end; empty if it never started
    total_cpu_s : CPU seconds of the whole process tree, start-up and wind-down included
    outputs : objects written, by data id
    value : pickled return value of the function, or None
    limits : what was enforced, and by which mechanism
    cpu_samples : monotonic times and CPU seconds of its process tree since it began, between
        the clocks, where the task asked for them
    host_samples : counters of its host, where the task asked for them
    meters_refused : methods that could not be read on its host, each with the reason
    supervisors : (pid, start ticks, CPU seconds) of the processes around the invocation
    logs : the last lines that it printed
    """

    task_id: str
    worker_id: int
    attempt: int
    failure: Failure | None
    host: HostView
    clocks: tuple[Clock, ...] = ()
    submitted_wall_s: float = 0.0
    total_cpu_s: float | None = None
    memory_peak_mb: float | None = None
    memory_baseline_mb: float | None = None
    bytes_read: int | None = None
    bytes_written: int | None = None
    outputs: Mapping[str, tuple[ObjectRef, ...]] = field(default_factory=dict)
    value: bytes | None = None
    limits: Mapping[str, Any] = field(default_factory=dict)
    cpu_samples: tuple[tuple[float, float], ...] = ()
    host_samples: "tuple[HostSample, ...]" = ()
    meters_refused: tuple[tuple[str, str], ...] = ()
    supervisors: tuple[tuple[int, int, float], ...] = ()
    logs: str = ""
    software: str = ""

    @property
    def function_cpu_s(self) -> float | None:
        """CPU seconds of read, compute and write; None if the function did not reach its end."""
        if len(self.clocks) != 4:
            return None
        return self.clocks[-1].cpu_s - self.clocks[0].cpu_s

    @property
    def function_s(self) -> float:
        """Seconds of read, compute and write; 0 if the function did not reach its end."""
        if len(self.clocks) != 4:
            return 0.0
        return self.clocks[-1].monotonic_s - self.clocks[0].monotonic_s

    @property
    def cold_start_s(self) -> float:
        """Seconds from submission to the first phase.

        By wall clocks, which on different hosts may disagree by more than a short start takes.
        """
        if not self.clocks:
            return 0.0
        return max(self.clocks[0].wall_s - self.submitted_wall_s, 0.0)
