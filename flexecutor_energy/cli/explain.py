"""``flexecutor-energy explain``: why a plan is as it is."""

from pathlib import Path
from typing import Annotated

import typer

from flexecutor_energy.cli import options as opt
from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.failures import reported
from flexecutor_energy.cli.planned import newest_plan
from flexecutor_energy.cli.plans import read_plan
from flexecutor_energy.cli.workflows import find_workflow
from flexecutor_energy.errors import ConfigurationError

PlanArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[PLAN.json]",
        help="A plan; by default the newest of the workflow.",
        show_default=False,
    ),
]


@reported
def explain(
    show: Show,
    plan: PlanArgument = None,
    dag: opt.Dag = None,
    size: opt.Size = None,
    workspace: opt.Workspace = None,
) -> None:
    """Explain a plan: each stage's runner-up, slack, which bound binds, what is saved.

    A plan file is enough: it holds all its candidates and its proof.
    """
    from flexecutor_energy.reports.stage_rows import stage_rows

    if plan is not None and dag is not None:
        raise ConfigurationError("give either PLAN.json or --dag, not both")
    if plan is not None:
        found = read_plan(Path(plan))
    else:
        found = newest_plan(show, find_workflow(dag).build(size, workspace))
    text = found.explain()
    show.say(text)
    if show.for_machines:
        show.document({"dag": found.dag, "text": text, "stages": stage_rows(found)})
