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

    from flexecutor_energy.auditing import AuditReport, Coverage, Drift

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
    stage, how that moves over time, and which stages to profile again: those of which more runs
    lie outside than chance explains (probability below 5 %), or that moved by 5 % or more in a
    trend that chance does not explain (likewise, from 6 runs on).
    """
    if last is not None and last < 1:
        raise ConfigurationError(f"--last must be at least 1, got {last}")
    workflow = find_workflow(dag)
    built = workflow.build(size, workspace)
    result = built.audit(last)
    for problem in result.problems:
        show.note(f"left out: {problem}")
    if not result.runs:
        raise ConfigurationError(
            f"no run of {built.name!r} that followed a plan is kept in "
            f"{built.workspace.runs(built.name)}; run: flexecutor-energy optimize and then "
            f"execute --dag {workflow.name}"
        )
    _show(show, result, workflow.name)
    show.document({"dag": built.name, **plain(result), "to_profile": result.to_profile})


def _show(show: Show, result: "AuditReport", name: str) -> None:
    show.say(f"{result.runs} runs followed a plan; {len(result.unplanned)} followed none")
    show.heading("whole runs")
    show.say(_coverages(result.whole, "quantity"))
    for bound in result.bounds:
        promised = "" if bound.promised is None else f"; promised: {percent(bound.promised)}"
        show.say(f"{bound.name}: kept in {bound.kept} of {bound.judged} runs{promised}")
    show.say(
        "measured costs count requests to the object store; predicted ones do where",
        "sweeps counted them",
    )
    since = "" if result.current == result.runs else ", of the newest predictions"
    show.heading(f"stages, {result.current} runs{since}")
    show.say(_coverages([row for row in result.stages if row.metric != "cost"], "stage"))
    for run_id, stages in result.differing.items():
        show.say(f"run {run_id}: {', '.join(stages)} did not run as planned and was not judged")
    moving = [d for d in result.drifts if not d.stage_id or (d.drifted and d.metric != "cost")]
    if moving:
        show.heading("measured / predicted over time: whole runs, and what moves")
        show.say(_drifts(moving))
    again = result.to_profile
    if not again:
        show.say("\nno stage is outside its intervals, or moving, beyond what chance explains")
        return
    show.say(
        f"\nprofile again: {', '.join(again)} (outside, or moving, beyond what chance explains)",
        f"next: flexecutor-energy profile --dag {name} --no-resume, then train and optimize",
    )


def _drifts(rows: "list[Drift]") -> "Table":
    result = table("quantity", "older half>", "newer half>", "change>", "")
    for row in rows:
        of_what = f"{row.stage_id or 'whole run'} {row.metric}"
        word = "MOVING" if row.drifted else ""
        change = f"{row.change:+.1%}"
        result.add_row(of_what, f"{row.early:.2f}", f"{row.late:.2f}", change, word)
    return result


def _coverages(rows: "list[Coverage] | tuple[Coverage, ...]", first: str) -> "Table":
    result = table(first, "inside>", "promised>", "measured / predicted>", "")
    for row in rows:
        of_what = f"{row.stage_id} {row.metric}".strip()
        if not row.judged or row.median is None:
            result.add_row(of_what, "-", "-", "unmeasured", "")
            continue
        span = f"{row.median:.2f} ({row.low:.2f} … {row.high:.2f})"
        inside = f"{row.inside} of {row.judged}"
        word = "OUTSIDE" if row.drifted else ""
        result.add_row(of_what, inside, percent(row.level), span, word)
    return result
