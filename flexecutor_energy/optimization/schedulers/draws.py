"""Imagined runs for methods that look at distributions: held-out errors on every candidate."""

import numpy as np

from flexecutor_energy.optimization.problem import FloatArray
from flexecutor_energy.optimization.table import StageOptions, Table
from flexecutor_energy.prediction.conformal import FEW_RUNS
from flexecutor_energy.prediction.evidence import common_runs
from flexecutor_energy.prediction.scenarios import stage_scenarios
from flexecutor_energy.prediction.workflow_model import WorkflowModel


def drawn_times(model: WorkflowModel, table: Table, count: int, seed: int) -> list[FloatArray]:
    """Return seconds of every candidate in imagined runs: array (count, candidates) per stage.

    Each draw picks a measured run and gives every candidate the error that models which did not
    see the run made on it. Where enough runs cover all stages, all stages take the same run, so
    that they are slow or fast together as they were; otherwise each stage picks its own.

    Parameters
    ----------
    model : the predictors
    table : the candidates
    count : how many runs to imagine
    seed : of the generator
    """
    generator = np.random.default_rng(seed)
    common = common_runs(model.stages)
    shared = len(next(iter(common.values())))
    together = generator.integers(shared, size=count) if shared >= FEW_RUNS else None
    drawn = []
    for options in table:
        seconds = _held_out(model, options)
        if together is not None and len(seconds) > common[options.stage_id].max():
            picked = common[options.stage_id][together]
        else:
            picked = generator.integers(len(seconds), size=count)
        drawn.append(seconds[picked])
    return drawn


def _held_out(model: WorkflowModel, options: StageOptions) -> FloatArray:
    """Return the seconds of a stage's candidates in each held-out run: (runs, candidates).

    A run whose error is not known takes the mean.
    """
    siblings = list(model.stages.values())
    stage = model.stage(options.stage_id)
    columns = []
    for candidate in options.candidates:
        found = stage_scenarios(stage, candidate.config, candidate.fan_in or {}, siblings)
        seconds = found.drawn["time"]
        columns.append(np.where(np.isnan(seconds), found.mean["time"][0], seconds))
    return np.column_stack(columns)
