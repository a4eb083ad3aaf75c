"""``flexecutor-energy explain``: why a plan is as it is."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from flexecutor_energy.cli import options as opt
from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.failures import reported
from flexecutor_energy.cli.optimize import check_objective
from flexecutor_energy.cli.planned import newest_plan
from flexecutor_energy.cli.plans import read_plan
from flexecutor_energy.cli.workflows import find_workflow
from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.quantities import format_quantity

if TYPE_CHECKING:
    from flexecutor_energy.optimization.plan import Plan

PlanArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[PLAN.json]",
        help="A plan; by default the newest of the workflow.",
        show_default=False,
    ),
]


_WHAT_IF = "What if"

MaxTime = Annotated[
    str | None,
    typer.Option(
        "--max-time",
        metavar="SECONDS|none",
        help="Explain the plan for another deadline.",
        show_default=False,
        rich_help_panel=_WHAT_IF,
    ),
]
MaxCost = Annotated[
    str | None,
    typer.Option(
        "--max-cost",
        metavar="USD|none",
        help="The plan for another budget.",
        show_default=False,
        rich_help_panel=_WHAT_IF,
    ),
]
MaxEnergy = Annotated[
    str | None,
    typer.Option(
        "--max-energy",
        metavar="JOULES|none",
        help="The plan for another budget.",
        show_default=False,
        rich_help_panel=_WHAT_IF,
    ),
]
Objective = Annotated[
    str | None,
    typer.Option(
        "--objective",
        metavar="energy|time|cost|edp",
        help="The plan that minimises something else.",
        show_default=False,
        rich_help_panel=_WHAT_IF,
    ),
]


@reported
def explain(
    show: Show,
    plan: PlanArgument = None,
    dag: opt.Dag = None,
    size: opt.Size = None,
    workspace: opt.Workspace = None,
    max_time: MaxTime = None,
    max_cost: MaxCost = None,
    max_energy: MaxEnergy = None,
    objective: Objective = None,
) -> None:
    """Explain a plan: runners-up, slack, what binds, what is saved, and how sure that is.

    A plan file is enough: it holds all its candidates and its proof. With a bound or an objective
    the plan that would answer it is made from the same candidates, and explained instead; what is
    not given stays as the plan has it.
    """
    from flexecutor_energy.reports.stage_rows import stage_rows

    if plan is not None and dag is not None:
        raise ConfigurationError("give either PLAN.json or --dag, not both")
    asked = {"max_time": max_time, "max_cost": max_cost, "max_energy": max_energy}
    changes = {name: _bound(name, text) for name, text in asked.items() if text is not None}
    if objective is not None:
        check_objective(objective)
    if plan is not None:
        found = read_plan(Path(plan))
    else:
        found = newest_plan(show, find_workflow(dag).build(size, workspace))
    if changes or objective is not None:
        before = found
        found = found.what_if(**changes, objective=cast(Any, objective))
        show.say(f"What if: {_change(before, found)}", "")
    text = found.explain()
    show.say(text)
    if show.for_machines:
        show.document(
            {
                "dag": found.dag,
                "text": text,
                "stages": stage_rows(found),
                "comparison": found.compare(),
                "robustness": found.robustness(),
            }
        )


def _bound(name: str, text: str) -> float | None:
    """Return the bound that was asked for; None for none."""
    if text == "none":
        return None
    try:
        bound = float(text)
    except ValueError:
        bound = math.nan
    if not 0 < bound < math.inf:
        option = "--" + name.replace("_", "-")
        raise ConfigurationError(f"{option} must be a number above 0 or none, got {text}")
    return bound


def _change(before: "Plan", after: "Plan") -> str:
    """Say by how much another plan differs in the mean."""
    parts = []
    for name, unit in (("time", "s"), ("energy", "J"), ("cost", "USD")):
        old, new = getattr(before, name), getattr(after, name)
        if old is not None and new is not None:
            by = new.mean - old.mean
            sign = "-" if by < 0 else "+"
            parts.append(f"{name} {sign}{format_quantity(abs(by), unit)}")
    return ", ".join(parts)
