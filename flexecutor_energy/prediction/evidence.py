"""Runs that cover a whole workflow, and the totals of its stages."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from flexecutor_energy.prediction.accounts import Accounts, Values
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
