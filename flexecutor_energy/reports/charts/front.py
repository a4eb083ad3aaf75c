"""Time against energy, and against cost."""

from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.quantities import Interval, format_quantity
from flexecutor_energy.reports.charts.parts import (
    SYMBOLS,
    Chart,
    Trace,
    axis_title,
    boxes,
    color,
    hover,
)
from flexecutor_energy.reports.front import Front, FrontPoint
from flexecutor_energy.reports.labels import UNITS, axis, configurations, level

CHOSEN = 1
"""Number of the colour of the chosen plan everywhere."""


def front_chart(front: Front, plan: Plan, metric: str) -> Chart:
    """Return the chart of time against ``energy`` or ``cost``."""
    line = [p for p in front.line(metric) if getattr(p, metric) is not None]
    areas: list[Trace] = [
        boxes([_ends(p, metric) for p in line], f"{level(plan)} of each", 0, visible="legendonly")
    ]
    marks: list[Trace] = [
        {
            **_marks(line, metric, "best trade-offs", 0, "circle", 7),
            "mode": "lines+markers",
            "line": {"color": color(0), "width": 2},
        }
    ]
    number = CHOSEN
    for point in front.marks:
        if getattr(point, metric) is None or point.kind == "measured":
            continue
        if point.kind == "chosen":
            symbol, size = "star", 18
        else:
            number += 1
            symbol, size = f"{SYMBOLS[number % len(SYMBOLS)]}-open", 14
        group = {"legendgroup": point.name}
        mine = CHOSEN if point.kind == "chosen" else number
        areas.append(boxes([_ends(point, metric)], point.name, mine, showlegend=False, **group))
        marks.append(_marks([point], metric, point.name, mine, symbol, size) | group)
    runs = [p for p in front.marks if p.kind == "measured" and getattr(p, metric) is not None]
    if runs:
        crosses = _marks(runs, metric, "measured runs", 0, "x-thin", 9)
        crosses["marker"] |= {"color": "@ink", "line": {"color": "@ink", "width": 2}}
        marks.append(crosses)
    return Chart(
        name=f"front-{metric}",
        description=_description(line, front, plan, metric),
        traces=(*areas, *marks),  # areas first: they would cover marks
        layout={
            "xaxis": {"title": axis_title(axis("time", plan))},
            "yaxis": {"title": axis_title(axis(metric, plan, 44)), "tickformat": "~g"},
            "shapes": _deadline(plan),
            "annotations": _deadline_name(plan),
        },
    )


def _marks(
    points: list[FrontPoint], metric: str, name: str, number: int, symbol: str, size: int
) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [p.time.mean for p in points],
        "y": [getattr(p, metric).mean for p in points],
        "text": [point_text(p) for p in points],
        "hovertemplate": "%{text}<extra></extra>",
        "name": hover(name),
        "marker": {
            "color": color(number),
            "symbol": symbol,
            "size": size,
            "line": {"color": color(number), "width": 2 if symbol.endswith("open") else 0},
        },
    }


def point_text(point: FrontPoint) -> str:
    """Return what hovering over a point shows: name, numbers, configuration of each stage."""
    numbers = [
        f"{metric}: {_shown(value, UNITS[metric])}"
        for metric in ("time", "energy", "cost")
        if (value := getattr(point, metric)) is not None
    ]
    broken = [f"breaks a bound: {text}" for text in point.broken]
    return hover(point.name, *numbers, *broken, *configurations(dict(point.configs)))


def _shown(value: Interval, unit: str) -> str:
    mean = format_quantity(value.mean, unit)
    if value.low == value.high:
        return mean
    return f"{mean} ({format_quantity(value.low, unit)} … {format_quantity(value.high, unit)})"


def _ends(point: FrontPoint, metric: str) -> tuple[float, float, float, float]:
    value = getattr(point, metric)
    return point.time.low, point.time.high, value.low, value.high


def _deadline(plan: Plan) -> list[Trace]:
    if plan.terms.max_time is None:
        return []
    at = plan.terms.max_time
    line = {"color": "@quiet", "width": 1.5, "dash": "dot"}
    return [{"type": "line", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1, "line": line}]


def _deadline_name(plan: Plan) -> list[Trace]:
    if plan.terms.max_time is None:
        return []
    return [
        {
            "x": plan.terms.max_time,
            "y": 1,
            "yref": "paper",
            "text": "deadline",
            "showarrow": False,
            "textangle": -90,
            "xanchor": "right",
            "yanchor": "top",
            "font": {"color": "@quiet", "size": 11},
        }
    ]


def _description(line: list[FrontPoint], front: Front, plan: Plan, metric: str) -> str:
    own = getattr(plan, metric)
    text = f"Time against {metric}. This plan: {_shown(plan.time, 's')}"
    text += f" and {_shown(own, UNITS[metric])}. " if own is not None else ". "
    if line:
        fast, slow = getattr(line[0], metric), getattr(line[-1], metric)
        text += (
            f"The front has {len(line)} points, from {format_quantity(line[0].time.mean, 's')} "
            f"with {format_quantity(fast.mean, UNITS[metric])} to "
            f"{format_quantity(line[-1].time.mean, 's')} with "
            f"{format_quantity(slow.mean, UNITS[metric])}. "
        )
    return text + f"Also shown: {', '.join(p.name for p in front.marks[1:]) or 'nothing else'}."
