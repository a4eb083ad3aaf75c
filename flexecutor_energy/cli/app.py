"""The command line: its commands, and what starts it."""

import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import typer

from flexecutor_energy.cli import energy, hardware, storage
from flexecutor_energy.cli.audit import audit
from flexecutor_energy.cli.calibrate import calibrate
from flexecutor_energy.cli.dags import dags
from flexecutor_energy.cli.doctor import doctor
from flexecutor_energy.cli.execute import execute
from flexecutor_energy.cli.explain import explain
from flexecutor_energy.cli.loop import loop
from flexecutor_energy.cli.optimize import optimize
from flexecutor_energy.cli.options import example
from flexecutor_energy.cli.pareto import pareto
from flexecutor_energy.cli.plot import plot
from flexecutor_energy.cli.profile import profile
from flexecutor_energy.cli.report import report
from flexecutor_energy.cli.train import train
from flexecutor_energy.cli.verify import verify

app = typer.Typer(
    name="flexecutor-energy",
    help="Run Lithops workflows with the least energy under a deadline or a budget.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command(epilog=example("loop --dag pi --cpu 1,2 --workers 1,2"))(loop)
app.command(epilog=example("profile --dag pi --cpu 1,2 --workers 1,2 --reps 2"))(profile)
app.command(epilog=example("train --dag pi"))(train)
app.command(epilog=example("optimize --dag pi --objective energy --max-time 10"))(optimize)
app.command(epilog=example("execute --dag pi --cpu 1 --workers 2"))(execute)
app.command(epilog=example("pareto --dag pi --points 10"))(pareto)
app.command(epilog=example("explain runs/pi/plan.json"))(explain)
app.command(epilog=example("audit --dag pi"))(audit)
app.command(epilog=example("plot pareto --dag pi --out pareto.pdf"))(plot)
app.command(epilog=example("report --dag pi --out report.html"))(report)
app.command(epilog=example("verify runs/pi/plan.json"))(verify)
app.add_typer(storage.app, name="storage")
app.add_typer(energy.app, name="energy")
app.add_typer(hardware.app, name="hardware")
app.command(epilog=example("doctor --remote", "doctor --strict"))(doctor)
app.command(epilog=example("calibrate --idle-w 38 --max-w 142"))(calibrate)
app.command(epilog=example("dags"))(dags)


@app.callback(invoke_without_command=True)
def program(
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
) -> None:
    """Run Lithops workflows with the least energy under a deadline or a budget.

    The loop: profile (measure) → train (predict) → optimize (choose) → execute (run and audit);
    'loop' does it all. Exit codes: 0 done, 1 the run failed, 2 bad usage or infeasible, 3 gap
    too large, 4 energy not measured, 130 interrupted.
    """
    if version:
        from flexecutor_energy.version import __version__

        typer.echo(f"flexecutor-energy {__version__}")
        raise typer.Exit


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    end_like_errors()
    app(args=list(arguments) if arguments is not None else None)
    sys.exit(0)


def end_like_errors() -> None:
    """Let SIGTERM, and Ctrl-C pressed again, leave no process behind.

    SIGTERM unwinds the program as an error does, so that servers and workers are stopped. After
    a first Ctrl-C a second one is asked to wait while they are, and a third is obeyed.
    """
    presses = 0

    def interrupted(number: int, frame: FrameType | None) -> None:
        del number, frame
        nonlocal presses
        presses += 1
        if presses == 2:
            print("stopping workers and storage; Ctrl-C again leaves them", file=sys.stderr)
        else:
            raise KeyboardInterrupt

    def terminated(number: int, frame: FrameType | None) -> None:
        del frame
        sys.exit(128 + number)

    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, terminated)
