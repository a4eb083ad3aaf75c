"""Workers against time and energy of one stage."""

import math

from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.quantities import format_quantity
from flexecutor_energy.reports.charts.front import CHOSEN
from flexecutor_energy.reports.charts.parts import (
    COLORS,
    DASHES,
    SYMBOLS,
    Chart,
    Trace,
    axis_title,
    color,
    hover,
)
from flexecutor_energy.reports.curves import Series, StageCurves, beside
from flexecutor_energy.reports.labels import UNITS, axis, level


def curve_chart(stage: StageCurves, plan: Plan, metric: str) -> Chart:
    """Return the chart of workers against ``time`` or ``energy`` of a stage."""
    traces: list[Trace] = []
    counts = sorted({p.workers for series in stage.series for p in series.predicted})
    for number, series in enumerate(stage.series):
        place = beside(number, len(stage.series))
        traces += _predicted(series, plan, metric, number, place)
        traces += _measured(series, metric, number, place)
    least = stage.fastest if metric == "time" else stage.most_frugal
    for key, name, marker in (
        (least, f"least {metric} predicted", {"symbol": "circle-open", "color": "@ink"}),
        (stage.chosen, "in this plan", {"symbol": "star", "color": color(CHOSEN)}),
    ):
        if key is not None:
            traces.append(_mark(stage, key, metric, name, marker))
    description = f"Workers of {stage.stage_id} against {metric}, predicted and measured. "
    if least is not None:
        cpu, memory, workers = least
        description += (
            f"Least {metric} is predicted for {workers} workers of {cpu:g} cpu and {memory} MB."
        )
    return Chart(
        name=f"workers-{metric}",
        description=description,
        traces=tuple(traces),
        layout={
            "xaxis": {
                "title": axis_title(f"workers (shaded: {level(plan)})"),
                "type": "log",
                "range": [math.log10(counts[0] / 1.35), math.log10(counts[-1] * 1.35)],
                "tickvals": counts,
                "ticktext": [str(count) for count in counts],
            },
            "yaxis": {"title": axis_title(axis(metric, plan, 40)), "rangemode": "tozero"},
        },
    )


def _own_color(number: int) -> int:
    """Return a colour for a series that is not that of the chosen plan."""
    return [n for n in range(COLORS) if n != CHOSEN][number % (COLORS - 1)]


def _predicted(series: Series, plan: Plan, metric: str, number: int, place: float) -> list[Trace]:
    """Return the line of the means, and the band around it."""
    known = [(p, y) for p in series.predicted if (y := getattr(p, metric)) is not None]
    workers = [p.workers * place for p, _ in known]
    paint, alone, unit = _own_color(number), len(known) == 1, UNITS[metric]
    band: Trace = {
        "type": "scatter",
        "legendgroup": series.name,
        "mode": "lines",
        "x": [*workers, *reversed(workers)],
        "y": [*(y.high for _, y in known), *(y.low for _, y in reversed(known))],
        "fill": "toself",
        "fillcolor": color(paint, faint=True),
        "line": {"color": color(paint), "width": 8 if alone else 0},
        "opacity": 0.3 if alone else 1,
        "hoverinfo": "skip",
        "showlegend": False,
    }
    line: Trace = {
        "type": "scatter",
        "legendgroup": series.name,
        "mode": "lines+markers",
        "x": workers,
        "y": [y.mean for _, y in known],
        "customdata": [
            [p.workers, y.low, y.high, "extrapolated" if p.extrapolated else ""] for p, y in known
        ],
        "hovertemplate": f"{hover(series.name)}, predicted<br>"
        f"%{{customdata[0]}} workers: %{{y:.3g}} {unit}<br>{level(plan)} "
        f"%{{customdata[1]:.3g}} … %{{customdata[2]:.3g}} {unit}<br>"
        "%{customdata[3]}<extra></extra>",
        "name": hover(f"{series.name}, predicted"),
        "line": {"color": color(paint), "dash": DASHES[number % len(DASHES)]},
        "marker": {"color": color(paint), "size": 9, "symbol": "line-ew-open"},
    }
    return [band, line]


def _measured(series: Series, metric: str, number: int, place: float) -> list[Trace]:
    """Return the marks of the runs in the profile, faint where their parents ran otherwise."""
    name = "time_s" if metric == "time" else "energy_j"
    runs = [(r, y) for r in series.measured if (y := getattr(r, name)) is not None]
    if not runs:
        return []
    faint = not all(run.comparable for run, _ in runs)
    return [
        {
            "type": "scatter",
            "legendgroup": series.name,
            "mode": "markers",
            "x": [r.workers * place for r, _ in runs],
            "y": [y for _, y in runs],
            "customdata": [r.workers for r, _ in runs],
            "hovertemplate": f"{hover(series.name)}, measured<br>"
            f"%{{customdata}} workers: %{{y:.3g}} {UNITS[metric]}<extra></extra>",
            "name": hover(f"{series.name}, measured"),
            "marker": {
                "color": color(_own_color(number)),
                "size": 6,
                "symbol": SYMBOLS[number % len(SYMBOLS)],
                "opacity": [0.9 if r.comparable else 0.3 for r, _ in runs] if faint else 0.9,
            },
        }
    ]


def _mark(
    stage: StageCurves,
    key: tuple[float, int, int],
    metric: str,
    name: str,
    marker: dict[str, str],
) -> Trace:
    value = next(
        getattr(point, metric)
        for series in stage.series
        for point in series.predicted
        if (series.cpu, series.memory_mb, point.workers) == key
    )
    cpu, memory, workers = key
    place = [(series.cpu, series.memory_mb) for series in stage.series].index((cpu, memory))
    how = f"{workers} workers × {cpu:g} cpu × {memory} MB"
    shown = format_quantity(value.mean, UNITS[metric])
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [workers * beside(place, len(stage.series))],
        "y": [value.mean],
        "text": [hover(name, how, f"{metric}: {shown}")],
        "hovertemplate": "%{text}<extra></extra>",
        "name": name,
        "marker": {**marker, "size": 14, "line": {"color": marker["color"], "width": 2}},
    }
