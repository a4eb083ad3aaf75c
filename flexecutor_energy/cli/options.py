"""Options that several commands share."""

from typing import Annotated

import typer

_PLACE = "What to work on"
_SPACE = "Configurations"
_RUNS = "Runs"

_METHODS = ("auto", "rapl", "perf", "model", "all", "off")


def _method(name: str) -> str:
    """Refuse an energy method that runs do not know, rather than use another one."""
    if name not in _METHODS:
        from flexecutor_energy.energy.select import foreign_methods

        known = [*_METHODS, *foreign_methods()]
        if name not in known:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(known)}")
    return name


def _workflows() -> list[str]:
    """Return what completes a workflow's name."""
    from flexecutor_energy.cli.workflows import list_workflows

    return list_workflows()


Dag = Annotated[
    str | None,
    typer.Option(
        "--dag",
        metavar="NAME|MODULE:FUNCTION",
        help="A workflow of ./dags, or a function of yours that returns a DAG.",
        autocompletion=_workflows,
        rich_help_panel=_PLACE,
        show_default=False,
    ),
]
Size = Annotated[
    str | None,
    typer.Option(
        "--size",
        metavar="PRESET|KNOB=VALUE,…",
        help="Size of the workflow: small, medium, or knobs that differ from small.",
        rich_help_panel=_PLACE,
        show_default=False,
    ),
]
Workspace = Annotated[
    str | None,
    typer.Option(
        "--workspace",
        metavar="FOLDER",
        help="Holds profiles, models and runs; the current folder by default.",
        rich_help_panel=_PLACE,
        show_default=False,
    ),
]
Cpu = Annotated[
    str | None,
    typer.Option("--cpu", metavar="0.5,1,2", help="Cores a worker.", rich_help_panel=_SPACE),
]
Memory = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="512,1024",
        help="MB a worker; 0 sets no limit.",
        rich_help_panel=_SPACE,
    ),
]
Workers = Annotated[
    str | None,
    typer.Option("--workers", metavar="1,2,4", help="Workers a stage.", rich_help_panel=_SPACE),
]
Backend = Annotated[
    str,
    typer.Option(
        "--backend",
        autocompletion=lambda: ["lithops", "local"],
        metavar="lithops|local|FILE.yaml",
        help="Where stages run; a file is a Lithops configuration.",
        rich_help_panel=_RUNS,
    ),
]
Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="NAME",
        help="Where the data of stages lies; the settings decide by default.",
        rich_help_panel=_RUNS,
        show_default=False,
    ),
]
Energy = Annotated[
    str,
    typer.Option(
        "--energy",
        metavar="|".join(_METHODS),
        callback=_method,
        autocompletion=lambda: list(_METHODS),
        help="How joules are had: auto takes the best meter that works, all stores every one.",
        rich_help_panel=_RUNS,
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        help="How long each worker may take.",
        rich_help_panel=_RUNS,
        show_default=False,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be run; run nothing.")]
Seed = Annotated[int, typer.Option("--seed", help="Of the random order.", rich_help_panel=_RUNS)]


def example(*commands: str) -> str:
    """Return the end of a help text: commands that work as they stand."""
    return "Example: " + "   ".join(f"flexecutor-energy {command}" for command in commands)
