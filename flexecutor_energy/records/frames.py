"""A profile as tables: for pandas, and for notebooks."""

import statistics
from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.notebook import html_table
from flexecutor_energy.quantities import format_quantity

if TYPE_CHECKING:
    import pandas as pd

    from flexecutor_energy.records.run import Profile, StageRun, WorkerRecord

By = Literal["run", "worker"]

_RUN_NUMBERS = (
    "time_s",
    "makespan_s",
    "worker_seconds",
    "cpu_time_s",
    "energy_j",
    "energy_dynamic_j",
    "energy_idle_j",
    "energy_startup_j",
)
_RUN_FACTS = ("time", "backend", "method", "boundary", "code_hash", "input_hash")


def frame(profile: "Profile", by: By = "run") -> "pd.DataFrame":
    """Return a profile as a data frame; what is unmeasured is missing, never 0.

    Parameters
    ----------
    profile : what was measured
    by : a row for each ``run``, or for each ``worker`` of each run

    Raises
    ------
    ConfigurationError
        There is no such table.
    """
    import pandas as pd

    if by == "run":
        return pd.DataFrame([_run_row(profile, run) for run in profile.runs])
    if by == "worker":
        return pd.DataFrame(
            [
                _head(profile, run) | {"worker": number} | _worker_row(worker)
                for run in profile.runs
                for number, worker in enumerate(run.workers)
            ]
        )
    raise ConfigurationError(f"unknown table by={by!r}; known: run, worker")


def _head(profile: "Profile", run: "StageRun") -> dict[str, Any]:
    return {
        "dag": profile.dag,
        "stage": profile.stage,
        "run_id": run.run_id,
        "cpu": run.config.cpu,
        "memory_mb": run.config.memory,
        "workers": run.config.workers,
    }


def _run_row(profile: "Profile", run: "StageRun") -> dict[str, Any]:
    row = _head(profile, run)
    row |= {name: getattr(run, name) for name in _RUN_NUMBERS}
    row |= {f"fan_in_{parent}": workers for parent, workers in run.fan_in.items()}
    return row | {f"meta_{name}": run.meta.get(name) for name in _RUN_FACTS}


def _worker_row(worker: "WorkerRecord") -> dict[str, Any]:
    names = [item.name for item in fields(worker) if item.name != "energy_by_method"]
    row = {"duration_s": worker.duration_s} | {name: getattr(worker, name) for name in names}
    return row | {f"energy_{m}_j": joules for m, joules in worker.energy_by_method.items()}


def html(profile: "Profile") -> str:
    """Return a profile as a table of its configurations."""
    rows = []
    for config in sorted(profile.configs):
        runs = [run for run in profile.runs if run.config == config]
        times, joules = ([getattr(run, name) for run in runs] for name in ("time_s", "energy_j"))
        rows.append((str(config), str(len(runs)), _spread(times, "s"), _spread(joules, "J")))
    failed = [f"{f.config} failed in run {f.run_id}: {f.reason}" for f in profile.failures]
    methods = sorted({str(run.meta["method"]) for run in profile.runs if run.meta.get("method")})
    source = f"Energy of stage functions by: {', '.join(methods)}." if methods else ""
    return html_table(
        f"Profile of stage {profile.stage} of {profile.dag}: {len(profile.runs)} runs",
        ("configuration", "runs>", "time, median (least … greatest)>", "energy>"),
        rows,
        [note for note in (source, *failed) if note],
    )


def _spread(values: Iterable[float | None], unit: str) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "unmeasured"
    middle, low, high = (
        format_quantity(function(known), unit) for function in (statistics.median, min, max)
    )
    return f"{middle} ({low} … {high})"
