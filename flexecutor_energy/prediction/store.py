"""Where fitted models are kept: one JSON file a workflow. Loading it never runs code."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from flexecutor_energy import __version__
from flexecutor_energy.errors import ModelFormatError, NotTrainedError, StorageError
from flexecutor_energy.prediction.model_format import model_from_dict, model_to_dict
from flexecutor_energy.prediction.workflow_model import Provenance, WorkflowModel
from flexecutor_energy.workspace import Workspace, write_atomically


class ModelStore:
    """The fitted models of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def path(self, dag: str) -> Path:
        """Return the file of a workflow's model."""
        return self._workspace.models(dag) / "model.json"

    def save(self, model: WorkflowModel, trained_at: str = "") -> WorkflowModel:
        """Keep a model, and return it with its origin filled in.

        Parameters
        ----------
        model : as trained on the profiles that the workspace holds now
        trained_at : ISO 8601 time

        Raises
        ------
        StorageError
            The file cannot be written; an older model is kept as it was.
        """
        stamped = model.with_provenance(
            Provenance(trained_at, __version__, self._hashes(model.dag, model.stages))
        )
        text = json.dumps(model_to_dict(stamped), allow_nan=False, ensure_ascii=False)
        write_atomically(self.path(model.dag), text + "\n")
        return stamped

    def load(self, dag: str) -> WorkflowModel:
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
        path = self.path(dag)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise NotTrainedError(
                f"workflow {dag!r} has no model at {path}; "
                f"run: flexecutor-energy train --dag {dag}"
            ) from None
        except UnicodeDecodeError as error:
            raise ModelFormatError(f"{path}: not a text file ({_REMEDY})") from error
        except OSError as error:
            raise StorageError(f"could not read {path}: {error.strerror or error}") from error
        try:
            model = model_from_dict(json.loads(text, parse_constant=_refuse))
        except json.JSONDecodeError as error:
            raise ModelFormatError(
                f"{path}:{error.lineno}: not valid JSON: {error.msg} ({_REMEDY})"
            ) from error
        except (ModelFormatError, RecursionError) as error:
            raise ModelFormatError(f"{path}: {error} ({_REMEDY})") from error
        return model if model.dag == dag else replace(model, dag=dag)

    def changed_profiles(self, model: WorkflowModel) -> tuple[str, ...]:
        """Return the stages whose profile file is another one than the model was fitted on."""
        now = self._hashes(model.dag, model.stages)
        then = model.provenance.profile_sha256
        return tuple(stage for stage in model.stages if now.get(stage) != then.get(stage))

    def _hashes(self, dag: str, stages: Mapping[str, object]) -> dict[str, str]:
        hashes = {}
        for stage in stages:
            path = self._workspace.profile(dag, stage)
            try:
                hashes[stage] = hashlib.sha256(path.read_bytes()).hexdigest()
            except FileNotFoundError:
                continue  # trained on profiles from elsewhere: nothing to compare with
            except OSError as error:
                raise StorageError(f"could not read {path}: {error.strerror or error}") from error
        return hashes


_REMEDY = "the file was left as it is; train again to replace it"


def _refuse(constant: str) -> float:
    raise ModelFormatError(f"it holds {constant}, and numbers of a model are finite")
