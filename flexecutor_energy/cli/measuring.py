"""The sweep as commands run it: inputs in place, progress shown, results told."""

import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.progress import SweepView
from flexecutor_energy.cli.tables import shown_path, span, table
from flexecutor_energy.cli.workflows import Workflow
from flexecutor_energy.errors import FlexecutorEnergyError
from flexecutor_energy.quantities import format_quantity
from flexecutor_energy.workflow.config import ConfigSpace, StageConfig
from flexecutor_energy.workspace import Workspace

if TYPE_CHECKING:
    from rich.table import Table

    from flexecutor_energy.dag import DAG
    from flexecutor_energy.profiling.guide import EstimatedRegret
    from flexecutor_energy.profiling.sweep import SweepProgress
    from flexecutor_energy.records.run import Profile
    from flexecutor_energy.storage.select import Storage


@dataclass(frozen=True, slots=True)
class Measured:
    """What a sweep left behind.

    Attributes
    ----------
    dag : the workflow
    profiles : all that is known of each stage, older runs included
    state : the end of this sweep
    failures : what failed in it
    """

    dag: "DAG"
    profiles: "Mapping[str, Profile]"
    state: "SweepProgress"
    failures: list[str]

    def document(self) -> dict[str, Any]:
        """Return the sweep for machines."""
        state = self.state
        return {
            "dag": self.dag.name,
            "runs_done": state.runs_done,
            "runs_left": state.runs_left,
            "seconds": state.seconds,
            "energy_j": state.joules,
            "energy_method": _methods(self.profiles),
            "usd": state.usd,
            "stopped": state.stopped,
            "estimated_regret": state.regret,
            "ledger": state.ledger.to_dict() if state.ledger is not None else None,
            "failures": self.failures,
            "folder": str(self.dag.workspace.profiles(self.dag.name)),
            "stages": {name: _stage_document(p) for name, p in self.profiles.items()},
        }


@contextlib.contextmanager
def _told(name: str) -> Iterator[None]:
    """Show what a logger tells, and not only what it warns of."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(min(before, logging.INFO))
    try:
        yield
    finally:
        logger.setLevel(before)


@contextlib.contextmanager
def opened_storage(storage: str | None, backend: str, workspace: Workspace) -> "Iterator[Storage]":
    """Open the object store for the whole of a command, so that its server starts once.

    A Lithops configuration file given as backend also names the store, unless ``storage`` does.
    """
    from flexecutor_energy.storage.lithops_section import read_lithops_file, store_of_lithops
    from flexecutor_energy.storage.select import open_storage

    choice: Any = storage
    if storage is None and backend.endswith((".yaml", ".yml")):
        config = read_lithops_file(Path(backend))
        choice = config if store_of_lithops(config) is not None else None
    with open_storage(choice, workspace) as opened:
        yield opened


@contextlib.contextmanager
def inputs_in_place(
    show: Show, workflow: Workflow, dag: "DAG", size: str | None, storage: str | None, backend: str
) -> "Iterator[Storage]":
    """Open the object store for a workflow, say which it is, and see that its inputs are there."""
    with opened_storage(storage, backend, dag.workspace) as opened:
        show.note(f"storage: {opened.describe()}")
        with _told("dags"):  # making inputs may take a minute
            workflow.prepare(size, str(dag.workspace.root), opened)
        yield opened


def measure(show: Show, dag: "DAG", space: ConfigSpace, **options: Any) -> Measured:
    """Profile a workflow, showing progress; ``options`` are those of ``DAG.profile``.

    A sweep that is cut short, by Ctrl-C or an error, says what it keeps.
    """
    with SweepView(show, dag.name, at_most=bool(options.get("adaptive"))) as view:
        try:
            profiles = dag.profile(space, progress=[view.told], **options)
        except (KeyboardInterrupt, FlexecutorEnergyError):
            if view.last is not None:
                folder = shown_path(dag.workspace.profiles(dag.name))
                runs = "1 run" if view.last.runs_done == 1 else f"{view.last.runs_done} runs"
                show.note(
                    f"stopped after {runs}; what was measured is kept in "
                    f"{folder}, and the same command goes on from there"
                )
            raise
    return Measured(dag, profiles, profiles.end, view.failures)


def stop_lines(state: "SweepProgress") -> list[str]:
    """Return why a sweep stopped, where that is not that everything was measured."""
    if state.runs_left == 0 and state.regret is None:
        return []
    lines = [f"\nstopped: {state.stopped}"]
    if state.regret is not None:
        lines.append(f"estimated regret of the plan: {_regret_words(state.regret)}")
    return lines


def _regret_words(regret: "EstimatedRegret") -> str:
    """Return an estimated regret, such as ``0.7 % in the mean (1.2 J, 0 s), at most 2 %, …``."""
    units = {"J": regret.joules, "s": regret.seconds, "USD": regret.usd}
    amounts = [format_quantity(value, unit) for unit, value in units.items() if value is not None]
    return (
        f"{100 * regret.share:.2g} % in the mean ({', '.join(amounts)}), at most "
        f"{100 * regret.upper:.2g} % with probability {regret.level:g}"
    )


def profile_table(profiles: "Mapping[str, Profile]") -> "Table":
    """Return a table of what is known of each stage, fastest and slowest, least and most."""
    some_failed = any(profile.failed_configs for profile in profiles.values())
    columns = ("stage", "configs>", "runs>", "time>", "energy>", "start-up>")
    result = table(*columns, *(["failed>"] if some_failed else []))
    for stage_id, profile in profiles.items():
        rows = by_config(profile)
        start_up = mean_known([run.energy_startup_j for run in profile.runs])
        cells = [
            stage_id,
            str(len(rows)),
            str(len(profile.runs)),
            span([time for time, _ in rows.values()], "s"),
            span([joules for _, joules in rows.values()], "J"),
            format_quantity(start_up, "J"),
        ]
        result.add_row(*cells, *([str(len(profile.failed_configs))] if some_failed else []))
    return result


def by_config(profile: "Profile") -> dict[StageConfig, tuple[float | None, float | None]]:
    """Return the mean seconds and joules of each configuration, None where unmeasured.

    The joules are those of the stage's function, without the start of its workers.
    """
    return {
        config: (
            mean_known([run.time_s for run in profile.runs if run.config == config]),
            mean_known([run.energy_j for run in profile.runs if run.config == config]),
        )
        for config in profile.configs
    }


def mean_known(values: Iterable[float | None]) -> float | None:
    """Return the mean of the values that are known, None where none is."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _methods(profiles: "Mapping[str, Profile]") -> list[str]:
    runs = (run for profile in profiles.values() for run in profile.runs)
    return sorted({str(run.meta["method"]) for run in runs if run.meta.get("method")})


def _stage_document(profile: "Profile") -> dict[str, Any]:
    return {
        "runs": len(profile.runs),
        "energy_startup_j": mean_known([run.energy_startup_j for run in profile.runs]),
        "configurations": [
            {**config_document(config), "time_s": time_s, "energy_j": energy_j}
            for config, (time_s, energy_j) in by_config(profile).items()
        ],
        "failed": [
            {**config_document(failure.config), "reason": failure.reason}
            for failure in profile.failures
        ],
    }


def config_document(config: StageConfig) -> dict[str, Any]:
    """Return a configuration for machines."""
    return {"cpu": config.cpu, "memory": config.memory, "workers": config.workers}
