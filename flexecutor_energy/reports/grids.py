"""The tables of the page."""

from collections.abc import Mapping
from dataclasses import dataclass

from flexecutor_energy.auditing.past_runs import PastRun
from flexecutor_energy.optimization.audit import Comparison
from flexecutor_energy.quantities import Interval, format_quantity
from flexecutor_energy.reports.contents import Contents
from flexecutor_energy.reports.front import FrontPoint
from flexecutor_energy.reports.labels import UNITS, configurations, level

_LEDGER = {
    "workers": "stage functions",
    "startup": "start-up of workers",
    "engine": "engine",
    "storage": "storage server",
    "total": "used by the process trees",
}
"""Rows of CPU time and of joules in words; other rows of joules name themselves."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``number`` sets it to the right."""

    title: str
    number: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell shows, what it is sorted by (None: the text), and whether it is bad news.

    ``detail`` stands below it in smaller letters.
    """

    text: str
    value: float | None = None
    bad: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of the page; the first cell of each row names it."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    sortable: bool = True


def grids(contents: Contents) -> dict[str, Grid | None]:
    """Return all tables of the page by name; None where there is nothing to show."""
    runs = contents.sources.history.runs
    newest = runs[-1] if runs else None
    audited = [run for run in runs if run.audit is not None]
    return {
        "front": _front(contents),
        "stages": _stages(contents),
        "runs": _runs(contents) if runs else None,
        "audit": _audit(audited[-1]) if audited else None,
        "training": _training(contents),
        "methods": _methods(contents) if contents.methods else None,
        "ledger": _ledger(newest) if newest is not None and newest.ledger else None,
        "joules": _joules(newest) if newest is not None and newest.energy_rows_j else None,
        "certificate": _certificate(contents),
    }


def _stages(contents: Contents) -> Grid:
    unit = UNITS[contents.plan.objective]
    energy = contents.plan.energy is not None
    columns = _columns(
        "stage", "configuration", "time>", *(["energy>"] if energy else []), "cost>", "slack>",
        "runner-up", "more>",
    )  # fmt: skip
    rows = []
    for row in contents.stages:
        config = str(row.config) + (" (never run: extrapolated)" if row.extrapolated else "")
        cells = [Cell(row.stage_id), Cell(config), _interval(row.time, "s")]
        if energy:
            cells.append(_interval(row.energy, "J"))
        slack = Cell("none", 0.0) if row.critical else _number(row.slack_s, "s")
        cells += [_interval(row.cost, "USD"), slack]
        cells.append(
            Cell("none keeps the bounds" if row.runner_up is None else str(row.runner_up))
        )
        cells.append(_number(row.extra_objective, unit, missing=""))
        rows.append(tuple(cells))
    caption = f"Stages of the plan; small: {level(contents.plan)}"
    return Grid("stages", caption, columns, tuple(rows))


def _front(contents: Contents) -> Grid:
    metrics = [m for m in ("time", "energy", "cost") if getattr(contents.plan, m) is not None]
    columns = _columns("point", *(f"{metric}>" for metric in metrics), "configuration")

    def cells(point: FrontPoint) -> tuple[Cell, ...]:
        name = f"{point.name}, time against {point.against}" if point.against else point.name
        numbers = (_interval(getattr(point, metric), UNITS[metric]) for metric in metrics)
        return (Cell(name), *numbers, Cell("; ".join(configurations(dict(point.configs)))))

    marks, line = contents.front.marks, [p for p in contents.front.points if p.kind == "front"]
    rows = tuple(cells(point) for point in (*marks, *line))
    return Grid("front", f"Small: {level(contents.plan)}", columns, rows)


def _runs(contents: Contents) -> Grid:
    columns = _columns(
        "run", "time>", "energy>", "cost>", "time / predicted>", "energy / predicted>",
        "bounds kept",
    )  # fmt: skip
    rows = []
    for run in contents.sources.history.runs:
        cells = [Cell(run.run_id), _number(run.time_s, "s"), _number(run.energy_j, "J")]
        cells.append(_number(run.cost_usd, "USD"))
        if run.audit is None:
            cells += [Cell("followed no plan"), Cell(""), Cell("")]
        else:
            cells += [_ratio(run.audit.time), _ratio(run.audit.energy), _kept(run.audit.kept)]
        rows.append(tuple(cells))
    return Grid("runs", "Runs that were executed, the oldest first", columns, tuple(rows))


def _audit(run: PastRun) -> Grid:
    assert run.audit is not None  # the caller has chosen one
    columns = _columns(
        "stage", "time predicted>", "time measured>", "time / predicted>", "energy predicted>",
        "energy measured>", "energy / predicted>",
    )  # fmt: skip
    pairs = [(name, stage.time, stage.energy) for name, stage in run.audit.stages.items()]
    pairs.append(("whole run", run.audit.time, run.audit.energy))
    rows = tuple(
        (
            Cell(name),
            _interval(time.predicted, "s"),
            _number(time.measured, "s"),
            _ratio(time),
            _interval(energy.predicted, "J"),
            _number(energy.measured, "J"),
            _ratio(energy),
        )
        for name, time, energy in pairs
    )
    return Grid("audit", f"Run {run.run_id} beside its plan", columns, rows)


def _training(contents: Contents) -> Grid | None:
    report = contents.sources.training
    if report is None:
        return None
    first = next(iter(report.stages.values()), None)
    inside = f"inside {100 * first.level:g} % interval>" if first is not None else "inside>"
    columns = _columns(
        "stage", "predictor", "time error>", "energy error>", "error of another run>", inside,
        "configurations>", "runs>",
    )  # fmt: skip
    rows = tuple(
        (
            Cell(name),
            Cell(stage.predictor, detail="; ".join(stage.notes)),
            _percent(stage.mape_time),
            _percent(stage.mape_energy),
            _percent(stage.mape_again),
            _percent(stage.coverage),
            Cell(str(stage.configurations), stage.configurations),
            Cell(str(stage.runs), stage.runs),
        )
        for name, stage in report.stages.items()
    )
    caption = "Mean absolute error on configurations held out of training"
    return Grid("training", caption, columns, rows)


def _methods(contents: Contents) -> Grid:
    columns = _columns("stage", "method", "joules, mean>", "ratio, median>", "to", "runs>")
    rows = tuple(
        (
            Cell(row.stage_id),
            Cell(row.method),
            _number(row.mean_j, "J"),
            Cell("" if row.ratio is None else f"{row.ratio:.2f}", row.ratio),
            Cell(row.reference),
            Cell(str(row.runs), row.runs),
        )
        for row in contents.methods
    )
    return Grid("methods", "Methods that ran side by side in the same runs", columns, rows)


def _ledger(run: PastRun) -> Grid:
    rows = [
        (Cell(name), _number(run.ledger.get(f"{key}_s"), "s")) for key, name in _LEDGER.items()
    ]
    rows.append((Cell("accounted for"), _percent(run.ledger.get("coverage"))))
    columns = _columns("CPU time of", "seconds>")
    return Grid("ledger", f"Where the CPU time of run {run.run_id} went", columns, tuple(rows))


def _joules(run: PastRun) -> Grid:
    how = run.energy_method.describe() if run.energy_method is not None else run.energy_reason
    rows = tuple(
        (Cell(_LEDGER.get(name, name.replace("_", " "))), _number(joules, "J"))
        for name, joules in run.energy_rows_j.items()
    )
    caption = f"Where the joules of its hosts went; {how}"
    return Grid("joules", caption, _columns("energy of", "joules>"), rows)


def _certificate(contents: Contents) -> Grid:
    certificate = contents.plan.certificate
    unit = UNITS[certificate.objective_name]
    rows = (
        ("kind", certificate.kind if certificate.gap == 0 else f"gap of {certificate.gap:.2%}"),
        (f"predicted {certificate.objective_name}", f"{certificate.objective:.6g} {unit}"),
        ("no plan is below, by the search", f"{certificate.lower_bound:.6g} {unit}"),
        ("no plan is below, proved exactly", f"{certificate.proved_bound:.6g} {unit}"),
        ("solver", f"{certificate.solver} {certificate.solver_version}"),
        ("SHA-256 of the problem", certificate.input_hash),
    )
    cells = tuple((Cell(name), Cell(text)) for name, text in rows)
    caption = "How far the plan can be from the best"
    return Grid("certificate", caption, _columns("what", "value"), cells, sortable=False)


def _columns(*titles: str) -> tuple[Column, ...]:
    """Return columns; one whose title ends in ``>`` holds numbers."""
    return tuple(Column(title.removesuffix(">"), title.endswith(">")) for title in titles)


def _number(value: float | None, unit: str, missing: str = "unmeasured") -> Cell:
    return Cell(missing) if value is None else Cell(format_quantity(value, unit), value)


def _interval(value: Interval | None, unit: str) -> Cell:
    if value is None:
        return Cell("unmeasured" if unit == "J" else "unknown")
    mean = format_quantity(value.mean, unit)
    if value.low == value.high:
        return Cell(mean, value.mean)
    ends = (format_quantity(end, unit) for end in (value.low, value.high))
    return Cell(mean, value.mean, detail=" … ".join(ends))


def _ratio(row: Comparison) -> Cell:
    if row.ratio is None:
        return Cell("unknown")
    where = "inside" if row.inside else "OUTSIDE"
    return Cell(f"{row.ratio:.2f}, {where}", row.ratio, bad=not row.inside)


def _percent(share: float | None) -> Cell:
    return Cell("unknown") if share is None else Cell(f"{100 * share:.1f} %", share)


def _kept(kept: Mapping[str, bool | None]) -> Cell:
    words = {True: "kept", False: "MISSED", None: "unknown"}
    text = ", ".join(f"{name} {words[value]}" for name, value in kept.items())
    return Cell(text or "none were set", bad=any(value is False for value in kept.values()))
