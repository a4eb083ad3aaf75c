"""Which runs of a profile can be learnt from, and what they measured.

What cannot be used is left out and said in a sentence.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexecutor_energy.errors import NotProfiledError
from flexecutor_energy.prediction.outliers import outlying
from flexecutor_energy.prediction.rows import FloatArray, Rows
from flexecutor_energy.records.run import Profile, StageRun

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
class UsableRuns:
    """The m runs of a stage that can be learnt from.

    Attributes
    ----------
    runs : in an order that does not depend on that of measuring
    parents : the stages it waits for whose workers every run tells
    values : target → array (m,), NaN where unmeasured; targets that no run measured are absent
    notes : what was left out, and why
    """

    runs: Sequence[StageRun]
    parents: tuple[str, ...]
    values: dict[str, FloatArray]
    notes: tuple[str, ...]


def usable_runs(profile: Profile, parents: Sequence[str]) -> UsableRuns:
    """Return the runs of a profile without those that are incomplete or absurd.

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
    return UsableRuns(runs, known_parents, run_values, tuple(notes))


def rows_of(runs: Sequence[StageRun], parents: Sequence[str]) -> Rows:
    """Return the configuration of each run, with the workers of these parents."""
    return Rows.of([run.config for run in runs], [run.fan_in for run in runs], parents)


def conditions_of(runs: Sequence[StageRun], parents: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the index of each run's condition, in order of first appearance."""
    seen: dict[tuple[object, ...], int] = {}
    keys = [(run.config, *(run.fan_in[parent] for parent in parents)) for run in runs]
    return np.array([seen.setdefault(key, len(seen)) for key in keys], dtype=np.int64)


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
    rows = rows_of(runs, parents)
    strange = outlying(rows, conditions_of(runs, parents), values["time"])
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
    rows, conditions = rows_of(runs, parents), conditions_of(runs, parents)
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
