"""From the measured runs of a stage to the samples its predictors learn from.

Runs are averaged by condition: a configuration together with the workers of the parents.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from flexecutor_energy.prediction.anchors import Scatter
from flexecutor_energy.prediction.requests import RequestCounts, count_requests
from flexecutor_energy.prediction.rows import FloatArray, Rows
from flexecutor_energy.prediction.usable_runs import (
    PHASES,
    UsableRuns,
    conditions_of,
    rows_of,
    usable_runs,
)
from flexecutor_energy.records.run import Profile, StageRun, WorkerRecord
from flexecutor_energy.workflow.config import StageConfig


@dataclass(frozen=True, slots=True, eq=False)
class StageData:
    """What was measured on one stage, in columns.

    Attributes
    ----------
    stage : its id
    rows : the n conditions that were measured
    groups : array (n,), what is held out together: the index of the configuration, see
        ``grouped_by``
    grouped_by : ``configuration``; ``condition`` where there is one configuration with several
        fan-ins; ``run`` where there is one condition
    values : target → array (n,), means over the runs of a condition; NaN where unmeasured.
        Targets that no run measured are absent
    parts : ``time`` and ``worker_seconds`` → phase → array (n,)
    run_ids : of the m runs, None where a profile does not say
    run_rows : array (m,), the condition of each run
    run_values : target → array (m,), NaN where unmeasured
    configs : the configurations that were measured
    failed : the configurations that failed whenever they were tried
    backends : where the runs took place, as far as profiles say
    notes : what a reader of predictions should know
    elsewhere : target → how runs of the other stages of the workflow differed
    requests : those to the object store; None where they were not counted
    """

    stage: str
    rows: Rows
    groups: npt.NDArray[np.int64]
    grouped_by: str
    values: Mapping[str, FloatArray]
    parts: Mapping[str, Mapping[str, FloatArray]]
    run_ids: tuple[str | None, ...]
    run_rows: npt.NDArray[np.int64]
    run_values: Mapping[str, FloatArray]
    configs: tuple[StageConfig, ...]
    failed: tuple[StageConfig, ...]
    backends: tuple[str, ...]
    notes: tuple[str, ...]
    elsewhere: Mapping[str, Scatter] = field(default_factory=dict)
    requests: RequestCounts | None = None

    def scatter(self) -> dict[str, Scatter]:
        """Return target → how runs of the same condition differed."""
        return {t: Scatter.of(column, self.run_rows) for t, column in self.run_values.items()}


def collect(profile: Profile, parents: Sequence[str]) -> StageData:
    """Return the samples of a stage.

    Parameters
    ----------
    profile : its measured runs, in any order
    parents : the stages it waits for

    Raises
    ------
    NotProfiledError
        No run says how long it took.
    """
    return _columns(profile, usable_runs(profile, parents))


def _columns(profile: Profile, usable: UsableRuns) -> StageData:
    runs, parents = usable.runs, usable.parents
    conditions = conditions_of(runs, parents)
    configs = tuple(dict.fromkeys(run.config for run in runs))
    grouped_by = "configuration"
    if len(configs) == 1:
        grouped_by = "condition" if conditions.max() > 0 else "run"
    if grouped_by == "run":
        conditions = np.arange(len(runs), dtype=np.int64)
    first = np.unique(conditions, return_index=True)[1]
    index = {config: i for i, config in enumerate(configs)}
    groups = np.array([index[runs[i].config] for i in first], dtype=np.int64)
    if grouped_by != "configuration":
        groups = np.arange(len(first), dtype=np.int64)
    backends = {str(run.meta["backend"]) for run in runs if run.meta.get("backend")}
    return StageData(
        stage=profile.stage,
        rows=replace(rows_of([runs[i] for i in first], parents), cores=_shared_cores(runs)),
        groups=groups,
        grouped_by=grouped_by,
        values={t: _means(column, conditions) for t, column in usable.values.items()},
        parts=_parts(runs, conditions),
        run_ids=tuple(run.run_id for run in runs),
        run_rows=conditions,
        run_values=usable.values,
        configs=configs,
        failed=profile.failed_configs,
        backends=tuple(sorted(backends)),
        notes=usable.notes,
        requests=count_requests(runs),
    )


def _shared_cores(runs: Sequence[StageRun]) -> float | None:
    """Return the cores of the hosts that workers shared, if all runs had the same hosts."""
    seen = [
        frozenset((host.get("id"), host.get("cores")) for host in run.meta.get("hosts") or ())
        for run in runs
    ]
    cores = [count for _, count in seen[0]]
    if len(set(seen)) > 1 or not cores or not all(cores):
        return None
    return float(sum(cores))


def _means(column: FloatArray, conditions: npt.NDArray[np.int64]) -> FloatArray:
    known = ~np.isnan(column)
    size = int(conditions.max()) + 1
    counts = np.bincount(conditions[known], minlength=size)
    sums = np.bincount(conditions[known], weights=column[known], minlength=size)
    means: FloatArray = np.divide(sums, counts, out=np.full(size, np.nan), where=counts > 0)
    return means


def _parts(
    runs: Sequence[StageRun], conditions: npt.NDArray[np.int64]
) -> dict[str, dict[str, FloatArray]]:
    """Return the phases of the slowest worker, and those of all workers together."""
    slowest = [max(run.workers, key=lambda worker: worker.duration_s or 0.0) for run in runs]
    time, total = {}, {}
    for phase in PHASES:
        alone = np.array([_phase(worker, phase) for worker in slowest])
        summed = np.array([sum(_phase(worker, phase) for worker in run.workers) for run in runs])
        time[phase] = _means(alone, conditions)
        total[phase] = _means(summed, conditions)
    return {"time": time, "worker_seconds": total}


def _phase(worker: WorkerRecord, phase: str) -> float:
    return getattr(worker, f"{phase}_s") or 0.0
