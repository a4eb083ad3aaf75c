"""The report as one HTML page that needs no network."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from flexecutor_energy.drawing.boxes import planned_boxes
from flexecutor_energy.drawing.layout import arrange
from flexecutor_energy.drawing.svg import STYLE, svg
from flexecutor_energy.errors import MissingExtraError
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.quantities import Interval, format_quantity
from flexecutor_energy.reports.charts import (
    Chart,
    accuracy_chart,
    cores_chart,
    curve_chart,
    front_chart,
    gantt_chart,
)
from flexecutor_energy.reports.contents import Contents
from flexecutor_energy.reports.grids import grids
from flexecutor_energy.reports.labels import UNITS, asked, level
from flexecutor_energy.reports.theme import themes
from flexecutor_energy.version import __version__

if TYPE_CHECKING:
    from jinja2 import Environment

_PLOTLY = "plotly/plotly-basic-4.1.1.min.js.gz"
"""As npm has it in plotly.js-basic-dist-min; see docs/decisions/0013."""

_DIGITS = 5
"""Of numbers in charts; the files beside the page hold all."""

_LONG = 20
"""Letters from which on a part that is repeated stands in the page once only."""


@dataclass(frozen=True, slots=True)
class Card:
    """One figure at the top of the page."""

    name: str
    value: str
    small: str


def render(contents: Contents, files: Sequence[str] = ()) -> str:
    """Return the page.

    Parameters
    ----------
    contents : what it shows
    files : names of the files beside it that hold its numbers

    Raises
    ------
    MissingExtraError
        Jinja2 is not installed.
    """
    environment = _environment()
    plan = contents.plan
    metrics = ["time"] if plan.energy is None else ["time", "energy"]
    fronts = [m for m in ("energy", "cost") if getattr(plan, m) is not None]
    accuracy = [accuracy_chart(contents.held_out, plan, metric) for metric in metrics]
    charts = [
        *(front_chart(contents.front, plan, metric) for metric in fronts),
        gantt_chart(contents.planned, contents.measured),
        cores_chart(contents.planned, contents.measured, plan),
        *(chart for chart in accuracy if chart is not None),
    ]
    stages = [[curve_chart(stage, plan, m) for m in metrics] for stage in contents.curves]
    tables = grids(contents)
    return environment.get_template("report.html.j2").render(
        title=f"{plan.dag}: {asked(plan)}",
        plan=plan,
        energy_source=contents.sources.energy_source,
        level=level(plan),
        objective="energy × time" if plan.objective == "edp" else plan.objective,
        sections=_sections(tables),
        cards=_cards(plan),
        notes=contents.notes,
        fronts=fronts,
        accuracy=[m for m, chart in zip(metrics, accuracy, strict=True) if chart is not None],
        has_energy=plan.energy is not None,
        stage_ids=list(plan.configs),
        first_stage=_heaviest(plan),
        tables=tables,
        drawing=_drawing(plan),
        explained=contents.explained,
        files=files,
        version=__version__,
        css=_source(environment, "report.css"),
        drawing_css=STYLE,
        data=_data(charts, stages),
        plotly=_plotly(),
        js=_source(environment, "report.js"),
    )


def _environment() -> "Environment":
    try:
        from jinja2 import Environment, PackageLoader
    except ImportError as error:
        raise MissingExtraError("jinja2", "reports", "a report") from error
    loader = PackageLoader("flexecutor_energy.reports")
    made = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    made.filters["capitalize_first"] = lambda text: text[:1].upper() + text[1:]
    return made


def _plotly() -> str:
    """Return the charts' library, to stand in the page."""
    packed = resources.files("flexecutor_energy.reports").joinpath(_PLOTLY).read_bytes()
    return gzip.decompress(packed).decode()


def _source(environment: "Environment", name: str) -> str:
    assert environment.loader is not None  # it was given one
    return environment.loader.get_source(environment, name)[0]


def _sections(tables: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("tradeoff", "Trade-off"),
        ("stages", "Stages"),
        ("workers", "Workers"),
        ("schedule", "Schedule"),
        *([("runs", "Measured runs")] if tables["runs"] else []),
        *([("accuracy", "Predictors")] if tables["training"] else []),
        ("energy", "Energy figures"),
        ("certificate", "Certificate"),
    ]


def _cards(plan: Plan) -> list[Card]:
    certificate = plan.certificate
    proved = "optimal" if certificate.kind == "optimal" else f"gap {certificate.gap:.2%}"
    cards = [
        _card(name, getattr(plan, name), UNITS[name], level(plan))
        for name in ("time", "energy", "cost")
    ]
    least = format_quantity(certificate.lower_bound, UNITS[certificate.objective_name])
    return [
        *cards,
        Card(f"certificate for {certificate.objective_name}", proved, f"no plan is below {least}"),
    ]


def _card(name: str, value: Interval | None, unit: str, of: str) -> Card:
    if value is None:
        return Card(name, "unmeasured" if unit == "J" else "unknown", "")
    low, high = format_quantity(value.low, unit), format_quantity(value.high, unit)
    return Card(f"predicted {name}", format_quantity(value.mean, unit), f"{low} … {high}, {of}")


def _heaviest(plan: Plan) -> str:
    """Return the stage that takes most, which is the most telling to see first."""
    return max(plan.chosen, key=lambda s: (plan.chosen[s].energy or plan.chosen[s].time).mean)


def _drawing(plan: Plan) -> str:
    names = list(plan.configs)
    return svg(plan.dag, arrange(names, plan.edges), planned_boxes(plan), plan.edges)


def _data(charts: Sequence[Chart], stages: Sequence[Sequence[Chart]]) -> str:
    """Return what the page's program draws, as JSON that cannot end its element."""
    drawn = {
        "charts": {chart.name: _plain(chart) for chart in charts},
        "stages": [{chart.name: _plain(chart) for chart in stage} for stage in stages],
    }
    counts = Counter(_parts(drawn))
    often = [part for part, count in counts.items() if count > 2 and len(part) > _LONG]
    names = {part: f"@@{number}" for number, part in enumerate(often)}
    data = {
        "themes": themes(),
        "shared": {name: json.loads(part) for part, name in names.items()},
        **_renamed(drawn, names),
    }
    return _json(data).replace("<", "\\u003c")


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def _parts(value: Any) -> Iterator[str]:
    """Yield every text and every mapping in plain values as JSON, keys left out."""
    if isinstance(value, str | dict):
        yield _json(value)
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _parts(item)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Return plain values in which the page looks up what is repeated, by short names."""
    if isinstance(value, str | dict) and (name := names.get(_json(value))) is not None:
        return name
    if isinstance(value, dict):
        return {key: _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return value


def _plain(chart: Chart) -> dict[str, Any]:
    return {
        "description": chart.description,
        "traces": [_rounded(trace) for trace in chart.traces],
        "layout": _rounded(chart.layout),
    }


def _rounded(value: Any) -> Any:
    """Return plain values with fewer digits."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
