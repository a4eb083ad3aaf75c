"""``flexecutor-energy optimize``: choose the configuration of every stage, with a proof."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast, get_args

import typer

from flexecutor_energy.cli import options as opt
from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.failures import reported
from flexecutor_energy.cli.plans import (
    certificate_line,
    plan_document,
    save_plan,
    save_text,
)
from flexecutor_energy.cli.spaces import given_space
from flexecutor_energy.cli.tables import percent, shown_path
from flexecutor_energy.cli.workflows import find_workflow
from flexecutor_energy.errors import ConfigurationError, GapError

if TYPE_CHECKING:
    from flexecutor_energy.optimization.plan import Plan

_GOAL = "What for"

Objective = Annotated[
    str,
    typer.Option(
        "--objective",
        metavar="energy|time|cost|edp",
        help="What is minimised, in the mean.",
        rich_help_panel=_GOAL,
    ),
]
MaxTime = Annotated[
    float | None,
    typer.Option("--max-time", metavar="SECONDS", help="Deadline.", rich_help_panel=_GOAL),
]
MaxCost = Annotated[
    float | None,
    typer.Option("--max-cost", metavar="USD", help="Budget.", rich_help_panel=_GOAL),
]
MaxEnergy = Annotated[
    float | None,
    typer.Option("--max-energy", metavar="JOULES", help="Budget.", rich_help_panel=_GOAL),
]
Confidence = Annotated[
    float,
    typer.Option(
        "--confidence", help="Share of runs that should keep the bounds.", rich_help_panel=_GOAL
    ),
]
Scope = Annotated[
    str,
    typer.Option(
        "--scope",
        metavar="marginal|provisioned|host",
        help="Whose joules count.",
        rich_help_panel=_GOAL,
    ),
]
Capacity = Annotated[
    str | None,
    typer.Option(
        "--capacity",
        metavar="CORES|host",
        help="Cores that all stages share; host: those of the profiled hosts. No limit if absent.",
        rich_help_panel=_GOAL,
        show_default=False,
    ),
]
Gap = Annotated[
    float,
    typer.Option("--gap", help="Share by which the plan may miss its proven bound."),
]
TimeLimit = Annotated[
    float, typer.Option("--time-limit", metavar="SECONDS", help="For the solver.")
]
Out = Annotated[
    str | None,
    typer.Option("--out", metavar="PLAN.json", help="Also write the plan to this file."),
]


@reported
def optimize(
    show: Show,
    dag: opt.Dag = None,
    size: opt.Size = None,
    workspace: opt.Workspace = None,
    objective: Objective = "energy",
    max_time: MaxTime = None,
    max_cost: MaxCost = None,
    max_energy: MaxEnergy = None,
    confidence: Confidence = 0.95,
    scope: Scope = "provisioned",
    capacity: Capacity = None,
    cpu: opt.Cpu = None,
    memory: opt.Memory = None,
    workers: opt.Workers = None,
    gap: Gap = 0.005,
    time_limit: TimeLimit = 60.0,
    out: Out = None,
) -> None:
    """Choose the configuration of every stage: least energy, time or cost within your bounds.

    Without --cpu and --workers the choice is among what was profiled. The plan is kept in the
    workspace for 'execute', and names its proven lower bound.
    """
    _check(objective, {"--max-time": max_time, "--max-cost": max_cost, "--max-energy": max_energy})
    if not 0 <= gap < 1:
        raise ConfigurationError(f"--gap must lie between 0 and 1, got {gap:g}")
    shared = _cores(capacity)
    workflow = find_workflow(dag)
    built = workflow.build(size, workspace)
    plan = built.optimize(
        objective=cast(Any, objective),
        max_time=max_time,
        max_cost=max_cost,
        max_energy=max_energy,
        confidence=confidence,
        scope=cast(Any, scope),  # both are checked there
        space=given_space(cpu, memory, workers),
        capacity=shared,
        gap=gap,
        time_limit_s=time_limit,
    )
    kept = save_plan(built.workspace, plan)
    if out is not None:
        save_text(Path(out), plan.to_json())
    show.say(
        plan.explain(),
        f"\nplan: {shown_path(Path(out).absolute() if out is not None else kept)}",
        f"next: flexecutor-energy execute --dag {workflow.name}",
    )
    show.document(plan_document(plan))
    _require_gap(plan, gap)


def check_objective(objective: str) -> None:
    """Raise ConfigurationError if nobody knows how to minimise this."""
    from flexecutor_energy.optimization.objective import Objective as Known

    known = get_args(Known)
    if objective not in known:
        raise ConfigurationError(f"unknown objective {objective!r}; known: {', '.join(known)}")


def _check(objective: str, bounds: Mapping[str, float | None]) -> None:
    """Refuse what makes no sense before profiles and models are looked for."""
    check_objective(objective)
    for option, value in bounds.items():
        if value is not None and not value > 0:
            raise ConfigurationError(f"{option} must be above 0, got {value:g}")


def _cores(capacity: str | None) -> float | Literal["host"] | None:
    if capacity is None:
        return None
    if capacity == "host":
        return "host"
    try:
        cores = float(capacity)
    except ValueError:
        cores = math.nan
    if not 0 < cores < math.inf:
        raise ConfigurationError(f"--capacity must be a number of cores or host, got {capacity}")
    return cores


def _require_gap(plan: "Plan", gap: float) -> None:
    if plan.certificate.gap > gap:
        raise GapError(
            f"{certificate_line(plan)}; allowed is {percent(gap, 2)}. Give the solver more time "
            "with --time-limit, or accept more with --gap; the plan was kept"
        )
