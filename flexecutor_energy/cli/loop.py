"""``flexecutor-energy loop``: profile, train, optimize, execute and audit one workflow."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flexecutor_energy.cli import options as opt
from flexecutor_energy.cli.auditing import audit_table, energy_line, verdict
from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.execute import require_answer, run_document
from flexecutor_energy.cli.failures import reported
from flexecutor_energy.cli.measuring import Measured, measure, profile_table
from flexecutor_energy.cli.plans import certificate_line, plan_document, plan_path, save_plan
from flexecutor_energy.cli.stage_table import RunView
from flexecutor_energy.cli.sweeping import Reps, Sweeping
from flexecutor_energy.cli.tables import interval, ledger_table, percent, shown_path, table
from flexecutor_energy.cli.workflows import find_workflow
from flexecutor_energy.errors import ConfigurationError, InfeasibleError, MissingExtraError

if TYPE_CHECKING:
    from flexecutor_energy.dag import DAG
    from flexecutor_energy.execution.run import DAGRun
    from flexecutor_energy.optimization.plan import Plan
    from flexecutor_energy.prediction.report import TrainReport

_LOWER_CONFIDENCES = (0.9, 0.8, 0.5)
_ROUNDING = 1.001

Slack = Annotated[
    float,
    typer.Option("--slack", help="Deadline, as a multiple of the fastest plan's predicted time."),
]
Confidence = Annotated[
    float, typer.Option("--confidence", help="Share of runs that should keep the deadline.")
]


@dataclass(frozen=True, slots=True)
class _Outcome:
    measured: Measured
    report: "TrainReport"
    fastest: "Plan"
    plan: "Plan"
    run: "DAGRun"
    problem: str | None
    report_page: Path | None


@reported
def loop(
    show: Show,
    *,
    dag: opt.Dag = "ml",
    sweeping: Sweeping,
    reps: Reps = 3,
    slack: Slack = 1.5,
    confidence: Confidence = 0.95,
    dry_run: opt.DryRun = False,
) -> None:
    """Go round the whole loop: profile, train, plan the least energy, run it, compare.

    The deadline is the fastest plan's predicted time times --slack. A second time, what was
    measured before is used, and only the plan is run again.
    """
    if not slack > 0:
        raise ConfigurationError(f"--slack must be above 0, got {slack:g}")
    workflow = find_workflow(dag)
    space, built = sweeping.space(workflow), sweeping.build(workflow)
    if dry_run:
        from flexecutor_energy.cli.dryrun import foreseen

        forecast = foreseen(built, space, reps, resume=True)
        show.say(*forecast.lines(), "then one run more, of the plan that is found")
        show.document(forecast.document())
        return
    with sweeping.inputs(show, workflow, built) as storage:
        running = sweeping.running(storage)
        show.heading("profile: measure time and energy over the configurations")
        measured = measure(show, built, space, reps=reps, seed=sweeping.seed, **running)
        show.say(profile_table(measured.profiles))
        show.heading("train: predict both")
        report = built.train()
        show.say(str(report))
        fastest, plan = _plans(show, built, slack, confidence)
        show.heading("execute: run the plan")
        with RunView(show, built.stage_ids) as view:
            run = built.execute(plan, observers=[view.told], **running)
            view.finished(run)
        problem = workflow.problem_with(run, sweeping.size)
    page = _report(show, built, plan)
    outcome = _Outcome(measured, report, fastest, plan, run, problem, page)
    _audit(show, built, outcome)
    show.document(_document(outcome))
    require_answer(workflow, problem)


def _plans(show: Show, dag: "DAG", slack: float, confidence: float) -> "tuple[Plan, Plan]":
    show.heading("optimize: the fastest plan, then the least energy under a deadline")
    fastest = dag.optimize(objective="time")
    deadline_s = slack * fastest.time.mean
    plan = _promised(show, dag, deadline_s, confidence)
    save_plan(dag.workspace, plan)
    rows = table("", "fastest>", "least energy>")
    for stage_id in dag.stage_ids:
        rows.add_row(stage_id, str(fastest.configs[stage_id]), str(plan.configs[stage_id]))
    rows.add_row("time", interval(fastest.time, "s"), interval(plan.time, "s"))
    rows.add_row("energy", interval(fastest.energy, "J"), interval(plan.energy, "J"))
    show.say(rows)
    show.say(
        f"deadline {plan.terms.max_time:.3g} s (asked: {slack:g} × the fastest), to be kept in "
        f"{percent(plan.terms.confidence)} of runs; {certificate_line(plan)}"
    )
    return fastest, plan


def _promised(show: Show, dag: "DAG", deadline_s: float, confidence: float) -> "Plan":
    """Return the plan of least energy at the highest confidence that can be promised.

    The deadline stays. Where runs vary so much that no plan keeps it with the confidence asked
    for, a lower one is tried, and said; where not even half of the runs would keep it, the loop
    goes on with the least deadline that they would, and says that.
    """
    for level in (confidence, *(lower for lower in _LOWER_CONFIDENCES if lower < confidence)):
        try:
            return dag.optimize(objective="energy", max_time=deadline_s, confidence=level)
        except InfeasibleError as error:
            if error.bound != "max_time" or error.attainable is None:
                raise
            least_s = error.attainable
            show.say(
                f"{percent(level)} confidence: the least that can be promised is "
                f"{least_s:.3g} s, more than the deadline of {deadline_s:.3g} s"
            )
    show.say(f"runs vary too much for this deadline: going on with one of {least_s:.3g} s")
    return dag.optimize(objective="energy", max_time=least_s * _ROUNDING, confidence=level)


def _audit(show: Show, dag: "DAG", outcome: _Outcome) -> None:
    show.heading("audit: did the plan keep its word?")
    audit = outcome.run.audit
    show.say(audit_table(audit, "time"), "", audit_table(audit, "energy"), "")
    show.say(*verdict(outcome.plan.terms, outcome.run))
    show.say(energy_line(outcome.run.energy_detail))
    if outcome.problem is not None:
        show.say(f"answer: {f'WRONG, {outcome.problem}' if outcome.problem else 'right'}")
    show.heading("CPU ledger: where the processor time went")
    ledgers = [("sweep", outcome.measured.state.ledger), ("this run", outcome.run.ledger)]
    show.say(ledger_table(ledgers))
    show.heading("files")
    for what, path in _places(dag, outcome).items():
        show.say(f"{what:<9} {path}")


def _report(show: Show, dag: "DAG", plan: "Plan") -> Path | None:
    """Write the page about the plan and its runs; None where what draws it is not installed."""
    from flexecutor_energy.reports import write_report

    try:
        return write_report(dag, plan, dag.workspace.runs(dag.name) / "report.html")[0]
    except MissingExtraError as error:
        show.note(f"no report was written: {error}")
        return None


def _places(dag: "DAG", outcome: _Outcome) -> dict[str, str]:
    workspace, name = dag.workspace, dag.name
    places = {
        "profiles": workspace.profiles(name),
        "models": workspace.models(name),
        "plan": plan_path(workspace, name),
        "run": workspace.runs(name) / outcome.run.run_id,
    }
    if outcome.report_page is not None:
        places["report"] = outcome.report_page
    return {what: shown_path(path) for what, path in places.items()}


def _document(outcome: _Outcome) -> dict[str, Any]:
    return {
        "profile": outcome.measured.document(),
        "train": outcome.report,
        "fastest": plan_document(outcome.fastest),
        "plan": plan_document(outcome.plan),
        "run": run_document(outcome.run, outcome.problem),
        "report": outcome.report_page,
    }
