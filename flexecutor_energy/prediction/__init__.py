"""Predict time, energy and cost of stages and workflows from measured runs.

``train_profiles`` fits; the ``WorkflowModel`` it returns predicts; ``save_model`` keeps it.
"""

from flexecutor_energy.prediction.conformal import Bound
from flexecutor_energy.prediction.predictor import Family, Predictor
from flexecutor_energy.prediction.report import StageReport, TrainReport
from flexecutor_energy.prediction.results import (
    Scope,
    StagePrediction,
    StageTable,
    WorkflowPrediction,
)
from flexecutor_energy.prediction.rows import Rows, Samples
from flexecutor_energy.prediction.stage_model import StageModel
from flexecutor_energy.prediction.store import (
    changed_profiles,
    load_model,
    load_report,
    save_model,
)
from flexecutor_energy.prediction.training import train_profiles
from flexecutor_energy.prediction.workflow_model import Provenance, WorkflowModel

__all__ = [
    "Bound",
    "Family",
    "Predictor",
    "Provenance",
    "Rows",
    "Samples",
    "Scope",
    "StageModel",
    "StagePrediction",
    "StageReport",
    "StageTable",
    "TrainReport",
    "WorkflowModel",
    "WorkflowPrediction",
    "changed_profiles",
    "load_model",
    "load_report",
    "save_model",
    "train_profiles",
]
