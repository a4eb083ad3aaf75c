"""``flexecutor-energy train``: fit predictors of time and energy to what was measured."""

from typing import Annotated

import typer

from flexecutor_energy.cli import options as opt
from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.failures import reported
from flexecutor_energy.cli.tables import shown_path
from flexecutor_energy.cli.workflows import find_workflow

IncludeStale = Annotated[
    bool,
    typer.Option("--include-stale", help="Also use runs of other code or other input."),
]
TransferFrom = Annotated[
    str | None,
    typer.Option(
        "--transfer-from",
        metavar="FOLDER|stale",
        help="Profiles of another machine that help where new runs are few; "
        "stale: of another input.",
        show_default=False,
    ),
]


@reported
def train(
    show: Show,
    dag: opt.Dag = None,
    size: opt.Size = None,
    workspace: opt.Workspace = None,
    include_stale: IncludeStale = False,
    transfer_from: TransferFrom = None,
) -> None:
    """Fit predictors of time and energy, and show their error on held-out configurations."""
    workflow = find_workflow(dag)
    built = workflow.build(size, workspace)
    report = built.train(include_stale=include_stale, transfer_from=transfer_from)
    folder = built.workspace.models(built.name)
    show.say(
        str(report),
        f"\nmodels: {shown_path(folder)}",
        f"next: flexecutor-energy optimize --dag {workflow.name} --objective energy",
    )
    show.document({"dag": report.dag, "folder": folder, "stages": report.stages})
