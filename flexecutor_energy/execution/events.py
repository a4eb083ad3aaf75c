"""What happens during a run, told to observers: progress bars, logs, recorders."""

from collections.abc import Callable
from dataclasses import dataclass

from flexecutor_energy.errors import StageFailedError
from flexecutor_energy.execution.trace import StageTrace
from flexecutor_energy.workflow.config import StageConfig


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A stage's tasks were submitted; ``config.workers`` is what really runs."""

    run_id: str
    stage_id: str
    config: StageConfig


@dataclass(frozen=True, slots=True)
class WorkerFinished:
    """One worker of a stage came to its end."""

    run_id: str
    stage_id: str
    worker_id: int


@dataclass(frozen=True, slots=True)
class WorkerRetried:
    """One worker failed and is tried again."""

    run_id: str
    stage_id: str
    worker_id: int
    attempt: int
    cause: str


@dataclass(frozen=True, slots=True)
class StageFinished:
    """All workers of a stage have finished."""

    run_id: str
    stage: StageTrace


@dataclass(frozen=True, slots=True)
class StageFailed:
    """A stage failed for good."""

    run_id: str
    stage_id: str
    error: StageFailedError


Event = StageStarted | WorkerFinished | WorkerRetried | StageFinished | StageFailed
Observer = Callable[[Event], None]
