"""``flexecutor-energy plot``: pictures for papers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flexecutor_energy.cli import options as opt
from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.failures import reported
from flexecutor_energy.cli.planned import PlanFile, planned_workflow
from flexecutor_energy.cli.tables import shown_path
from flexecutor_energy.errors import ConfigurationError, NotTrainedError, UnknownStageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from flexecutor_energy.dag import DAG
    from flexecutor_energy.optimization.plan import Plan
    from flexecutor_energy.reports.curves import StageCurves

KINDS = ("parallelism", "pareto", "gantt", "accuracy", "dag")
_MOST_STAGES = 8

Kind = Annotated[str, typer.Argument(metavar="|".join(KINDS), help="What to draw.")]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="png|svg|pdf",
        help="Of the picture; by default as the file's name ends, or png.",
        show_default=False,
    ),
]
Out = Annotated[
    str | None,
    typer.Option("--out", metavar="FILE", help="The picture; by default DAG-KIND.png here."),
]
Stages = Annotated[
    list[str] | None,
    typer.Option(
        "--stage",
        metavar="ID",
        help=f"A stage of 'parallelism', more than once for more; by default the {_MOST_STAGES} "
        "that take most.",
        show_default=False,
    ),
]
Points = Annotated[int, typer.Option("--points", help="How many points of the front to find.")]


@reported
def plot(
    show: Show,
    kind: Kind,
    dag: opt.Dag = None,
    size: opt.Size = None,
    workspace: opt.Workspace = None,
    plan: PlanFile = None,
    format_: Format = None,
    out: Out = None,
    stage: Stages = None,
    points: Points = 20,
) -> None:
    """Draw a picture for a paper: PNG, SVG or PDF.

    parallelism: workers against time and energy, measured and predicted. pareto: time against
    energy and cost. gantt: the plan in time, with the newest run that followed it. accuracy:
    held-out predictions against measurements. dag: the stages and who waits for whom.
    """
    from flexecutor_energy.drawing.figures import FORMATS, save_figure

    if kind not in KINDS:
        raise ConfigurationError(f"unknown picture {kind!r}; known: {', '.join(KINDS)}")
    ending = Path(out).suffix.removeprefix(".").lower() if out is not None else ""
    chosen = format_ or ending or "png"
    if chosen not in FORMATS:
        raise ConfigurationError(f"unknown format {chosen!r}; known: {', '.join(FORMATS)}")
    if points < 2:
        raise ConfigurationError(f"--points must be at least 2, got {points}")
    built, found = planned_workflow(show, dag, size, workspace, plan)
    path = Path(out if out is not None else f"{built.name}-{kind}.{chosen}").absolute()
    save_figure(_figure(show, kind, built, found, stage, points), path, chosen)
    show.say(f"picture: {shown_path(path)}")
    show.document({"picture": path, "kind": kind, "format": chosen, "dag": built.name})


def _figure(
    show: Show, kind: str, dag: "DAG", plan: "Plan", stages: list[str] | None, points: int
) -> "Figure":
    from flexecutor_energy.auditing.past_runs import past_runs
    from flexecutor_energy.drawing.workflow import workflow_figure
    from flexecutor_energy.reports import plots
    from flexecutor_energy.reports.curves import curves_of
    from flexecutor_energy.reports.front import front_of
    from flexecutor_energy.reports.gantt import measured_schedule, planned_schedule

    if kind == "dag":
        return workflow_figure(dag, plan)
    if kind == "accuracy":
        return _accuracy(dag, plan)
    if kind == "parallelism":
        picked = _picked(show, plan, curves_of(plan, dag.profiles()), stages)
        return plots.plot_parallelism(picked, plan)
    history = past_runs(dag.workspace, dag.name)
    for problem in history.problems:
        show.note(f"left out: {problem}")
    if kind == "pareto":
        return plots.plot_front(front_of(plan, history.runs, points=points), plan)
    followed = history.following(plan.configs)
    measured = measured_schedule(followed[-1], plan) if followed else None
    return plots.plot_gantt(planned_schedule(plan), measured, plan)


def _accuracy(dag: "DAG", plan: "Plan") -> "Figure":
    from flexecutor_energy.prediction.store import load_model, load_report
    from flexecutor_energy.reports.accuracy import held_out_runs
    from flexecutor_energy.reports.plots import plot_accuracy

    runs = held_out_runs(load_model(dag.workspace, dag.name), plan.terms.scope)
    if not any(run.predicted_time_s is not None for run in runs):
        raise NotTrainedError(
            f"the predictors of {dag.name!r} held nothing out, since one configuration was "
            f"measured; run: flexecutor-energy profile --dag {dag.name} with more of them"
        )
    return plot_accuracy(runs, load_report(dag.workspace, dag.name), plan)


def _picked(
    show: Show, plan: "Plan", curves: "tuple[StageCurves, ...]", stages: list[str] | None
) -> "list[StageCurves]":
    """Return the curves of the stages asked for, or of those that take most."""
    for stage_id in stages or ():
        if stage_id not in plan.configs:
            raise UnknownStageError(stage_id, list(plan.configs), "--stage")
    if stages:
        return [curve for curve in curves if curve.stage_id in stages]
    if len(curves) > _MOST_STAGES:
        show.note(f"drawing {_MOST_STAGES} of {len(curves)} stages; --stage picks others")

    def takes(stage_id: str) -> float:
        stage = plan.chosen[stage_id]
        return (stage.energy or stage.time).mean

    most = sorted(plan.configs, key=takes, reverse=True)[:_MOST_STAGES]
    return [curve for curve in curves if curve.stage_id in most]
