"""Tables and figures as people read them, within 80 columns."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from flexecutor_energy.quantities import Interval, format_quantity

if TYPE_CHECKING:
    from rich.table import Table

    from flexecutor_energy.execution.ledger import Ledger


def table(*columns: str) -> "Table":
    """Return an empty table; a column whose name ends in ``>`` holds numbers."""
    from rich import box
    from rich.table import Table

    result = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        numbers = column.endswith(">")
        result.add_column(column.rstrip(">"), justify="right" if numbers else "left")
    return result


def ledger_table(ledgers: "Iterable[tuple[str, Ledger | None]]") -> "Table":
    """Return where CPU time went, one column for each ledger."""
    given = [(name, ledger) for name, ledger in ledgers if ledger is not None]
    result = table("CPU time", *(f"{name}>" for name, _ in given))
    rows = (
        ("stage functions", "workers_s"),
        ("start-up of workers", "startup_s"),
        ("engine", "engine_s"),
        ("storage server", "storage_s"),
        ("accounted", "accounted_s"),
        ("used by the process trees", "total_s"),
    )
    for label, field in rows:
        cells = (format_quantity(getattr(ledger, field), "s") for _, ledger in given)
        result.add_row(label, *cells)
    result.add_row("coverage", *(percent(ledger.coverage, 1) for _, ledger in given))
    return result


def span(values: Iterable[float | None], unit: str) -> str:
    """Return the least and the greatest of some values, such as ``1.2 s … 3.4 s``."""
    known = [value for value in values if value is not None]
    if not known:
        return "unmeasured"
    low, high = format_quantity(min(known), unit), format_quantity(max(known), unit)
    return low if low == high else f"{low} … {high}"


def interval(value: Interval | None, unit: str) -> str:
    """Return an interval, such as ``1.2 s (1.0 s … 1.5 s)``."""
    if value is None:
        return "unmeasured"
    low, high = (
        "∞" if math.isinf(end) else format_quantity(end, unit) for end in (value.low, value.high)
    )
    return f"{format_quantity(value.mean, unit)} ({low} … {high})"


def shown_path(path: Path) -> str:
    """Return a path relative to the current folder where it lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def percent(share: float | None, digits: int = 0) -> str:
    """Return a share such as ``95 %``."""
    return "unknown" if share is None else f"{100 * share:.{digits}f} %"
