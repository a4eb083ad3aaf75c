"""Where fitted models are kept: one JSON file a workflow. Loading it never runs code."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from flexecutor_energy.errors import ModelFormatError, NotTrainedError, StorageError
from flexecutor_energy.prediction.model_format import model_from_dict, model_to_dict
from flexecutor_energy.prediction.report import TrainReport
from flexecutor_energy.prediction.workflow_model import Provenance, WorkflowModel
from flexecutor_energy.version import __version__
from flexecutor_energy.workspace import Workspace, write_atomically

_REMEDY = "the file was left as it is; train again to replace it"


def model_path(workspace: Workspace, dag: str) -> Path:
    """Return the file of a workflow's model."""
    return workspace.models(dag) / "model.json"


def save_model(
    workspace: Workspace, model: WorkflowModel, report: TrainReport, *, trained_at: str = ""
) -> WorkflowModel:
    """Keep a model with its errors, and return it with its origin filled in.

    Parameters
    ----------
    workspace : holds the profiles that it was trained on, and is to hold the model
    model, report : as ``train_profiles`` returned them
    trained_at : ISO 8601 time

    Raises
    ------
    StorageError
        The file cannot be written; an older model is kept as it was.
    """
    hashes = _profile_hashes(workspace, model.dag, model.stages)
    stamped = model.with_provenance(Provenance(trained_at, __version__, hashes))
    text = json.dumps(model_to_dict(stamped, report), allow_nan=False, ensure_ascii=False)
    write_atomically(model_path(workspace, model.dag), text + "\n")
    return stamped


def load_model(workspace: Workspace, dag: str) -> WorkflowModel:
    """Return the model of a workflow.

    Raises
    ------
    NotTrainedError
        There is none yet; names the command that makes it.
    ModelFormatError
        The file is corrupt, foreign or of another version; it is left as it was.
    StorageError
        The file is there but cannot be read.
    """
    return replace(_load(model_path(workspace, dag), dag)[0], dag=dag)


def load_report(workspace: Workspace, dag: str) -> TrainReport:
    """Return the held-out errors of a workflow's model; raises as ``load_model`` does."""
    return _load(model_path(workspace, dag), dag)[1]


def changed_profiles(workspace: Workspace, model: WorkflowModel) -> tuple[str, ...]:
    """Return the stages whose profile file is another one than the model was trained on."""
    now = _profile_hashes(workspace, model.dag, model.stages)
    then = model.provenance.profile_sha256
    return tuple(stage for stage in model.stages if now.get(stage) != then.get(stage))


def _load(path: Path, dag: str) -> tuple[WorkflowModel, TrainReport]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotTrainedError(
            f"workflow {dag!r} has no model at {path}; run: flexecutor-energy train --dag {dag}"
        ) from None
    except UnicodeDecodeError as error:
        raise ModelFormatError(f"{path}: not a text file ({_REMEDY})") from error
    except OSError as error:
        raise StorageError(f"could not read {path}: {error.strerror or error}") from error
    try:
        return model_from_dict(json.loads(text, parse_constant=_refuse))
    except json.JSONDecodeError as error:
        raise ModelFormatError(
            f"{path}:{error.lineno}: not valid JSON: {error.msg} ({_REMEDY})"
        ) from error
    except (ModelFormatError, RecursionError) as error:
        raise ModelFormatError(f"{path}: {error} ({_REMEDY})") from error


def _refuse(constant: str) -> float:
    raise ModelFormatError(f"it holds {constant}, and the numbers of a model are finite")


def _profile_hashes(workspace: Workspace, dag: str, stages: Iterable[str]) -> dict[str, str]:
    hashes = {}
    for stage in stages:
        path = workspace.profile(dag, stage)
        try:
            hashes[stage] = hashlib.sha256(path.read_bytes()).hexdigest()
        except FileNotFoundError:
            continue  # trained on profiles from elsewhere: nothing to compare with
        except OSError as error:
            raise StorageError(f"could not read {path}: {error.strerror or error}") from error
    return hashes
