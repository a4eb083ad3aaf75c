"""Everything that a report shows, as numbers; pages, pictures and files are made of it."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from flexecutor_energy.auditing.past_runs import History, past_runs
from flexecutor_energy.errors import NotTrainedError
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.prediction.report import TrainReport
from flexecutor_energy.prediction.store import load_model, load_report
from flexecutor_energy.prediction.workflow_model import WorkflowModel
from flexecutor_energy.records.energy_facts import energy_facts
from flexecutor_energy.records.run import Profile
from flexecutor_energy.reports.accuracy import HeldOut, held_out_runs
from flexecutor_energy.reports.curves import StageCurves, curves_of
from flexecutor_energy.reports.front import Front, front_of
from flexecutor_energy.reports.gantt import Schedule, measured_schedule, planned_schedule
from flexecutor_energy.reports.methods import MethodShare, compared_methods
from flexecutor_energy.reports.stage_rows import StageRow, stage_rows

if TYPE_CHECKING:
    from flexecutor_energy.dag import DAG

_RUNS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Sources:
    """What a report is made from.

    Attributes
    ----------
    plan : the plan
    profiles : what was measured, by stage; empty where nothing was
    model, training : the predictors and their held-out errors; None where there are none
    history : runs that were executed before
    """

    plan: Plan
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    model: WorkflowModel | None = None
    training: TrainReport | None = None
    history: History = field(default_factory=History)

    @classmethod
    def of(cls, dag: "DAG", plan: Plan) -> "Sources":
        """Return what the workspace of a workflow holds, beside a plan."""
        model: WorkflowModel | None = None
        training: TrainReport | None = None
        with contextlib.suppress(NotTrainedError):
            model = load_model(dag.workspace, dag.name)
            training = load_report(dag.workspace, dag.name)
        history = past_runs(dag.workspace, dag.name)
        return cls(plan, dag.profiles(), model, training, history)

    @property
    def energy_source(self) -> str:
        """Where the joules come from, in words; why there are none otherwise."""
        if self.plan.energy_source:
            return self.plan.energy_source
        return energy_facts(self.profiles.values()).describe()


@dataclass(frozen=True, slots=True)
class Contents:
    """What a report shows.

    Attributes
    ----------
    sources : what it is made from
    stages : the stages of the plan
    front : time against energy and cost
    curves : time and energy against workers
    planned, measured : the plan in time, and the newest run that followed it, if any
    held_out : predicted against measured, of held-out runs
    methods : energy methods that ran side by side
    explained : the plan in words
    notes : what a reader should know
    """

    sources: Sources
    stages: tuple[StageRow, ...]
    front: Front
    curves: tuple[StageCurves, ...]
    planned: Schedule
    measured: Schedule | None
    held_out: tuple[HeldOut, ...]
    methods: tuple[MethodShare, ...]
    explained: str
    notes: tuple[str, ...]

    @property
    def plan(self) -> Plan:
        """The plan."""
        return self.sources.plan


def contents_of(sources: Sources, *, points: int = 15, time_limit_s: float = 10.0) -> Contents:
    """Return what there is to show.

    Parameters
    ----------
    sources : what it is made from
    points : how many points each front should have
    time_limit_s : seconds for the solver: for the fronts, and for the alternatives
    """
    plan = sources.plan
    recent = replace(sources.history, runs=sources.history.runs[-_RUNS_SHOWN:])
    followed = recent.following(plan.configs)
    front = front_of(plan, recent.runs, points=points, time_limit_s=time_limit_s)
    return Contents(
        sources=sources,
        stages=stage_rows(plan),
        front=front,
        curves=curves_of(plan, sources.profiles),
        planned=planned_schedule(plan),
        measured=measured_schedule(followed[-1], plan) if followed else None,
        held_out=held_out_runs(sources.model, plan.terms.scope) if sources.model else (),
        methods=compared_methods(sources.profiles),
        explained=plan.explain(),
        notes=_notes(sources, front),
    )


def _notes(sources: Sources, front: Front) -> tuple[str, ...]:
    notes = list(front.notes)
    if sources.plan.energy is None:
        notes.append(
            f"Energy is {sources.energy_source}, so time and cost are shown alone; profile "
            "with energy='auto' to have joules."
        )
    if sources.history.runs:
        notes.append(
            "Measured costs count requests to the object store; predicted ones do where sweeps "
            "counted them."
        )
    if len(sources.history.runs) > _RUNS_SHOWN:
        notes.append(f"the {_RUNS_SHOWN} newest of {len(sources.history.runs)} runs are shown")
    if sources.model is None:
        notes.append("no predictors are kept in this workspace, so their errors are not shown")
    notes += [f"left out: {problem}" for problem in sources.history.problems]
    return tuple(notes)
