"""The plan that a command is about: a file, the newest of the workspace, or one made now."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.plans import plan_path, read_plan
from flexecutor_energy.cli.workflows import find_workflow
from flexecutor_energy.errors import ConfigurationError

if TYPE_CHECKING:
    from flexecutor_energy.dag import DAG
    from flexecutor_energy.optimization.plan import Plan

PlanFile = Annotated[
    str | None,
    typer.Option(
        "--plan",
        metavar="PLAN.json",
        help="The plan; by default the newest of the workspace, or a new one.",
        show_default=False,
    ),
]


def planned_workflow(
    show: Show, dag: str | None, size: str | None, workspace: str | None, plan: str | None
) -> "tuple[DAG, Plan]":
    """Return a workflow and the plan that a command is about.

    Without a plan one is made: of least energy, or of least time where no energy was profiled.

    Raises
    ------
    ConfigurationError
        The plan is of another workflow.
    NotTrainedError
        There is neither a plan nor a model to make one.
    """
    named = read_plan(Path(plan)) if plan is not None else None
    built = find_workflow(dag or (named.dag if named is not None else None)).build(size, workspace)
    found = named or newest_plan(show, built)
    if found.dag != built.name or set(found.configs) != set(built.stage_ids):
        raise ConfigurationError(
            f"the plan is of {found.dag!r} with the stages {', '.join(found.configs)}; the "
            f"workflow is {built.name!r} with {', '.join(built.stage_ids)}"
        )
    return built, found


def newest_plan(show: Show, dag: "DAG") -> "Plan":
    """Return the newest plan of a workspace, or one that is made now."""
    from flexecutor_energy.prediction.store import load_model

    path = plan_path(dag.workspace, dag.name)
    if path.exists():
        return read_plan(path)
    energy = load_model(dag.workspace, dag.name).has_energy
    show.note(f"no plan is kept yet: planning for least {'energy' if energy else 'time'}")
    return dag.optimize(objective="energy" if energy else "time")
