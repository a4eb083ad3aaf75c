"""A workflow with its workspace: where its data lies, what was measured, what past runs kept."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from flexecutor_energy.auditing import AuditReport, audit_runs, past_runs
from flexecutor_energy.drawing import draw
from flexecutor_energy.errors import ConfigurationError, NotProfiledError
from flexecutor_energy.execution.fingerprints import code_hashes
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.records.run import Profile
from flexecutor_energy.records.store import ProfileStore
from flexecutor_energy.storage.keeper import StorageChoice, StorageKeeper
from flexecutor_energy.storage.select import Storage
from flexecutor_energy.workflow.assignment import set_configs
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workflow.graph import StageGraph
from flexecutor_energy.workspace import Workspace


class StoredGraph(StageGraph):
    """A workflow and what is kept of it.

    Parameters
    ----------
    name : names the folders of its profiles, models and runs
    workspace : the folder that holds these; None means the current folder
    """

    def __init__(self, name: str, workspace: Workspace | Path | str | None = None) -> None:
        super().__init__(name)
        self.workspace = Workspace.of(workspace)
        self._keeper = StorageKeeper(self.workspace)
        self._planned: dict[str, StageConfig] = {}

    def storage(self, choice: StorageChoice = None) -> Storage:
        """Return the open storage of a choice, for example to put inputs there.

        Parameters
        ----------
        choice : None lets the settings decide; ``"embedded"``, ``"file"``, an address, …
        """
        return self._keeper.open(choice)

    def profiles(self) -> dict[str, Profile]:
        """Return what was measured so far, by stage."""
        store = ProfileStore(self.workspace)
        return {stage_id: store.load(self.name, stage_id) for stage_id in self.stage_ids}

    def audit(self, last: int | None = None) -> AuditReport:
        """Compare all runs that followed a plan with what it predicted.

        Each run keeps what was predicted and measured in its ``run.json``; together these files
        are the ledger.

        Parameters
        ----------
        last : only the newest so many runs; None takes all

        Returns
        -------
        Realised coverage, measured over predicted, drift, and the stages to profile again; of no
        run where none followed a plan yet.

        Raises
        ------
        ConfigurationError
            ``last`` is below 1.
        """
        if last is not None and last < 1:
            raise ConfigurationError(f"last must be at least 1 run, got {last}")
        history = past_runs(self.workspace, self.name)
        runs = history.runs if last is None else history.runs[-last:]
        return audit_runs(runs, history.problems)

    def draw(self, path: Path | str, plan: Plan | None = None) -> Path:
        """Draw the workflow into a file ``.png``, ``.svg``, ``.pdf`` or ``.html``.

        Parameters
        ----------
        path : the file; its ending decides the format
        plan : its configurations, times and joules are written into the boxes; without it, the
            configurations that are set on the stages

        Returns
        -------
        The path.

        Raises
        ------
        ConfigurationError
            The ending is none of these, or the plan is of another workflow.
        MissingExtraError
            matplotlib, of the extra ``reports``, is not installed; ``.html`` does without.
        """
        return draw(self, path, plan)

    def __enter__(self) -> Self:
        """Use the workflow for a while; its storage is closed at the end."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the storage that was opened."""
        self.close()

    def close(self) -> None:
        """Close the storage that was opened; this happens by itself when nothing needs it."""
        self._keeper.close()

    def _profiles_of(self, hashes: Mapping[str, Mapping[str, str]]) -> dict[str, Profile]:
        """Return what was measured of this code and this input."""
        return {
            stage_id: profile.split_stale(**hashes[stage_id])[0]
            for stage_id, profile in self.profiles().items()
        }

    def _profiles_of_code(self) -> dict[str, Profile]:
        """Return what was measured of this code, on any input."""
        codes = code_hashes(self)
        return {s: p.split_stale(codes[s], None)[0] for s, p in self.profiles().items()}

    def _current_profiles(
        self, include_stale: bool
    ) -> tuple[dict[str, Profile], dict[str, list[str]]]:
        """Return the profiles without stale runs, and what was left out of each."""
        codes = code_hashes(self)
        profiles: dict[str, Profile] = {}
        notes: dict[str, list[str]] = {}
        for stage_id, profile in self.profiles().items():
            stale = 0
            if not include_stale:
                total = len(profile.runs)
                profile, old_code = profile.split_stale(codes[stage_id], None)
                profile, old_input = profile.split_stale(None, profile.newest_input_hash)
                stale = len(old_code) + len(old_input)
                if stale:
                    notes[stage_id] = [
                        f"{stale} of {total} runs are of other code or input and were left out"
                    ]
            if not profile.runs:
                raise NotProfiledError(self._not_profiled(stage_id, stale))
            profiles[stage_id] = profile
        return profiles, notes

    def _not_profiled(self, stage_id: str, stale: int) -> str:
        command = f"flexecutor-energy profile --dag {self.name}"
        why = f" (its {stale} runs are of other code or input)" if stale else ""
        return f"stage {stage_id!r} of {self.name!r} has no measurements{why}; run: {command}"

    def _set_configs(self, plan: Plan) -> None:
        """Set the configurations of a plan on the stages."""
        self._planned = plan.configs
        for stage in self.stages:
            stage.resource_config = plan.configs[stage.stage_id]

    def _configs_of_user(self) -> dict[str, StageConfig]:
        """Return the configurations on stages that no plan put there."""
        return {s: c for s, c in set_configs(self).items() if c != self._planned.get(s)}
