"""``dag_profiling.py`` and ``dag_training.py``: the shipped workflows without any argument."""

from collections.abc import Callable
from typing import Annotated, NoReturn

import typer

from flexecutor_energy.cli import options as opt
from flexecutor_energy.cli.app import end_like_errors
from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.failures import reported
from flexecutor_energy.cli.measuring import measure, profile_table
from flexecutor_energy.cli.sweeping import Reps, Sweeping
from flexecutor_energy.cli.tables import shown_path
from flexecutor_energy.cli.workflows import find_workflow
from flexecutor_energy.errors import MissingExtraError

SHIPPED = ("ml", "video", "pi")
"""What the scripts work on where nothing else is asked for."""

Dags = Annotated[
    list[str] | None,
    typer.Option(
        "--dag",
        metavar="NAME|MODULE:FUNCTION",
        help="A workflow; give it several times for several. By default ml, video and pi.",
        show_default=False,
    ),
]


def dag_profiling() -> NoReturn:
    """Profile, then train; ml, video and pi where no arguments are given."""
    _run(_profile_and_train)


def dag_training() -> NoReturn:
    """Train on what was profiled; ml, video and pi where no arguments are given."""
    _run(_train)


def _run(command: Callable[..., None]) -> NoReturn:
    end_like_errors()
    program = typer.Typer(pretty_exceptions_enable=False)
    program.command()(command)
    program()
    raise SystemExit(0)


@reported
def _profile_and_train(
    show: Show,
    *,
    dag: Dags = None,
    sweeping: Sweeping,
    reps: Reps = 2,
) -> None:
    """Profile workflows, then train their predictors.

    For one step at a time, and for everything after it, see: flexecutor-energy --help
    """

    def one(name: str) -> object:
        workflow = find_workflow(name)
        space, built = sweeping.space(workflow), sweeping.build(workflow)
        with sweeping.inputs(show, workflow, built) as storage:
            running = sweeping.running(storage)
            measured = measure(show, built, space, reps=reps, seed=sweeping.seed, **running)
        show.say(profile_table(measured.profiles), "")
        report = built.train()
        show.say(str(report), f"models: {shown_path(built.workspace.models(built.name))}")
        return {"profile": measured.document(), "train": report}

    _each(show, dag, one)


@reported
def _train(
    show: Show, dag: Dags = None, size: opt.Size = None, workspace: opt.Workspace = None
) -> None:
    """Train the predictors of workflows on what was profiled."""

    def one(name: str) -> object:
        built = find_workflow(name).build(size, workspace)
        report = built.train()
        show.say(str(report), f"models: {shown_path(built.workspace.models(built.name))}")
        return {"train": report}

    _each(show, dag, one)


def _each(show: Show, names: list[str] | None, one: Callable[[str], object]) -> None:
    """Do one thing for each workflow; one whose packages are missing does not stop the others."""
    documents: dict[str, object] = {}
    missing: list[MissingExtraError] = []
    for name in names or SHIPPED:
        show.heading(name)
        try:
            documents[name] = one(name)
        except MissingExtraError as error:
            show.note(f"{name} is left out: {error}")
            missing.append(error)
    if documents or not missing:
        show.document(documents)
    if missing:
        raise missing[0]
