"""What models say of runs that they did not see, and how wrong that was."""

from collections.abc import Sequence

import numpy as np

from flexecutor_energy.prediction.anchors import (
    NOTHING,
    Anchors,
    Trust,
    places_of,
    repeated_prediction,
)
from flexecutor_energy.prediction.rows import FloatArray
from flexecutor_energy.prediction.samples import StageData
from flexecutor_energy.prediction.stage_model import HeldOutRuns, StageModel
from flexecutor_energy.prediction.validation import mape


def no_runs() -> HeldOutRuns:
    """Return the evidence of a stage whose training is not finished."""
    empty, none = np.array([]), np.array([], dtype=np.int64)
    return HeldOutRuns((), none, none, empty, empty, empty, {}, {}, {})


def anchors_of(data: StageData, model: StageModel) -> Anchors:
    """Return how far each target trusts what was measured under the same conditions."""
    rows = model.rows_of(data.rows)
    if data.grouped_by == "run":  # one condition, and the models are its means already
        return Anchors(places_of(rows.take(np.array([0]))), np.array([-1]), {}, {})
    counts = {t: _counts(data.run_values[t], data) for t in model.targets}
    trusts = _trusts(data, model)
    return Anchors(
        places=places_of(rows),
        groups=data.groups,
        means={target: data.values[target] for target in model.targets},
        weights={target: trusts[target].weight(counts[target]) for target in model.targets},
    )


def held_out_runs(data: StageData, model: StageModel) -> HeldOutRuns:
    """Return every run beside what the models say that did not see its group."""
    trusts = _trusts(data, model)
    at = data.run_rows
    predicted = {t: column[at] for t, column in _predicted_without(data, model).items()}
    repeated = predicted
    if data.grouped_by != "run":
        repeated = {
            target: repeated_prediction(data.run_values[target], column, at, trusts[target])
            for target, column in predicted.items()
        }
    return HeldOutRuns(
        run_ids=data.run_ids,
        groups=data.groups[at],
        conditions=np.zeros_like(at) if data.grouped_by == "run" else at,
        cpu=data.rows.cpu[at],
        memory_mb=data.rows.memory_mb[at],
        workers=data.rows.workers[at],
        measured=dict(data.run_values),
        predicted=predicted,
        repeated=repeated,
    )


def mape_unseen(data: StageData, runs: HeldOutRuns, targets: Sequence[str]) -> float | None:
    """Return the held-out error of a sum of targets, over conditions; None if unknown."""
    if not targets:
        return None
    _, first = np.unique(data.run_rows, return_index=True)
    measured = np.sum([data.values[target] for target in targets], axis=0)
    predicted = np.sum([runs.predicted[target][first] for target in targets], axis=0)
    known = ~np.isnan(measured) & ~np.isnan(predicted) & (measured > 0)
    if not np.any(known):
        return None
    return mape(predicted[known], measured[known])


def mape_again(runs: HeldOutRuns) -> float | None:
    """Return the error on runs whose condition was measured in others; None if none was."""
    measured, predicted = runs.measured["time"], runs.repeated["time"]
    known = ~np.isnan(predicted) & (measured > 0)
    return mape(predicted[known], measured[known]) if np.any(known) else None


def coverage(runs: HeldOutRuns, level: float) -> float | None:
    """Return the share of runs whose time lies in the band that other groups' errors give."""
    off = np.abs(np.log(runs.ratio("time"))) / runs.stretch
    if np.all(np.isnan(off)):
        return None
    inside = []
    for group in np.unique(runs.groups):
        others = np.sort(off[runs.groups != group]) * runs.stretch
        rank = int(np.ceil((len(others) + 1) * level - 1e-9))
        inside.append(off[runs.groups == group] <= others[min(rank, len(others)) - 1])
    return float(np.mean(np.concatenate(inside)))


def _counts(runs: FloatArray, data: StageData) -> FloatArray:
    known = ~np.isnan(runs)
    return np.bincount(data.run_rows[known], minlength=len(data.rows)).astype(float)


def _trusts(data: StageData, model: StageModel) -> dict[str, Trust]:
    predicted = _predicted_without(data, model)
    return {
        target: Trust.of(
            data.run_values[target],
            predicted[target][data.run_rows],
            data.run_rows,
            data.elsewhere.get(target, NOTHING),
        )
        for target in model.targets
    }


def _predicted_without(data: StageData, model: StageModel) -> dict[str, FloatArray]:
    """Return what models that saw no run of a configuration say of it: target → array (n,)."""
    predicted = {target: np.full(len(data.rows), np.nan) for target in model.targets}
    for group in np.unique(data.groups):
        inside = data.groups == group
        values = model.evaluate(model.rows_of(data.rows.take(inside)), int(group))
        for target, value in values.items():
            if model.targets[target].folds or not np.any(value):
                predicted[target][inside] = value
    return predicted
