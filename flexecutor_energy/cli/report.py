"""``flexecutor-energy report``: one page about a plan, that needs no network."""

from pathlib import Path
from typing import Annotated

import typer

from flexecutor_energy.cli import options as opt
from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.failures import reported
from flexecutor_energy.cli.planned import PlanFile, planned_workflow
from flexecutor_energy.cli.tables import shown_path
from flexecutor_energy.errors import ConfigurationError

Out = Annotated[
    str, typer.Option("--out", metavar="FILE.html", help="The page; its numbers go beside it.")
]
Points = Annotated[int, typer.Option("--points", help="How many points each front should have.")]
TimeLimit = Annotated[
    float,
    typer.Option(
        "--time-limit", metavar="SECONDS", help="For the solver: fronts, and plans to compare."
    ),
]


@reported
def report(
    show: Show,
    dag: opt.Dag = None,
    size: opt.Size = None,
    workspace: opt.Workspace = None,
    plan: PlanFile = None,
    out: Out = "report.html",
    points: Points = 15,
    time_limit: TimeLimit = 10.0,
) -> None:
    """Write one HTML page about a plan: trade-offs, stages, schedule, runs, errors, proof.

    The page holds everything it needs, so it can be mailed and read without a network. The same
    numbers are written beside it, as JSON and CSV.
    """
    if points < 2:
        raise ConfigurationError(f"--points must be at least 2, got {points}")
    if not time_limit > 0:
        raise ConfigurationError(f"--time-limit must be above 0, got {time_limit:g}")
    from flexecutor_energy.reports import write_report

    built, found = planned_workflow(show, dag, size, workspace, plan)
    path = Path(out).absolute()
    files = write_report(built, found, path, points=points, time_limit_s=time_limit)
    show.say(f"report: {shown_path(files[0])}")
    show.say(f"numbers: {', '.join(file.name for file in files[1:])}")
    show.document({"report": files[0], "numbers": files[1:], "dag": built.name})
