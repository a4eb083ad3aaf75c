"""The options of every command that profiles, and what they make of a workflow."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flexecutor_energy.cli import options as opt
from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.measuring import inputs_in_place
from flexecutor_energy.cli.spaces import chosen_space
from flexecutor_energy.cli.workflows import Workflow
from flexecutor_energy.workflow.config import ConfigSpace

if TYPE_CHECKING:
    from flexecutor_energy.dag import DAG
    from flexecutor_energy.storage.select import Storage

Reps = Annotated[
    int,
    typer.Option(
        "--reps", help="Measurements of each configuration.", rich_help_panel="Configurations"
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeping:
    """Options that ``reported`` adds to a command with a parameter of this class."""

    size: opt.Size = None
    workspace: opt.Workspace = None
    cpu: opt.Cpu = None
    memory: opt.Memory = None
    workers: opt.Workers = None
    backend: opt.Backend = "lithops"
    storage: opt.Storage = None
    energy: opt.Energy = "auto"
    timeout: opt.Timeout = None
    seed: opt.Seed = 0

    def build(self, workflow: Workflow) -> "DAG":
        """Return the workflow in its size and workspace."""
        return workflow.build(self.size, self.workspace)

    def space(self, workflow: Workflow) -> ConfigSpace:
        """Return the space to profile."""
        return chosen_space(workflow, self.size, self.cpu, self.memory, self.workers)

    def inputs(
        self, show: Show, workflow: Workflow, dag: "DAG"
    ) -> "AbstractContextManager[Storage]":
        """Open the object store, and see that the workflow's inputs are there."""
        return inputs_in_place(show, workflow, dag, self.size, self.storage, self.backend)

    def running(self, storage: "Storage") -> dict[str, Any]:
        """Return what ``DAG.profile`` and ``DAG.execute`` are told of how to run."""
        return {
            "backend": self.backend,
            "storage": storage,
            "energy": self.energy,
            "timeout": self.timeout,
        }
