"""Runs that were executed before, as ``runs/<dag>/<run id>/run.json`` holds them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from flexecutor_energy.energy.method import EnergyMethod
from flexecutor_energy.optimization.audit import Audit
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workspace import Workspace


class PastStage(BaseModel):
    """One stage of a past run.

    Attributes
    ----------
    config : cpu, memory and workers that really ran
    time_s, energy_j, cost_usd : seconds, joules (None where unmeasured), USD
    started_s, finished_s : seconds since the run's first submission
    """

    model_config = ConfigDict(frozen=True)

    config: tuple[float, int, int]
    time_s: float
    energy_j: float | None
    cost_usd: float
    started_s: float
    finished_s: float

    @property
    def stage_config(self) -> StageConfig:
        """The configuration as a value."""
        return StageConfig.from_key(self.config)


class PastRun(BaseModel):
    """A past run of a workflow.

    Attributes
    ----------
    run_id, dag, backend : which run, of what, where
    time_s, energy_j, cost_usd : totals; energy None where unmeasured
    energy_method : where the joules come from; None where unmeasured, for ``energy_reason``
    energy_rows_j : joules of the hosts by where they went
    stages : by id
    ledger : CPU seconds by where they were spent, and their ``coverage``
    audit : measured beside predicted; None where the run followed no plan
    """

    model_config = ConfigDict(frozen=True)

    run_id: str
    dag: str
    backend: str
    time_s: float
    energy_j: float | None
    cost_usd: float
    energy_method: EnergyMethod | None = None
    energy_reason: str = ""
    energy_rows_j: Mapping[str, float] = {}
    stages: Mapping[str, PastStage]
    ledger: Mapping[str, float | None] = {}
    audit: Audit | None = None

    @property
    def configs(self) -> dict[str, StageConfig]:
        """The configuration in which each stage ran."""
        return {stage_id: stage.stage_config for stage_id, stage in self.stages.items()}


@dataclass(frozen=True, slots=True)
class History:
    """The past runs of a workflow.

    Attributes
    ----------
    runs : the oldest first
    problems : files that could not be read, and why
    """

    runs: tuple[PastRun, ...] = ()
    problems: tuple[str, ...] = ()

    def following(self, configs: Mapping[str, StageConfig]) -> tuple[PastRun, ...]:
        """Return the runs whose stages ran in exactly these configurations."""
        return tuple(run for run in self.runs if run.configs == dict(configs))


def past_runs(workspace: Workspace, dag: str) -> History:
    """Return the runs that a workspace keeps of a workflow; unreadable ones are named."""
    runs, problems = [], []
    for path in sorted(workspace.runs(dag).glob("*/run.json")):
        try:
            runs.append(PastRun.model_validate_json(path.read_bytes()))
        except OSError as error:
            problems.append(f"{path}: {error.strerror or error}")
        except ValidationError as error:
            problems.append(f"{path}: {_first(error)}")
    return History(tuple(runs), tuple(problems))


def run_file(workspace: Workspace, run: PastRun) -> Path:
    """Return the file of a run."""
    return workspace.runs(run.dag) / run.run_id / "run.json"


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    return f"the field {place!r} is wrong: {problem['msg']}" if place else problem["msg"]
