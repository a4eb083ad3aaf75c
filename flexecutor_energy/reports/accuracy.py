"""How well the predictors did on runs that they did not see."""

from dataclasses import dataclass

import numpy as np

from flexecutor_energy.errors import MissingEnergyError
from flexecutor_energy.prediction.results import stage_energy_j
from flexecutor_energy.prediction.stage_model import StageModel
from flexecutor_energy.prediction.workflow_model import WorkflowModel
from flexecutor_energy.workflow.config import StageConfig


@dataclass(frozen=True, slots=True)
class HeldOut:
    """One measured run beside the prediction of models that never saw its configuration.

    Attributes
    ----------
    stage_id, config : what ran how
    predicted_time_s, measured_time_s : seconds
    predicted_energy_j, measured_energy_j : joules, None where unmeasured
    """

    stage_id: str
    config: StageConfig
    predicted_time_s: float | None
    measured_time_s: float | None
    predicted_energy_j: float | None
    measured_energy_j: float | None

    def pair(self, metric: str) -> tuple[float, float] | None:
        """Return (measured, predicted) ``time`` or ``energy``; None where one is not known."""
        measured, predicted = self.measured_time_s, self.predicted_time_s
        if metric == "energy":
            measured, predicted = self.measured_energy_j, self.predicted_energy_j
        return (measured, predicted) if measured and predicted else None


def held_out_runs(model: WorkflowModel, scope: str) -> tuple[HeldOut, ...]:
    """Return every run that a model was trained on, as it was predicted while held out.

    Parameters
    ----------
    model : the predictors with their evidence
    scope : whose joules
    """
    return tuple(
        run for name, stage in model.stages.items() for run in _of_stage(name, stage, scope)
    )


def _of_stage(name: str, stage: StageModel, scope: str) -> list[HeldOut]:
    runs = stage.runs
    joules = {}
    for which, values in (("predicted", runs.predicted), ("measured", runs.measured)):
        try:
            joules[which] = stage_energy_j(values, scope, name)
        except MissingEnergyError:  # only the total is known, and the scope wants a part of it
            joules[which] = None
    return [
        HeldOut(
            stage_id=name,
            config=StageConfig(float(runs.cpu[i]), int(runs.workers[i]), int(runs.memory_mb[i])),
            predicted_time_s=_known(runs.predicted.get("time"), i),
            measured_time_s=_known(runs.measured.get("time"), i),
            predicted_energy_j=_known(joules["predicted"], i),
            measured_energy_j=_known(joules["measured"], i),
        )
        for i in range(len(runs.run_ids))
    ]


def _known(
    values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None", i: int
) -> float | None:
    if values is None or not np.isfinite(values[i]):
        return None
    return float(values[i])
