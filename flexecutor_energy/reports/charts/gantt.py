"""The plan and a measured run in time."""

from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.quantities import format_quantity
from flexecutor_energy.reports.charts.parts import Chart, Trace, axis_title, color, hover
from flexecutor_energy.reports.gantt import Bar, Schedule

_CORES_PX = 300
_ROW_PX = 34


def gantt_chart(planned: Schedule, measured: Schedule | None) -> Chart:
    """Return the bars of every stage: planned, its slack, and measured."""
    traces = [
        _bars("planned", [b for b in planned.bars if not b.critical], 0),
        _bars("planned, critical path", [b for b in planned.bars if b.critical], 1),
        _slack(planned),
    ]
    if measured is not None:
        traces.append(_bars(measured.name, list(measured.bars), 2) | {"offsetgroup": "measured"})
    names = [hover(bar.stage_id) for bar in planned.bars]
    description = f"When each of {len(planned.bars)} stages runs. "
    description += f"The plan takes {format_quantity(planned.makespan_s, 's')}"
    if measured is not None:
        description += f", the measured run took {format_quantity(measured.makespan_s, 's')}"
    return Chart(
        name="gantt",
        description=f"{description}. The table of stages holds the same in numbers.",
        traces=tuple(trace for trace in traces if trace["y"]),
        layout={
            "xaxis": {"title": axis_title("time since the run began (s)"), "rangemode": "tozero"},
            "yaxis": {
                "categoryorder": "array",
                "categoryarray": names,
                "autorange": "reversed",
                "automargin": True,
            },
            "barmode": "group",
            "bargap": 0.25,
            "height": 150 + _ROW_PX * len(names),
        },
    )


def cores_chart(planned: Schedule, measured: Schedule | None, plan: Plan) -> Chart:
    """Return the cores in use over time, and the idle area below the peak."""
    traces: list[Trace] = []
    parts = []
    for number, schedule in enumerate(s for s in (planned, measured) if s is not None):
        own = 0 if number == 0 else 2
        total = schedule.busy_core_s + schedule.idle_core_s
        idle = f"{100 * schedule.idle_core_s / total:.0f} % idle"
        peak = f"peak of {schedule.peak_cores:g} cores"
        parts.append(f"{schedule.name}: {peak}, {idle} of {total:.3g} core-seconds")
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": [second for second, _ in schedule.steps],
                "y": [cores for _, cores in schedule.steps],
                "line": {"shape": "hv", "color": color(own), "width": 2},
                "fill": "tozeroy",
                "fillcolor": color(own, faint=True),
                "name": hover(f"{schedule.name}: {idle}"),
                "hovertemplate": "from %{x:.3g} s: %{y} cores<extra></extra>",
            }
        )
    top = max(s.peak_cores for s in (planned, measured) if s is not None)
    line = {"color": "@quiet", "width": 1, "dash": "dot"}
    return Chart(
        name="cores",
        description=f"Cores in use over time of {plan.dag}. {'; '.join(parts)}.",
        traces=tuple(traces),
        layout={
            "xaxis": {"title": axis_title("time since the run began (s)"), "rangemode": "tozero"},
            "yaxis": {"title": axis_title("cores in use"), "range": [0, top * 1.08]},
            "height": _CORES_PX,
            "shapes": [
                {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": top, "y1": top}
                | {"line": line}
            ],
        },
    )


def _bars(name: str, bars: list[Bar], number: int) -> Trace:
    return {
        "type": "bar",
        "orientation": "h",
        "y": [hover(bar.stage_id) for bar in bars],
        "x": [bar.duration_s for bar in bars],
        "base": [bar.start_s for bar in bars],
        "text": [_text(name, bar) for bar in bars],
        "textposition": "none",
        "hovertemplate": "%{text}<extra></extra>",
        "name": hover(name),
        "marker": {"color": color(number)},
        "offsetgroup": "planned",
    }


def _slack(planned: Schedule) -> Trace:
    bars = [bar for bar in planned.bars if bar.slack_s]
    return {
        "type": "bar",
        "orientation": "h",
        "y": [hover(bar.stage_id) for bar in bars],
        "x": [bar.slack_s for bar in bars],
        "base": [bar.end_s for bar in bars],
        "text": [
            hover(f"{bar.stage_id}: slack of {format_quantity(bar.slack_s, 's')}") for bar in bars
        ],
        "textposition": "none",
        "hovertemplate": "%{text}<extra></extra>",
        "name": "slack",
        "marker": {
            "color": "@clear",
            "line": {"color": "@quiet", "width": 1},
            "pattern": {"shape": "/", "fgcolor": "@quiet", "size": 6},
        },
        "offsetgroup": "planned",
    }


def _text(name: str, bar: Bar) -> str:
    span = f"{format_quantity(bar.start_s, 's')} to {format_quantity(bar.end_s, 's')}"
    return hover(f"{bar.stage_id}, {name}", bar.config, f"from {span}")
