"""From the measured runs of a stage to the samples its predictors learn from.

Runs are averaged by condition: a configuration together with the workers of the parents. What
cannot be used is left out and said in a sentence.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from flexecutor_energy.errors import NotProfiledError
from flexecutor_energy.prediction.anchors import Scatter
from flexecutor_energy.prediction.outliers import outlying
from flexecutor_energy.prediction.requests import RequestCounts, count_requests
from flexecutor_energy.prediction.rows import FloatArray, Rows
from flexecutor_energy.records.run import Profile, StageRun, WorkerRecord
from flexecutor_energy.workflow.config import StageConfig

PHASES = ("read", "compute", "write", "cold_start")

# target → attribute of StageRun
TARGETS = {
    "time": "time_s",
    "worker_seconds": "worker_seconds",
    "cpu_time": "cpu_time_s",
    "energy_dynamic": "energy_dynamic_j",
    "energy_idle": "energy_idle_j",
    "energy_startup": "energy_startup_j",
    "energy": "energy_j",
}
# totals over workers: predicted for one worker and multiplied
TOTALS = frozenset(TARGETS) - {"time"}
# predicted from how long a worker runs, among others
ON_TIME = frozenset(TARGETS) - {"time", "worker_seconds"}
# Less than a microsecond or a microjoule is no measurement but nothing.
_RESOLUTION = 1e-6
# Nothing (a clock too coarse, no idle power known) counts as this share of the median.
_NOTHING = 0.01


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
    notes: list[str] = []
    runs = _usable(profile, notes)
    known_parents = _known_parents(runs, parents, notes)
    run_values = _run_values(runs, notes)
    runs, run_values = _without_outlying_times(runs, run_values, known_parents, notes)
    run_values = _without_outlying_energies(runs, run_values, known_parents, notes)
    run_values = {t: column for t, column in run_values.items() if not np.all(np.isnan(column))}
    return _columns(profile, runs, run_values, known_parents, notes)


def _usable(profile: Profile, notes: list[str]) -> list[StageRun]:
    timed = [run for run in profile.runs if run.time_s is not None]
    if not timed:
        raise NotProfiledError(
            f"stage {profile.stage!r} has no run that says how long it computed; profile it with: "
            f"flexecutor-energy profile --dag {profile.dag}"
        )
    if untimed := len(profile.runs) - len(timed):
        notes.append(f"{untimed} runs without a compute time are left out")
    known = [_known_phases(run) for run in timed]
    fullest = max(Counter(known).items(), key=lambda item: (len(item[0]), item[1]))[0]
    common = frozenset.intersection(*known)
    complete = [run for run, phases in zip(timed, known, strict=True) if phases >= fullest]
    same_configs = {r.config for r in complete} == {r.config for r in timed}
    if common != fullest and same_configs:
        notes.append(f"{len(timed) - len(complete)} runs that lack a phase are left out")
        timed = complete
    elif common != fullest:
        varying = ", ".join(sorted(fullest - common))
        notes.append(f"some runs lack the phase {varying}; their times are too short by it")
    if missing := [phase for phase in PHASES if phase not in fullest]:
        notes.append(f"phase never measured: {', '.join(missing)}; times are without it")
    return sorted(timed, key=_order)


def _order(run: StageRun) -> tuple[object, ...]:
    """Sort so that results do not depend on the order of measuring, down to the last bit."""
    fan_in = tuple(sorted(run.fan_in.items()))
    values = (getattr(run, attribute) for attribute in TARGETS.values())
    numbers = tuple(-1.0 if value is None else value for value in values)
    return (run.config.key, fan_in, str(run.run_id), numbers)


def _known_phases(run: StageRun) -> frozenset[str]:
    return frozenset(
        phase
        for phase in PHASES
        if all(getattr(worker, f"{phase}_s") is not None for worker in run.workers)
    )


def _known_parents(
    runs: Sequence[StageRun], parents: Sequence[str], notes: list[str]
) -> tuple[str, ...]:
    known = tuple(parent for parent in parents if all(parent in run.fan_in for run in runs))
    if unknown := [parent for parent in parents if parent not in known]:
        notes.append(
            f"profiles do not say how many workers {', '.join(unknown)} ran; "
            "an effect of that on this stage is not predicted"
        )
    own = np.array([run.config.workers for run in runs])
    for parent in known:
        theirs = np.array([run.fan_in[parent] for run in runs])
        if len(runs) > 1 and np.ptp(theirs) > 0 and np.all(theirs * own[0] == own * theirs[0]):
            notes.append(
                f"the workers of {parent} and of this stage always changed together, so their "
                "effects cannot be told apart; each gets half"
            )
    return known


def _run_values(runs: Sequence[StageRun], notes: list[str]) -> dict[str, FloatArray]:
    values: dict[str, FloatArray] = {}
    for target, attribute in TARGETS.items():
        measured = [getattr(run, attribute) for run in runs]
        column = np.array([np.nan if value is None else value for value in measured], dtype=float)
        if np.all(np.isnan(column)):
            continue
        if target in ("time", "worker_seconds"):
            column = np.maximum(column, _RESOLUTION)
        something = column[column >= _RESOLUTION]
        column[column < _RESOLUTION] = _NOTHING * np.median(something) if len(something) else 0.0
        values[target] = column
        if target.startswith("energy") and (gaps := int(np.sum(np.isnan(column)))):
            notes.append(f"{gaps} runs hold no {target.replace('_', ' ')}")
    if {"energy_dynamic", "energy_idle"} <= values.keys():
        values.pop("energy", None)  # it is their sum
    return values


def _without_outlying_times(
    runs: list[StageRun],
    values: dict[str, FloatArray],
    parents: Sequence[str],
    notes: list[str],
) -> tuple[list[StageRun], dict[str, FloatArray]]:
    rows = _rows(runs, parents)
    strange = outlying(rows, _conditions(runs, parents), values["time"])
    for index in np.flatnonzero(strange):
        notes.append(f"outlier left out: {_describe(runs[index])} took {runs[index].time_s:.3g} s")
    kept = [run for run, out in zip(runs, strange, strict=True) if not out]
    return kept, {target: column[~strange] for target, column in values.items()}


def _without_outlying_energies(
    runs: Sequence[StageRun],
    values: dict[str, FloatArray],
    parents: Sequence[str],
    notes: list[str],
) -> dict[str, FloatArray]:
    rows, conditions = _rows(runs, parents), _conditions(runs, parents)
    cleaned = dict(values)
    for target in ("energy_dynamic", "energy_idle", "energy_startup", "energy"):
        if target not in values or not np.any(values[target] > 0):
            continue
        column = values[target].copy()
        known = ~np.isnan(column)
        index = np.flatnonzero(known)
        strange = index[outlying(rows.take(known), conditions[known], column[known])]
        for i in strange:
            notes.append(
                f"outlier left out: {_describe(runs[i])}, {target.replace('_', ' ')} "
                f"{column[i]:.3g} J"
            )
        column[strange] = np.nan
        cleaned[target] = column
    return cleaned


def _describe(run: StageRun) -> str:
    name = f" of run {run.run_id}" if run.run_id else ""
    return f"{run.config}{name}"


def _rows(runs: Sequence[StageRun], parents: Sequence[str]) -> Rows:
    return Rows.of([run.config for run in runs], [run.fan_in for run in runs], parents)


def _conditions(runs: Sequence[StageRun], parents: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the index of each run's condition, in order of first appearance."""
    seen: dict[tuple[object, ...], int] = {}
    keys = [(run.config, *(run.fan_in[parent] for parent in parents)) for run in runs]
    return np.array([seen.setdefault(key, len(seen)) for key in keys], dtype=np.int64)


def _columns(
    profile: Profile,
    runs: Sequence[StageRun],
    run_values: Mapping[str, FloatArray],
    parents: Sequence[str],
    notes: Sequence[str],
) -> StageData:
    conditions = _conditions(runs, parents)
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
        rows=replace(_rows([runs[i] for i in first], parents), cores=_shared_cores(runs)),
        groups=groups,
        grouped_by=grouped_by,
        values={t: _means(column, conditions) for t, column in run_values.items()},
        parts=_parts(runs, conditions),
        run_ids=tuple(run.run_id for run in runs),
        run_rows=conditions,
        run_values=run_values,
        configs=configs,
        failed=profile.failed_configs,
        backends=tuple(sorted(backends)),
        notes=tuple(notes),
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
