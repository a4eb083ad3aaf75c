"""``flexecutor-energy pareto``: the trade-off between time, energy and cost."""

from typing import TYPE_CHECKING, Annotated

import typer

from flexecutor_energy.cli import options as opt
from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.failures import reported
from flexecutor_energy.cli.planned import PlanFile, planned_workflow
from flexecutor_energy.cli.tables import table
from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.quantities import format_quantity

if TYPE_CHECKING:
    from rich.table import Table

    from flexecutor_energy.reports.front import FrontPoint

Points = Annotated[int, typer.Option("--points", help="How many points to find.")]
Against = Annotated[
    str | None,
    typer.Option(
        "--against",
        metavar="energy|cost",
        help="What is traded for time; energy by default, where it is known.",
        show_default=False,
    ),
]
TimeLimit = Annotated[float, typer.Option("--time-limit", metavar="SECONDS", help="For all.")]
Configs = Annotated[
    bool, typer.Option("--configs", help="Also the configuration of each stage at each point.")
]


@reported
def pareto(
    show: Show,
    dag: opt.Dag = None,
    size: opt.Size = None,
    workspace: opt.Workspace = None,
    plan: PlanFile = None,
    points: Points = 15,
    against: Against = None,
    time_limit: TimeLimit = 30.0,
    configs: Configs = False,
) -> None:
    """List the plans that no other plan beats in both time and energy (or cost).

    Bounds of the plan are left aside, so that one sees what they cost. Below the front stand the
    plan itself, the fastest, the cheapest and the best that runs all stages alike.
    """
    from flexecutor_energy.reports.front import front_of

    if points < 2:
        raise ConfigurationError(f"--points must be at least 2, got {points}")
    if against not in (None, "energy", "cost"):
        raise ConfigurationError(f"unknown --against {against!r}; known: energy, cost")
    _, found = planned_workflow(show, dag, size, workspace, plan)
    if against == "energy" and found.energy is None:
        raise ConfigurationError(
            f"the plan holds no energy: {found.energy_source}; take --against cost"
        )
    goal = against or ("cost" if found.energy is None else "energy")
    front = front_of(found, points=points, time_limit_s=time_limit)
    rows = [*front.line(goal), *front.marks]
    show.say(_rows(rows, energy=found.energy is not None), "")
    if configs:
        for point in rows:
            show.heading(point.name)
            show.say(*(f"{stage_id:<16} {how}" for stage_id, how in point.configs.items()))
    for note in front.notes:
        show.note(note)
    if found.energy is not None:
        show.say(f"energy: {found.energy_source}; scope {found.terms.scope}")
    show.document(
        {
            "dag": found.dag,
            "against": goal,
            "energy_source": found.energy_source,
            "points": rows,
            "notes": front.notes,
        }
    )


def _rows(points: "list[FrontPoint]", *, energy: bool) -> "Table":
    result = table("plan", "time>", *(["energy>"] if energy else []), "cost>", "")
    for point in points:
        joules = [format_quantity(point.energy.mean, "J")] if energy and point.energy else []
        cost = "unknown" if point.cost is None else format_quantity(point.cost.mean, "USD")
        broken = "breaks a bound" if point.broken else ""
        result.add_row(point.name, format_quantity(point.time.mean, "s"), *joules, cost, broken)
    return result
