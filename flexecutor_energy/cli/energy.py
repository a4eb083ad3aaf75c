"""``flexecutor-energy energy``: methods of measuring joules, beside each other."""

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flexecutor_energy.cli import options as opt
from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.failures import reported
from flexecutor_energy.cli.measuring import inputs_in_place
from flexecutor_energy.cli.plans import save_text
from flexecutor_energy.cli.spaces import chosen_axes
from flexecutor_energy.cli.tables import shown_path, table
from flexecutor_energy.cli.workflows import Workflow, find_workflow
from flexecutor_energy.errors import ConfigurationError, EnergyUnavailableError
from flexecutor_energy.quantities import format_quantity

if TYPE_CHECKING:
    from rich.table import Table

    from flexecutor_energy.profiling.comparison import (
        ComparedRun,
        MethodComparison,
        Native,
        Spread,
    )

app = typer.Typer(help="Methods of measuring joules, beside each other.", no_args_is_help=True)

Reps = Annotated[int, typer.Option("--reps", help="Repetitions of each worker count.")]
WithNative = Annotated[
    bool,
    typer.Option("--native", help="Run the single-process version of the workflow as well."),
]
Out = Annotated[
    str | None,
    typer.Option(
        "--out", metavar="FOLDER", help="Where files go; by default beside the workflow's runs."
    ),
]
NoPicture = Annotated[bool, typer.Option("--no-picture", help="Write no picture.")]


@app.callback()
def group() -> None:
    """Methods of measuring joules, beside each other."""


@app.command(epilog=opt.example("energy compare --dag pi --workers 1,2,4 --native"))
@reported
def compare(
    show: Show,
    dag: opt.Dag = None,
    size: opt.Size = None,
    workspace: opt.Workspace = None,
    cpu: opt.Cpu = None,
    memory: opt.Memory = None,
    workers: opt.Workers = None,
    reps: Reps = 3,
    native: WithNative = False,
    backend: opt.Backend = "lithops",
    storage: opt.Storage = None,
    energy: opt.Energy = "all",
    out: Out = None,
    no_picture: NoPicture = False,
    seed: opt.Seed = 0,
) -> None:
    """Run a workflow under every energy method that works here, over several worker counts.

    All methods look at the same runs. Says how the methods differ, and at how many workers each
    of them finds the least energy; writes a table (CSV, JSON) and a picture.
    """
    from flexecutor_energy.execution.session import open_session
    from flexecutor_energy.profiling.comparison import compare_methods

    if energy == "off":
        raise ConfigurationError("with --energy off there is nothing to compare")
    workflow = find_workflow(dag)
    built = workflow.build(size, workspace)
    built.validate()
    config, counts = chosen_axes(cpu, memory, workers)
    folder = Path(out) if out is not None else built.workspace.runs(built.name) / "energy"
    with (
        inputs_in_place(show, workflow, built, size, storage, backend) as opened,
        open_session(backend, opened, built.workspace) as session,
    ):
        comparison = compare_methods(
            session,
            built,
            counts,
            config,
            reps=reps,
            native=_native(workflow, built.workspace.root, size) if native else None,
            energy=energy,
            seed=seed,
            progress=[lambda run, left: show.note(_progress(run, left))],
        )
    if not comparison.hows:
        raise EnergyUnavailableError(energy, "; ".join(map(": ".join, comparison.refused)))
    show.say("", _table(comparison), "", *_lines(comparison), "")
    written = _written(comparison, folder.absolute(), picture=not no_picture)
    show.say(*(f"{kind}: {shown_path(path)}" for kind, path in written.items()))
    show.document(_document(comparison) | {"files": written})


def _native(workflow: Workflow, workspace: Path, size: str | None) -> "Native":
    from flexecutor_energy.cli.workflows import parse_size
    from flexecutor_energy.profiling.comparison import Native

    if not callable(getattr(workflow.module, "native", None)):
        raise ConfigurationError(f"{workflow.name} has no function native(size, workspace)")
    arguments = {"size": parse_size(size) or "small", "workspace": str(workspace)}
    return Native(workflow.module.__name__, "native", arguments)


def _progress(run: "ComparedRun", left: int) -> str:
    what = f"{run.workers} workers" if run.workers else "native process"
    figures = ", ".join(
        f"{name} {format_quantity(joules, 'J')}" for name, joules in run.energy_j.items()
    )
    return f"{what}: {format_quantity(run.time_s, 's')}, {figures} ({left} runs left)"


def _table(comparison: "MethodComparison") -> "Table":
    columns = [f"{name}{'*' if how.modelled else ''}" for name, how in comparison.hows.items()]
    rows = table("workers", "time>", "CPU time>", *(f"{name}>" for name in columns), "whole host>")
    host_method = next(iter(comparison.hows))
    for count in [*comparison.worker_counts, *([0] if comparison.has_native else [])]:
        cells = [
            _cell(comparison.energy(name, count), least=comparison.least(name) == count)
            for name in comparison.hows
        ]
        host = comparison.energy(host_method, count, host=True)
        rows.add_row(
            str(count) if count else "native",
            _mean(comparison.time(count), "s"),
            _mean(comparison.cpu(count), "s"),
            *cells,
            _cell(host, least=comparison.least(host_method, host=True) == count),
        )
    return rows


def _cell(spread: "Spread | None", *, least: bool) -> str:
    return _mean(spread, "J") + (" ←" if least else "  ")


def _mean(spread: "Spread | None", unit: str) -> str:
    return format_quantity(spread.mean if spread is not None else None, unit)


def _lines(comparison: "MethodComparison") -> list[str]:
    """Return what the table means: sources, ratios, minima."""
    lines = ["← least mean energy; of workers: their functions and start-up (provisioned)"]
    if comparison.has_native:
        lines.append("native: one process without the engine; interpreter and imports left out")
    for name, how in comparison.hows.items():
        star = "* " if how.modelled else ""
        lines.append(f"{star}{name}: {how.describe()}; {how.source}")
    for (one, other), ratio in comparison.ratios().items():
        lines.append(
            f"{one} / {other}: {ratio.mean:.2f} (median; {ratio.low:.2f} … {ratio.high:.2f})"
        )
    lines += [f"not used: {name}: {reason}" for name, reason in comparison.refused]
    return lines


def _written(comparison: "MethodComparison", folder: Path, *, picture: bool) -> dict[str, Path]:
    import json

    from flexecutor_energy.cli.console import plain

    rows = comparison.rows()
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    files = {"table": folder / "comparison.csv", "data": folder / "comparison.json"}
    save_text(files["table"], text.getvalue())
    save_text(files["data"], json.dumps(plain(_document(comparison)), indent=1))
    if picture:
        from flexecutor_energy.drawing.figures import save_figure
        from flexecutor_energy.reports.plots.comparison import plot_comparison

        files["picture"] = folder / "comparison.png"
        save_figure(plot_comparison(comparison), files["picture"], "png")
    return files


def _document(comparison: "MethodComparison") -> dict[str, Any]:
    return {
        "dag": comparison.dag,
        "cpu": comparison.config.cpu,
        "memory_mb": comparison.config.memory,
        "methods": {name: how.to_dict() for name, how in comparison.hows.items()},
        "refused": dict(comparison.refused),
        "least_energy_workers": {name: comparison.least(name) for name in comparison.hows},
        "least_host_energy_workers": {
            name: comparison.least(name, host=True) for name in comparison.hows
        },
        "ratios": {f"{one}/{other}": ratio for (one, other), ratio in comparison.ratios().items()},
        "runs": comparison.runs,
    }
