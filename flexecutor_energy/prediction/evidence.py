"""Held-out runs of a whole workflow: how far measured totals were from predicted ones."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from flexecutor_energy.prediction.accounts import Accounts, Values
from flexecutor_energy.prediction.conformal import UNMEASURED_RATIO, Bound
from flexecutor_energy.prediction.rows import FloatArray, Rows
from flexecutor_energy.prediction.stage_model import StageModel

METRICS = ("time", "energy", "cost")


def common_runs(stages: Mapping[str, StageModel]) -> dict[str, npt.NDArray[np.int64]]:
    """Return, for each stage, the places of the runs that cover all stages, in one order.

    Runs of one workflow share what the machine did to them, so they are kept together. A
    workflow of one stage needs no run ids for that.
    """
    if len(stages) == 1:
        return {stage: np.arange(len(model.runs.run_ids)) for stage, model in stages.items()}
    places = {
        stage: {run_id: i for i, run_id in enumerate(model.runs.run_ids) if run_id is not None}
        for stage, model in stages.items()
    }
    shared = sorted(set.intersection(*(set(table) for table in places.values())))
    return {
        stage: np.array([table[run_id] for run_id in shared], dtype=np.int64)
        for stage, table in places.items()
    }


def total(
    metric: str, values: Values, accounts: Accounts, rows: Mapping[str, Rows]
) -> FloatArray | None:
    """Return a total of the workflow: array (runs,), or None where unmeasured.

    Parameters
    ----------
    metric : ``time``, ``energy`` or ``cost``
    values : stage → target → array (runs,)
    accounts : how stages add up
    rows : stage → its configuration, or one for each run
    """
    if metric == "time":
        return accounts.time_s(values)
    if metric == "energy":
        return accounts.energy_j(values)
    return accounts.cost_usd(values, rows)


def run_ratios(
    metric: str,
    stages: Mapping[str, StageModel],
    accounts: Accounts,
    seen: Collection[str] = (),
) -> FloatArray:
    """Return measured/predicted of each run that covers all stages: array (runs,).

    Predictions are held out: no model saw the configuration that its stage had in that run; of
    the stages in ``seen``, it saw other runs of it. NaN where one of the two is unknown.
    """
    common = common_runs(stages)
    count = len(next(iter(common.values())))
    measured, predicted, rows = {}, {}, {}
    for stage, index in common.items():
        runs = stages[stage].runs
        known = runs.repeated if stage in seen else runs.predicted
        predicted[stage] = {t: column[index] for t, column in known.items()}
        measured[stage] = {t: column[index] for t, column in runs.measured.items()}
        if stage not in seen and runs.stretch != 1:
            measured[stage] = {t: known[t][index] * runs.ratio(t)[index] for t in runs.measured}
        rows[stage] = Rows(runs.cpu[index], runs.memory_mb[index], runs.workers[index])
    unknown = np.full(count, np.nan)
    if count == 0:
        return unknown
    took = total(metric, measured, accounts, rows)
    expected = total(metric, predicted, accounts, rows)
    if took is None or expected is None:
        return unknown
    ratios: FloatArray = np.divide(took, expected, out=unknown, where=expected > 0)
    return ratios


def widest_of_any_stage(
    metrics: Sequence[str], stages: Mapping[str, StageModel], runs: int
) -> Bound:
    """Return the largest measured/predicted of any stage in any run.

    Makespan, energy and cost are sums and maxima of stage quantities, so no workflow can be
    further above its prediction than the worst of its stages.
    """
    ratios = [
        stage.runs.ratio(target)
        for stage in stages.values()
        for target in stage.targets
        if any(_concerns(metric, target) for metric in metrics)
    ]
    known = np.concatenate(ratios)
    known = known[~np.isnan(known)]
    widest = float(np.max(known)) if len(known) else UNMEASURED_RATIO
    return Bound(max(widest, 1.0), runs, enough=False)


def _concerns(metric: str, target: str) -> bool:
    if target == "time":  # the makespan carries idle power and the price of a machine
        return True
    if metric == "cost":
        return target == "worker_seconds"
    return metric == "energy" and target.startswith("energy")
