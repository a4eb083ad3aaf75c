"""What a run did, as the engine saw it, before energy is computed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flexecutor_energy.energy.sampler import HostSample
from flexecutor_energy.errors import StageFailedError
from flexecutor_energy.execution.task import WorkerReport
from flexecutor_energy.storage.location import ObjectRef
from flexecutor_energy.workflow.config import StageConfig


@dataclass(frozen=True, slots=True)
class StageTrace:
    """One stage of one run, finished.

    Attributes
    ----------
    requested : the configuration asked for
    config : the one that really ran: workers after clamping, cpu as enforced
    reports : the successful report of each worker, in order of workers
    wasted : reports of failed attempts
    submitted_s, finished_s : seconds since the run's first submission
    fan_in : workers that each parent stage ran
    input_bytes : size of all inputs, each object counted once
    gets : read requests to the object store
    """

    stage_id: str
    requested: StageConfig
    config: StageConfig
    reports: tuple[WorkerReport, ...]
    wasted: tuple[WorkerReport, ...]
    submitted_s: float
    finished_s: float
    fan_in: Mapping[str, int]
    input_bytes: int
    gets: int

    @property
    def makespan_s(self) -> float:
        """Seconds from the first submit to the last finish."""
        return self.finished_s - self.submitted_s

    @property
    def puts(self) -> int:
        """Write requests to the object store."""
        return len(self.outputs())

    def outputs(self, data_id: str | None = None) -> list[ObjectRef]:
        """Return the objects written, by output, worker and serial; all or of one output."""
        names = list(dict.fromkeys(name for report in self.reports for name in report.outputs))
        wanted = names if data_id is None else [data_id]
        return [
            ref
            for name in wanted
            for report in self.reports
            for ref in report.outputs.get(name, ())
        ]


@dataclass(slots=True)
class RunTrace:
    """A run while it goes on and afterwards; filled by the engine as stages end.

    Attributes
    ----------
    run_id : names the run's outputs
    backend : where it ran
    started_wall_s : wall clock of the first submission, None before it
    stages, failures : finished and failed stages by id
    wasted : reports of the workers of failed stages
    host_samples : counters of the driver's host, where workers run on it
    meters_refused : methods that cannot be read on that host, each with the reason
    sampler_cpu_s : CPU seconds that reading them took, part of the driver's; None where nothing
        was read
    driver_cpu_s, backend_cpu_s : CPU seconds of the engine's process and of the processes
        between it and the invocations during the run; None where not visible
    """

    run_id: str
    backend: str = ""
    on_this_host: bool = True
    started_wall_s: float | None = None
    stages: dict[str, StageTrace] = field(default_factory=dict)
    failures: dict[str, StageFailedError] = field(default_factory=dict)
    wasted: list[WorkerReport] = field(default_factory=list)
    host_samples: list[HostSample] = field(default_factory=list)
    meters_refused: tuple[tuple[str, str], ...] = ()
    sampler_cpu_s: float | None = None
    driver_cpu_s: float | None = None
    backend_cpu_s: float | None = None

    @property
    def makespan_s(self) -> float:
        """Seconds from the first submit to the last finish; 0 before any stage has finished."""
        return max((stage.finished_s for stage in self.stages.values()), default=0.0)

    @property
    def reports(self) -> list[WorkerReport]:
        """Every attempt of every worker that came to an end."""
        finished = [r for s in self.stages.values() for r in (*s.reports, *s.wasted)]
        return finished + self.wasted
