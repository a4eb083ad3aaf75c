"""``flexecutor-energy execute``: run a workflow and see whether the plan kept its word."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flexecutor_energy.cli import options as opt
from flexecutor_energy.cli.auditing import audit_table, energy_line, verdict
from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.failures import reported
from flexecutor_energy.cli.measuring import config_document, inputs_in_place
from flexecutor_energy.cli.plans import read_plan, stored_plan
from flexecutor_energy.cli.spaces import one_config
from flexecutor_energy.cli.stage_table import RunView
from flexecutor_energy.cli.tables import ledger_table, shown_path, table
from flexecutor_energy.cli.workflows import Workflow, find_workflow
from flexecutor_energy.errors import ConfigurationError, ExecutionError
from flexecutor_energy.quantities import format_quantity

if TYPE_CHECKING:
    from flexecutor_energy.dag import DAG
    from flexecutor_energy.execution.run import DAGRun
    from flexecutor_energy.optimization.plan import Plan

PlanFile = Annotated[
    str | None,
    typer.Option(
        "--plan", metavar="PLAN.json", help="The plan; by default the newest of the workspace."
    ),
]
Retries = Annotated[
    int, typer.Option("--retries", help="How often a failed worker is tried again.")
]
KeepAll = Annotated[
    bool, typer.Option("--keep-intermediates", help="Keep what only other stages read.")
]


@reported
def execute(
    show: Show,
    dag: opt.Dag = None,
    size: opt.Size = None,
    workspace: opt.Workspace = None,
    plan: PlanFile = None,
    cpu: opt.Cpu = None,
    memory: opt.Memory = None,
    workers: opt.Workers = None,
    backend: opt.Backend = "lithops",
    storage: opt.Storage = None,
    energy: opt.Energy = "auto",
    timeout: opt.Timeout = None,
    retries: Retries = 2,
    keep_intermediates: KeepAll = False,
    dry_run: opt.DryRun = False,
) -> None:
    """Run the workflow once, by a plan or in one plain configuration of all stages."""
    named = read_plan(Path(plan)) if plan is not None else None
    workflow = find_workflow(dag or (named.dag if named is not None else None))
    built = workflow.build(size, workspace)
    config = one_config(cpu, memory, workers)
    if named is not None and config is not None:
        raise ConfigurationError("give either --plan or --cpu and --workers, not both")
    chosen = named
    if config is not None:
        for stage in built.stages:
            stage.resource_config = config
    elif chosen is None:
        command = f"flexecutor-energy optimize --dag {workflow.name}"
        chosen = stored_plan(built.workspace, built.name, command)
    if chosen is not None and chosen.dag != built.name:
        raise ConfigurationError(f"the plan is of {chosen.dag!r}, the workflow is {built.name!r}")
    if dry_run:
        from flexecutor_energy.cli.dryrun import run_foreseen

        own = {stage.stage_id: config for stage in built.stages if config is not None}
        configs = chosen.configs if chosen is not None else own
        lines, document = run_foreseen(built, configs, chosen)
        show.say(*lines)
        show.document(document)
        return
    with inputs_in_place(show, workflow, built, size, storage, backend) as opened:
        with RunView(show, built.stage_ids) as view:
            run = built.execute(
                chosen,
                backend=backend,
                storage=opened,
                timeout=timeout,
                retries=retries,
                energy=energy,
                keep_intermediates=keep_intermediates,
                observers=[view.told],
            )
            view.finished(run)
        problem = workflow.problem_with(run, size)
    show_run(show, built, run, chosen, problem)
    show.document(run_document(run, problem))
    require_answer(workflow, problem)


def show_run(
    show: Show, dag: "DAG", run: "DAGRun", plan: "Plan | None", problem: str | None
) -> None:
    """Print a run for people: beside its plan, where it followed one."""
    if plan is None:
        rows = table("stage", "ran as", "time>", "energy>")
        for stage_id, stage in run.stages.items():
            time, joules = format_quantity(stage.time, "s"), format_quantity(stage.energy, "J")
            rows.add_row(stage_id, str(stage.config), time, joules)
        total = format_quantity(run.time, "s"), format_quantity(run.energy, "J")
        rows.add_row("total", "", *total)
        show.say(rows)
    else:
        show.say(audit_table(run.audit, "time"), "", audit_table(run.audit, "energy"), "")
        show.say(*verdict(plan.terms, run))
    show.say(energy_line(run.energy_detail), "", ledger_table([("this run", run.ledger)]), "")
    answers = {None: "", "": "answer: checked, right"}.get(problem, f"answer: WRONG, {problem}")
    folder = shown_path(dag.workspace.runs(dag.name) / run.run_id)
    show.say(*(line for line in (answers, f"run: {folder}") if line))


def run_document(run: "DAGRun", problem: str | None) -> dict[str, Any]:
    """Return a run for machines."""
    return {
        **run.to_dict(),
        "configs": {s: config_document(stage.config) for s, stage in run.stages.items()},
        "answer": {"checked": problem is not None, "problem": problem or None},
    }


def require_answer(workflow: Workflow, problem: str | None) -> None:
    """Raise an ExecutionError if the oracle of the workflow found a run's answer wrong."""
    if problem:
        raise ExecutionError(f"the answer of {workflow.name} is wrong: {problem}")
