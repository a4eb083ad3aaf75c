"""Every error this project raises on purpose, as one tree.

::

    FlexecutorEnergyError
    ├── UsageError (ValueError)                  what was asked for makes no sense      exit 2
    │   ├── ConfigurationError                   a setting, space or bound is wrong
    │   ├── WorkflowError                        the stages do not form a workflow
    │   │   ├── DuplicateStageError
    │   │   ├── UnknownStageError
    │   │   └── CycleError
    │   ├── NotProfiledError                     nothing was measured yet
    │   ├── NotTrainedError                      nothing was fitted yet
    │   ├── MissingExtraError                    an optional package is not installed
    │   └── InfeasibleError                      no plan keeps the bounds
    ├── FormatError (ValueError)                 a file is not what it should be        exit 2
    │   ├── ProfileFormatError
    │   ├── ModelFormatError
    │   ├── PlanFormatError
    │   └── EnergyFormatError
    ├── ExecutionError (RuntimeError)            a run went wrong                       exit 1
    │   ├── StageFailedError
    │   ├── RunTimeoutError (TimeoutError)
    │   ├── RunCancelledError
    │   └── RuntimeMismatchError
    ├── StorageError (OSError)                   the object store or a disk refused     exit 1
    │   ├── BucketMissingError
    │   ├── InputMissingError
    │   ├── DownloadError                        data of a workflow could not be fetched
    │   ├── StorageAccessError (PermissionError)
    │   └── StorageUnreachableError (ConnectionError)
    ├── GapError (RuntimeError)                  the optimality gap is too large        exit 3
    └── EnergyError (RuntimeError)               energy was not measured                exit 4
        ├── EnergyUnavailableError
        ├── CalibrationError
        └── MissingEnergyError

The exit code of the command line is an attribute of the class.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar


class FlexecutorEnergyError(Exception):
    """Root of the tree: catch this to catch everything raised on purpose."""

    exit_code: ClassVar[int] = 1


class UsageError(FlexecutorEnergyError, ValueError):
    """The request itself is wrong; nothing was run."""

    exit_code = 2


class ConfigurationError(UsageError):
    """A setting, a configuration space or a bound has a value that cannot work."""


class WorkflowError(UsageError):
    """The stages do not form a workflow."""


class DuplicateStageError(WorkflowError):
    """Two stages share an id."""

    def __init__(self, stage_id: str) -> None:
        self.stage_id = stage_id
        super().__init__(
            f"stage id {stage_id!r} is used twice; every stage needs an id of its own"
        )


class UnknownStageError(WorkflowError):
    """A stage is named that the workflow does not hold."""

    def __init__(self, stage_id: str, known: Sequence[str], where: str) -> None:
        self.stage_id = stage_id
        self.known = tuple(known)
        listed = ", ".join(known) or "none"
        super().__init__(f"{where} names stage {stage_id!r}, but the workflow has: {listed}")


class CycleError(WorkflowError):
    """Stages depend on each other in a circle."""

    def __init__(self, path: Sequence[str]) -> None:
        self.path = tuple(path)
        super().__init__(f"stages form a cycle: {' >> '.join(path)}; remove one of these edges")


class NotProfiledError(UsageError):
    """Something needs measured profiles that are not there."""


class NotTrainedError(UsageError):
    """Something needs fitted predictors that are not there."""


class MissingExtraError(UsageError, ImportError):
    """An optional package is needed and not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(
            f"{purpose} needs {package!r}; install it with: "
            f"pip install 'flexecutor-energy[{extra}]'"
        )


class InfeasibleError(UsageError):
    """No choice of configurations keeps every bound.

    Attributes
    ----------
    bound : name of the binding bound (``max_time``, ``max_energy``, ``max_cost`` or ``links``)
    value : the value asked for, in the unit of the bound; None for links
    attainable : the best value that can be had while the other bounds hold, or None
    plan : the plan (or solver choice) that attains it, or None
    """

    def __init__(
        self,
        message: str,
        *,
        bound: str,
        value: float | None = None,
        attainable: float | None = None,
        plan: Any = None,
    ) -> None:
        self.bound = bound
        self.value = value
        self.attainable = attainable
        self.plan = plan
        super().__init__(message)


class FormatError(FlexecutorEnergyError, ValueError):
    """A file or text does not have the format it should have."""

    exit_code = 2


class ProfileFormatError(FormatError):
    """A profile file is corrupt or foreign; the file is left untouched."""

    def __init__(self, path: Path | str, problem: str, line: int | None = None) -> None:
        self.path = Path(path)
        self.line = line
        place = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{place}: {problem} (the file was left as it is)")


class ModelFormatError(FormatError):
    """A model file is corrupt, foreign or of a version that cannot be read."""


class PlanFormatError(FormatError):
    """A plan file is corrupt, foreign or of a version that cannot be read."""


class EnergyFormatError(FormatError):
    """The output of an energy meter could not be understood."""


class ExecutionError(FlexecutorEnergyError, RuntimeError):
    """A run did not come to its end."""


class StageFailedError(ExecutionError):
    """A stage failed for good, after its retries.

    Attributes
    ----------
    stage_id, worker_id, attempts : where, and how often it was tried
    kind : ``raised``, ``out_of_memory``, ``timeout``, ``killed``, ``no_output``, ``no_input``
        (what an earlier stage wrote is empty), or, where the surroundings failed and not the
        stage, ``storage`` or ``lost``
    cause : one line that says what happened
    remote_traceback : the traceback of the worker, or "" where there is none
    logs : last lines that the worker wrote to its standard output and error
    """

    def __init__(
        self,
        stage_id: str,
        worker_id: int,
        kind: str,
        cause: str,
        *,
        attempts: int = 1,
        remote_traceback: str = "",
        logs: str = "",
    ) -> None:
        self.stage_id = stage_id
        self.worker_id = worker_id
        self.kind = kind
        self.by_surroundings = kind in {"storage", "lost"}
        self.cause = cause
        self.attempts = attempts
        self.remote_traceback = remote_traceback
        self.logs = logs
        tries = f" after {attempts} attempts" if attempts > 1 else ""
        text = f"stage {stage_id!r}, worker {worker_id} failed{tries} ({kind}): {cause}"
        if remote_traceback:
            text += f"\n--- traceback of the worker ---\n{remote_traceback.rstrip()}"
        if logs:
            text += f"\n--- last lines it printed ---\n{logs.rstrip()}"
        super().__init__(text)


class RunTimeoutError(ExecutionError, TimeoutError):
    """A run took longer than it was allowed to."""


class RunCancelledError(ExecutionError):
    """A run was cancelled before its end."""


class RuntimeMismatchError(ExecutionError):
    """The remote runtime cannot run our workers."""


class StorageError(FlexecutorEnergyError, OSError):
    """The object store, or the disk, refused an operation."""


class BucketMissingError(StorageError):
    """A bucket that should hold inputs does not exist."""


class InputMissingError(StorageError):
    """An input of a stage has no objects."""


class DownloadError(StorageError):
    """Data of a workflow that come from a package index could not be fetched."""


class StorageAccessError(StorageError, PermissionError):
    """The object store refuses these credentials, or does not let them do this."""


class StorageUnreachableError(StorageError, ConnectionError):
    """The object store does not answer at its endpoint."""


class GapError(FlexecutorEnergyError, RuntimeError):
    """The plan is further from its proven bound than was allowed."""

    exit_code = 3


class EnergyError(FlexecutorEnergyError, RuntimeError):
    """Energy was asked for and is not there."""

    exit_code = 4


class EnergyUnavailableError(EnergyError):
    """The chosen energy method cannot be used on this host."""

    def __init__(self, method: str, reason: str, remedy: str = "") -> None:
        self.method = method
        self.reason = reason
        self.remedy = remedy
        tail = f"; {remedy}" if remedy else ""
        super().__init__(f"energy method {method!r} cannot be used: {reason}{tail}")


class CalibrationError(EnergyError):
    """The power of a machine could not be measured: not idle, not busy, or not told."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"not calibrated: {reason}" + (f"; {remedy}" if remedy else ""))


class MissingEnergyError(EnergyError):
    """Profiles hold no energy, so energy can be neither predicted nor optimised."""

    def __init__(self, stages: Sequence[str], reasons: Mapping[str, str] | None = None) -> None:
        self.stages = tuple(stages)
        self.reasons = dict(reasons or {})
        why = "; ".join(f"{stage}: {reason}" for stage, reason in self.reasons.items())
        super().__init__(
            f"profiles of {', '.join(stages)} hold no energy"
            + (f" ({why})" if why else "")
            + "; profile again with energy='auto', or optimise for objective='time' or 'cost'"
        )
