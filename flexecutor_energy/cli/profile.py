"""``flexecutor-energy profile``: measure a workflow over a space of configurations."""

from typing import Annotated, Any, cast

import typer

from flexecutor_energy.cli import options as opt
from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.failures import reported
from flexecutor_energy.cli.measuring import measure, profile_table, stop_lines
from flexecutor_energy.cli.optimize import MaxCost, MaxEnergy, MaxTime, Objective
from flexecutor_energy.cli.sweeping import Reps, Sweeping
from flexecutor_energy.cli.tables import ledger_table, shown_path
from flexecutor_energy.cli.workflows import find_workflow

BudgetRuns = Annotated[
    int | None,
    typer.Option("--budget-runs", metavar="N", help="Stop after N runs of the workflow."),
]
BudgetSeconds = Annotated[
    float | None,
    typer.Option("--budget-seconds", metavar="SECONDS", help="Begin no run after this time."),
]
BudgetJoules = Annotated[
    float | None,
    typer.Option("--budget-joules", metavar="JOULES", help="Begin no run once these are used."),
]
BudgetUsd = Annotated[
    float | None,
    typer.Option("--budget-usd", metavar="USD", help="The same, at prices of AWS Lambda."),
]
Adaptive = Annotated[
    bool,
    typer.Option(
        "--adaptive", help="Run next what could change the plan; stop when nothing should."
    ),
]
Epsilon = Annotated[
    float,
    typer.Option("--epsilon", metavar="SHARE", help="Estimated regret at which that stops."),
]
NoResume = Annotated[
    bool, typer.Option("--no-resume", help="Measure everything again; older runs are kept.")
]


@reported
def profile(
    show: Show,
    *,
    dag: opt.Dag = None,
    sweeping: Sweeping,
    reps: Reps = 3,
    budget_runs: BudgetRuns = None,
    budget_seconds: BudgetSeconds = None,
    budget_joules: BudgetJoules = None,
    budget_usd: BudgetUsd = None,
    adaptive: Adaptive = False,
    epsilon: Epsilon = 0.03,
    objective: Objective = "energy",
    max_time: MaxTime = None,
    max_cost: MaxCost = None,
    max_energy: MaxEnergy = None,
    no_resume: NoResume = False,
    dry_run: opt.DryRun = False,
) -> None:
    """Measure time and energy of every stage over a space of configurations.

    What was measured before counts, so the same command goes on where it was stopped. Without
    --cpu, --memory and --workers the workflow's own space is tried, or else cpu 0.5, 1, 2 by
    workers 1, 2, 4 at 1024 MB.

    With --adaptive only what could change the plan for --objective is measured, at most --reps
    times: bounds concern means, and the regret that ends it is an estimate.
    """
    from flexecutor_energy.profiling.budget import Budget

    workflow = find_workflow(dag)
    space, built = sweeping.space(workflow), sweeping.build(workflow)
    budget = Budget(budget_runs, budget_seconds, budget_joules, budget_usd)
    if dry_run:
        from flexecutor_energy.cli.dryrun import foreseen

        forecast = foreseen(
            built, space, reps, resume=not no_resume, adaptive=adaptive, seed=sweeping.seed
        )
        show.say(*forecast.lines())
        show.document(forecast.document())
        return
    with sweeping.inputs(show, workflow, built) as storage:
        measured = measure(
            show,
            built,
            space,
            reps=reps,
            budget=budget,
            resume=not no_resume,
            seed=sweeping.seed,
            adaptive=adaptive,
            epsilon=epsilon,
            objective=cast(Any, objective),
            max_time=max_time,
            max_cost=max_cost,
            max_energy=max_energy,
            **sweeping.running(storage),
        )
    show.say(profile_table(measured.profiles))
    show.say(*stop_lines(measured.state))
    if adaptive and (max_time or max_cost or max_energy):
        show.note(
            "bounds were taken to concern means; to promise them with a confidence, optimize "
            "rests on runs that cover all stages: 9 for 90 %, 19 for 95 %"
        )
    if measured.state.ledger is not None:
        show.say("", ledger_table([("this sweep", measured.state.ledger)]))
    show.say(
        f"\nprofiles: {shown_path(built.workspace.profiles(built.name))}",
        f"next: flexecutor-energy train --dag {workflow.name}",
    )
    show.document(measured.document())
