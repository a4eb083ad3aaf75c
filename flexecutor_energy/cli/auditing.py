"""Measured against predicted, as people read it."""

from typing import TYPE_CHECKING, Literal

from flexecutor_energy.cli.tables import percent, table
from flexecutor_energy.quantities import format_quantity

if TYPE_CHECKING:
    from rich.table import Table

    from flexecutor_energy.execution.joules import RunEnergy
    from flexecutor_energy.execution.run import DAGRun
    from flexecutor_energy.optimization.audit import Audit, Comparison
    from flexecutor_energy.optimization.terms import Terms

Quantity = Literal["time", "energy"]
_UNITS = {"time": "s", "energy": "J", "cost": "USD"}
_TOTAL = "whole run"


def audit_table(audit: "Audit", quantity: Quantity) -> "Table":
    """Return time, or energy, of each stage and of the run beside what was predicted."""
    rows = _rows(audit, quantity)
    result = table(quantity, "predicted>", f"{_band(audit)}>", "measured>", "")
    unit = _UNITS[quantity]
    for what, row in rows:
        mean, band = "unknown", "unknown"
        if row.predicted is not None:
            mean = format_quantity(row.predicted.mean, unit)
            ends = (row.predicted.low, row.predicted.high)
            band = " … ".join(format_quantity(end, unit) for end in ends)
        word = {True: "inside", False: "OUTSIDE", None: ""}[row.inside]
        result.add_row(what, mean, band, format_quantity(row.measured, unit), word)
    return result


def verdict(terms: "Terms", run: "DAGRun") -> list[str]:
    """Return in plain words whether a run kept the plan's bounds and predictions."""
    audit: Audit = run.audit
    asked = {
        "deadline": (terms.max_time, audit.time, "s"),
        "energy bound": (terms.max_energy, audit.energy, "J"),
        "cost bound": (terms.max_cost, audit.cost, "USD"),
    }
    lines = [
        _bound_line(name, bound, row.measured, unit)
        for name, (bound, row, unit) in asked.items()
        if bound is not None
    ]
    judged = [
        (f"{quantity} of {what}", row.inside)
        for quantity in ("time", "energy")
        for what, row in _rows(audit, quantity)
        if row.inside is not None
    ]
    outside = [name for name, inside in judged if not inside]
    inside = len(judged) - len(outside)
    words = f"{inside} of {len(judged)} figures lie inside their {_band(audit)}"
    lines.append(f"{words}; OUTSIDE: {', '.join(outside)}" if outside else words)
    lines += [f"stage {stage} ran otherwise: {how}" for stage, how in audit.differing.items()]
    return lines


def energy_line(energy: "RunEnergy") -> str:
    """Return where the joules of a run come from, with their band."""
    if energy.how is None:
        return f"energy was not measured: {energy.reason}"
    return f"energy is {energy.how.describe()}; source: {energy.how.source}"


def _rows(audit: "Audit", quantity: Quantity) -> "list[tuple[str, Comparison]]":
    stages = [(name, getattr(stage, quantity)) for name, stage in audit.stages.items()]
    return [*stages, (_TOTAL, getattr(audit, quantity))]


def _band(audit: "Audit") -> str:
    """Return the name of the predicted bands, such as ``95 % band``."""
    predicted = audit.time.predicted
    return f"{percent(predicted.level)} band" if predicted is not None else "band"


def _bound_line(name: str, bound: float, measured: float | None, unit: str) -> str:
    asked = f"{name} of {format_quantity(bound, unit)}"
    if measured is None:
        return f"{asked}: unknown, it was not measured"
    kept = "kept" if measured <= bound else "MISSED"
    return f"{asked}: {kept}, with {format_quantity(measured, unit)}"
