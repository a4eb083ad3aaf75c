"""What one run of one stage measured, and the collection of all runs of a stage."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from flexecutor_energy.records import frames
from flexecutor_energy.workflow.config import StageConfig

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """What one worker measured; None means unmeasured, never zero.

    Attributes
    ----------
    read_s, compute_s, write_s, cold_start_s : seconds of each phase
    energy_j : joules attributed to this worker's function, dynamic plus idle share
    energy_dynamic_j, energy_idle_j : its two parts (policy ``reserved``)
    energy_startup_j : joules of starting it, not part of ``energy_j``: interpreter, imports and
        the processes around it, with the idle share of its cores meanwhile
    energy_by_method : joules by collector, where several ran side by side
    cpu_time_s : CPU seconds of the function's process tree during read, compute and write
    startup_cpu_time_s : CPU seconds of interpreter and imports before it
    memory_peak_mb : peak resident memory, MB
    bytes_read, bytes_written : moved to and from the object store
    """

    read_s: float | None = None
    compute_s: float | None = None
    write_s: float | None = None
    cold_start_s: float | None = None
    energy_j: float | None = None
    energy_dynamic_j: float | None = None
    energy_idle_j: float | None = None
    energy_startup_j: float | None = None
    cpu_time_s: float | None = None
    startup_cpu_time_s: float | None = None
    memory_peak_mb: float | None = None
    bytes_read: int | None = None
    bytes_written: int | None = None
    energy_by_method: Mapping[str, float | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for item in fields(self):
            if item.name != "energy_by_method":
                _check(item.name, getattr(self, item.name))
        for method, energy_j in self.energy_by_method.items():
            _check(method, energy_j)

    @property
    def duration_s(self) -> float | None:
        """Seconds from submit to end: the known phases; None if compute is unknown."""
        if self.compute_s is None:
            return None
        phases = (self.cold_start_s, self.read_s, self.compute_s, self.write_s)
        return sum(phase for phase in phases if phase is not None)


@dataclass(frozen=True, slots=True)
class StageRun:
    """One repetition of a stage.

    Attributes
    ----------
    config : its resources, with the workers and the cpu that really held
    workers : one record for each worker
    makespan_s : seconds from the first submit to the last finish
    meta : circumstances (``run_id``, ``fan_in``, ``requested_workers``, limits, hosts, …)
    extra : columns that another program stored, kept as they were
    """

    config: StageConfig
    workers: tuple[WorkerRecord, ...]
    makespan_s: float | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check("makespan_s", self.makespan_s)

    @property
    def run_id(self) -> str | None:
        """The run of the whole workflow that this repetition belongs to."""
        return self.meta.get("run_id")

    @property
    def fan_in(self) -> dict[str, int]:
        """How many workers each parent stage ran."""
        return dict(self.meta.get("fan_in") or {})

    @property
    def requests(self) -> tuple[int, int] | None:
        """Writes to and reads from the object store; None where the run does not say."""
        counts = self.meta.get("requests")
        return (int(counts["puts"]), int(counts["gets"])) if counts else None

    @property
    def requested_workers(self) -> int:
        """The workers asked for, before clamping."""
        return int(self.meta.get("requested_workers") or self.config.workers)

    @property
    def requested(self) -> StageConfig:
        """The configuration asked for, of which ``config`` is what held."""
        cpu = float(self.meta.get("requested_cpu") or self.config.cpu)
        return StageConfig(cpu, self.requested_workers, self.config.memory)

    @property
    def time_s(self) -> float | None:
        """Stage time: the slowest worker's cold start, read, compute and write; seconds."""
        return _all_known(self.workers, "duration_s", max)

    @property
    def energy_j(self) -> float | None:
        """Joules of all workers' functions; None as soon as one of them is unmeasured."""
        return _all_known(self.workers, "energy_j", sum)

    @property
    def energy_dynamic_j(self) -> float | None:
        """Dynamic joules of all workers; None as soon as one is unmeasured."""
        return _all_known(self.workers, "energy_dynamic_j", sum)

    @property
    def energy_idle_j(self) -> float | None:
        """Idle joules of the cores reserved; None as soon as one worker is unmeasured."""
        return _all_known(self.workers, "energy_idle_j", sum)

    @property
    def energy_startup_j(self) -> float | None:
        """Joules of starting all workers; None as soon as one is unmeasured."""
        return _all_known(self.workers, "energy_startup_j", sum)

    @property
    def cpu_time_s(self) -> float | None:
        """CPU seconds of all workers; None as soon as one is unmeasured."""
        return _all_known(self.workers, "cpu_time_s", sum)

    @property
    def worker_seconds(self) -> float | None:
        """Seconds summed over workers, as a provider bills them."""
        return _all_known(self.workers, "duration_s", sum)


def _check(name: str, value: float | None) -> None:
    if value is not None and not 0 <= value < math.inf:
        raise ValueError(f"{name} must be finite and not negative, or None, got {value!r}")


def _all_known(workers: Iterable[WorkerRecord], name: str, combine: Any) -> float | None:
    values = [getattr(worker, name) for worker in workers]
    if not values or any(value is None for value in values):
        return None
    return float(combine(values))


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A configuration that failed in one run, and why."""

    config: StageConfig
    run_id: str
    reason: str
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Profile:
    """All measured and failed runs of one stage."""

    dag: str
    stage: str
    runs: tuple[StageRun, ...] = ()
    failures: tuple[FailedRun, ...] = ()

    @property
    def configs(self) -> tuple[StageConfig, ...]:
        """Configurations with at least one successful run, in order of first measurement."""
        return tuple(dict.fromkeys(run.config for run in self.runs))

    @property
    def failed_configs(self) -> tuple[StageConfig, ...]:
        """Configurations that failed and never succeeded."""
        measured = {*self.configs, *(run.requested for run in self.runs)}
        failed = dict.fromkeys(failure.config for failure in self.failures)
        return tuple(config for config in failed if config not in measured)

    @property
    def newest_input_hash(self) -> str | None:
        """Hash of the input of the run that was measured last; None if runs do not say."""
        dated = [run for run in self.runs if run.meta.get("input_hash")]
        newest = max(dated, key=lambda run: str(run.meta.get("time", "")), default=None)
        return newest.meta["input_hash"] if newest is not None else None

    def to_pandas(self, by: "frames.By" = "run") -> "pd.DataFrame":
        """Return what was measured as a data frame; what is unmeasured is missing, never 0.

        Parameters
        ----------
        by : a row for each ``run``, or for each ``worker`` of each run
        """
        return frames.frame(self, by)

    def _repr_html_(self) -> str:
        """Return the profile as notebooks show it."""
        return frames.html(self)

    def merged(self, other: "Profile") -> "Profile":
        """Return this profile with the runs of another that it does not hold yet."""
        runs = _without_repeats([*self.runs, *other.runs])
        new = tuple(failure for failure in other.failures if failure not in self.failures)
        return Profile(self.dag, self.stage, runs, self.failures + new)

    def split_stale(
        self, code_hash: str | None, input_hash: str | None
    ) -> tuple["Profile", tuple[StageRun, ...]]:
        """Return the profile without the runs of other code or input, and those runs.

        A run that does not say what it ran (a profile of another program) counts as current.
        """
        stale = tuple(r for r in self.runs if _differs(r.meta, code_hash, input_hash))
        kept = tuple(r for r in self.runs if not _differs(r.meta, code_hash, input_hash))
        failures = tuple(f for f in self.failures if not _differs(f.meta, code_hash, input_hash))
        return Profile(self.dag, self.stage, kept, failures), stale


def _differs(meta: Mapping[str, Any], code_hash: str | None, input_hash: str | None) -> bool:
    pairs = ((meta.get("code_hash"), code_hash), (meta.get("input_hash"), input_hash))
    return any(then is not None and now is not None and then != now for then, now in pairs)


def _without_repeats(runs: Iterable[StageRun]) -> tuple[StageRun, ...]:
    kept: list[StageRun] = []
    seen: set[tuple[Any, ...]] = set()
    for run in runs:
        # two programs may number their runs alike, so times are part of the identity
        identity = (run.run_id, run.config, run.time_s, tuple(sorted(run.fan_in.items())))
        if identity not in seen or run.run_id is None:
            kept.append(run)
        seen.add(identity)
    return tuple(kept)
