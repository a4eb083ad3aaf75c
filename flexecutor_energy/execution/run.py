"""A finished run of a workflow, as users see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cloudpickle

from flexecutor_energy.errors import StorageError, UnknownStageError
from flexecutor_energy.execution.joules import RunEnergy
from flexecutor_energy.execution.ledger import Ledger
from flexecutor_energy.execution.recording import worker_record
from flexecutor_energy.execution.trace import RunTrace, StageTrace
from flexecutor_energy.pricing import Pricing
from flexecutor_energy.records.run import WorkerRecord
from flexecutor_energy.storage.location import ObjectRef
from flexecutor_energy.storage.select import Storage
from flexecutor_energy.workflow.config import StageConfig


@dataclass(frozen=True, slots=True)
class StageOutcome:
    """One stage of a finished run.

    Attributes
    ----------
    config : what really ran
    time : slowest worker's cold start, read, compute and write; seconds
    energy : joules of its workers, None if unmeasured
    cost : USD, at the pricing of the run
    started, finished : seconds since the run's first submission
    workers : what each worker measured
    values : what the function returned on each worker, None where nothing
    """

    stage_id: str
    config: StageConfig
    time: float
    energy: float | None
    cost: float
    started: float
    finished: float
    workers: tuple[WorkerRecord, ...]
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class DAGRun:
    """A finished run.

    Attributes
    ----------
    run_id, dag, backend : which run, of what, where
    time : seconds from the first submit to the last finish
    energy : joules of all stages in scope ``provisioned``, None if unmeasured
    cost : USD, at ``pricing``
    stages : outcome by stage id, in order of the workflow
    outputs : keys of the objects that each stage wrote and that were kept
    ledger : where the CPU time went
    energy_detail : method, boundary, uncertainty, and joules by where they went
    audit : measured against predicted, None where the run followed no plan
    """

    run_id: str
    dag: str
    backend: str
    time: float
    energy: float | None
    cost: float
    stages: Mapping[str, StageOutcome]
    outputs: Mapping[str, Sequence[str]]
    ledger: Ledger
    energy_detail: RunEnergy
    pricing: Pricing
    audit: Any = None
    _refs: Mapping[str, Sequence[ObjectRef]] = field(default_factory=dict, repr=False)
    _storage: Storage | None = field(default=None, repr=False)
    _keeper: object = field(default=None, repr=False)  # holds the storage open

    @property
    def energy_by_method(self) -> dict[str, float | None]:
        """Joules of all stages by every method that was computed, the chosen one included."""
        return {name: each.total_j for name, each in self.energy_detail.by_method.items()}

    def read(self, stage_id: str) -> list[bytes]:
        """Return the content of each output of a stage, in the order of ``outputs``.

        Raises
        ------
        UnknownStageError
            The run has no such stage.
        StorageError
            The outputs were not kept, or the store cannot be reached.
        """
        if stage_id not in self.stages:
            raise UnknownStageError(stage_id, list(self.stages), "read")
        if self._storage is None or stage_id not in self._refs:
            raise StorageError(
                f"the outputs of stage {stage_id!r} were read by other stages only and dropped; "
                "execute with keep_intermediates=True to keep them"
            )
        return [self._storage.store.get(ref.bucket, ref.key) for ref in self._refs[stage_id]]

    def __getitem__(self, stage_id: str) -> StageOutcome:
        """Return the outcome of a stage."""
        return self.stages[stage_id]

    def to_dict(self) -> dict[str, Any]:
        """Return the run as plain values, for JSON."""
        return {
            "run_id": self.run_id,
            "dag": self.dag,
            "backend": self.backend,
            "time_s": self.time,
            "energy_j": self.energy,
            "energy_method": how.to_dict() if (how := self.energy_detail.how) else None,
            "energy_reason": self.energy_detail.reason,
            "energy_rows_j": dict(self.energy_detail.rows),
            "energy_by_method_j": self.energy_by_method,
            "energy_hosts_j": self.energy_detail.host_rows_j,
            "cost_usd": self.cost,
            "stages": {
                stage_id: {
                    "config": list(stage.config.key),
                    "time_s": stage.time,
                    "energy_j": stage.energy,
                    "cost_usd": stage.cost,
                    "started_s": stage.started,
                    "finished_s": stage.finished,
                }
                for stage_id, stage in self.stages.items()
            },
            "outputs": {stage_id: list(keys) for stage_id, keys in self.outputs.items()},
            "ledger": self.ledger.to_dict(),
            "audit": self.audit.to_dict() if self.audit is not None else None,
        }


def finished_run(
    dag: str,
    trace: RunTrace,
    ledger: Ledger,
    energy: RunEnergy,
    pricing: Pricing,
    storage: Storage,
    kept: Mapping[str, Sequence[ObjectRef]],
) -> DAGRun:
    """Return a run's outcome; ``kept`` holds the objects of each stage that were not dropped."""
    stages = {s.stage_id: _outcome(s, energy, pricing) for s in trace.stages.values()}
    return DAGRun(
        run_id=trace.run_id,
        dag=dag,
        backend=trace.backend,
        time=trace.makespan_s,
        energy=energy.total_j,
        cost=sum(s.cost for s in stages.values()) + pricing.usd_per_s * trace.makespan_s,
        stages=stages,
        outputs={stage_id: [ref.key for ref in refs] for stage_id, refs in kept.items()},
        ledger=ledger,
        energy_detail=energy,
        pricing=pricing,
        _refs=kept,
        _storage=storage,
    )


def _outcome(stage: StageTrace, energy: RunEnergy, pricing: Pricing) -> StageOutcome:
    workers = tuple(worker_record(report, stage.stage_id, energy) for report in stage.reports)
    durations = [worker.duration_s or 0.0 for worker in workers]
    config = stage.config
    memory_mb = pricing.billed_memory_mb(config.cpu, config.memory)
    return StageOutcome(
        stage_id=stage.stage_id,
        config=config,
        time=max(durations),
        energy=energy.stage_j(stage.stage_id),
        cost=pricing.stage_cost(sum(durations), memory_mb, len(workers), stage.puts, stage.gets),
        started=stage.submitted_s,
        finished=stage.finished_s,
        workers=workers,
        values=tuple(_value(report.value) for report in stage.reports),
    )


def _value(data: bytes | None) -> Any:
    """Return what a worker's function returned; it was pickled by our own worker."""
    if data is None:
        return None
    try:
        return cloudpickle.loads(data)
    except Exception as error:  # noqa: BLE001 - the value's own code; the run itself went well
        return f"<unreadable: {error}>"
