"""The numbers of a report as JSON and CSV."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import TypeAdapter

from flexecutor_energy.quantities import Interval
from flexecutor_energy.reports.contents import Contents
from flexecutor_energy.reports.labels import asked
from flexecutor_energy.version import __version__
from flexecutor_energy.workflow.config import StageConfig


def to_json(contents: Contents) -> str:
    """Return everything that a report shows as JSON; numbers that are not known are null."""
    plan, sources = contents.plan, contents.sources
    document = {
        "format": "flexecutor-energy/report/1",
        "version": __version__,
        "dag": plan.dag,
        "asked": asked(plan),
        "terms": plan.terms,
        "plan_created": plan.created,
        "energy_source": sources.energy_source,
        "totals": {"time_s": plan.time, "energy_j": plan.energy, "cost_usd": plan.cost},
        "stages": contents.stages,
        "front": contents.front,
        "curves": contents.curves,
        "schedule": {"planned": contents.planned, "measured": contents.measured},
        "held_out": contents.held_out,
        "training": sources.training,
        "methods": contents.methods,
        "runs": sources.history.runs,
        "certificate": {
            "kind": plan.certificate.kind,
            "gap": plan.certificate.gap,
            "objective": plan.certificate.objective,
            "lower_bound": plan.certificate.lower_bound,
            "proved_bound": plan.certificate.proved_bound,
            "solver": plan.certificate.solver,
            "solver_version": plan.certificate.solver_version,
            "input_hash": plan.certificate.input_hash,
        },
        "notes": contents.notes,
    }
    plain = TypeAdapter(Any).dump_python(document, mode="json")
    return json.dumps(plain, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def to_csv(contents: Contents) -> dict[str, str]:
    """Return the tables of a report as CSV, by name; tables without rows are left out."""
    curves = [
        (stage.stage_id, series.cpu, series.memory_mb, point)
        for stage in contents.curves
        for series in stage.series
        for point in (*series.predicted, *series.measured)
    ]
    schedules = [s for s in (contents.planned, contents.measured) if s is not None]
    tables: dict[str, Iterable[Mapping[str, Any]]] = {
        "stages": map(_flat, contents.stages),
        "front": map(_flat, contents.front.points),
        "curves": (
            {"stage_id": stage_id, "cpu": cpu, "memory_mb": memory, "kind": _kind(point)}
            | _flat(point)
            for stage_id, cpu, memory, point in curves
        ),
        "schedule": (
            {"run": schedule.name} | _flat(bar) for schedule in schedules for bar in schedule.bars
        ),
        "accuracy": map(_flat, contents.held_out),
        "methods": map(_flat, contents.methods),
        "runs": (
            {
                "run_id": run.run_id,
                "backend": run.backend,
                "time_s": run.time_s,
                "energy_j": run.energy_j,
                "cost_usd": run.cost_usd,
                "followed_a_plan": run.audit is not None,
            }
            for run in contents.sources.history.runs
        ),
    }
    written = {name: _table(list(rows)) for name, rows in tables.items()}
    return {name: text for name, text in written.items() if text}


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    columns = list(dict.fromkeys(column for row in rows for column in row))
    if columns:
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()


def _flat(value: Any) -> dict[str, Any]:
    """Return the fields of a value as cells: intervals as three, configurations as three."""
    cells: dict[str, Any] = {}
    for item in fields(value):
        cells |= _cells(item.name, getattr(value, item.name))
    return cells


def _cells(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, Interval):
        return {f"{name}_{end}": getattr(value, end) for end in ("mean", "low", "high")}
    if isinstance(value, StageConfig):
        prefix = "" if name == "config" else f"{name}_"
        return {
            f"{prefix}cpu": value.cpu,
            f"{prefix}memory_mb": value.memory,
            f"{prefix}workers": value.workers,
        }
    if isinstance(value, Mapping):
        return {name: "; ".join(f"{key}: {item}" for key, item in value.items())}
    if isinstance(value, tuple) and not is_dataclass(value):
        return {name: "; ".join(str(item) for item in value)}
    return {name: value}


def _kind(point: object) -> str:
    return type(point).__name__.lower()
