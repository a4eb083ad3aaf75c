"""``flexecutor-energy audit``: whether plans kept their word, over all runs so far."""

from typing import TYPE_CHECKING, Annotated

import typer

from flexecutor_energy.cli import options as opt
from flexecutor_energy.cli.console import Show, plain
from flexecutor_energy.cli.failures import reported
from flexecutor_energy.cli.tables import percent, table
from flexecutor_energy.cli.workflows import find_workflow
from flexecutor_energy.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.table import Table

    from flexecutor_energy.reports.coverage import Coverage, PlansAudit

Last = Annotated[
    int | None,
    typer.Option(
        "--last", metavar="RUNS", help="Only the newest runs; all by default.", show_default=False
    ),
]


@reported
def audit(
    show: Show,
    dag: opt.Dag = None,
    size: opt.Size = None,
    workspace: opt.Workspace = None,
    last: Last = None,
) -> None:
    """Compare all runs of a workflow with the plans they followed.

    Shows how often measurements lay inside their intervals, measured over predicted for each
    stage, and which stages to profile again: those of which more runs lay outside than chance
    explains (probability below 5 %).
    """
    from flexecutor_energy.reports.coverage import audit_runs
    from flexecutor_energy.reports.past_runs import past_runs

    if last is not None and last < 1:
        raise ConfigurationError(f"--last must be at least 1, got {last}")
    workflow = find_workflow(dag)
    built = workflow.build(size, workspace)
    history = past_runs(built.workspace, built.name)
    for problem in history.problems:
        show.note(f"left out: {problem}")
    result = audit_runs(history.runs[-last:] if last is not None else history.runs)
    if not result.runs:
        raise ConfigurationError(
            f"no run of {built.name!r} that followed a plan is kept in "
            f"{built.workspace.runs(built.name)}; run: flexecutor-energy optimize and then "
            f"execute --dag {workflow.name}"
        )
    _show(show, result, workflow.name)
    again = {"to_profile": result.to_profile, "problems": history.problems}
    show.document({"dag": built.name, **plain(result), **again})


def _show(show: Show, result: "PlansAudit", name: str) -> None:
    show.say(f"{result.runs} runs followed a plan; {len(result.unplanned)} followed none")
    show.heading("whole runs")
    show.say(_coverages(result.whole, "quantity"))
    for bound in result.bounds:
        show.say(f"{bound.name}: kept in {bound.kept} of {bound.judged} runs")
    show.say("measured costs count requests to the object store; predicted costs do not")
    show.heading("stages")
    show.say(_coverages([row for row in result.stages if row.metric != "cost"], "stage"))
    for run_id, stages in result.differing.items():
        show.say(f"run {run_id}: {', '.join(stages)} did not run as planned and was not judged")
    again = result.to_profile
    if not again:
        show.say("\nno stage lies outside its intervals more often than chance explains")
        return
    show.say(
        f"\nprofile again: {', '.join(again)} (outside more often than chance explains)",
        f"next: flexecutor-energy profile --dag {name} --no-resume, then train and optimize",
    )


def _coverages(rows: "list[Coverage] | tuple[Coverage, ...]", first: str) -> "Table":
    result = table(first, "inside>", "promised>", "measured / predicted>", "")
    for row in rows:
        of_what = f"{row.stage_id} {row.metric}".strip()
        if not row.judged or row.median is None:
            result.add_row(of_what, "-", "-", "unmeasured", "")
            continue
        span = f"{row.median:.2f} ({row.low:.2f} … {row.high:.2f})"
        inside = f"{row.inside} of {row.judged}"
        word = "DRIFTED" if row.drifted else ""
        result.add_row(of_what, inside, percent(row.level), span, word)
    return result
