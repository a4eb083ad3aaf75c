"""Held-out predictions against measurements."""

from collections.abc import Sequence

from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.quantities import format_quantity
from flexecutor_energy.reports.accuracy import HeldOut
from flexecutor_energy.reports.charts.parts import (
    COLORS,
    SYMBOLS,
    Chart,
    Trace,
    axis_title,
    color,
    hover,
)
from flexecutor_energy.reports.labels import UNITS, axis, logarithmic_ticks


def accuracy_chart(held_out: Sequence[HeldOut], plan: Plan, metric: str) -> Chart | None:
    """Return the chart of measured against predicted ``time`` or ``energy``.

    None where nothing was held out.
    """
    pairs = [(run, *pair) for run in held_out if (pair := run.pair(metric)) is not None]
    if not pairs:
        return None
    names = list(dict.fromkeys(run.stage_id for run, _, _ in pairs))
    few = len(names) <= COLORS
    traces: list[Trace] = []
    for number, name in enumerate(names if few else ["all stages"]):
        own = [pair for pair in pairs if not few or pair[0].stage_id == name]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [measured for _, measured, _ in own],
                "y": [predicted for _, _, predicted in own],
                "text": [_text(run, m, p, UNITS[metric]) for run, m, p in own],
                "hovertemplate": "%{text}<extra></extra>",
                "name": hover(name),
                "marker": {
                    "color": color(number),
                    "symbol": SYMBOLS[number % len(SYMBOLS)],
                    "size": 7,
                    "opacity": 0.75,
                },
            }
        )
    values = [value for _, measured, predicted in pairs for value in (measured, predicted)]
    ends = [min(values) / 1.1, max(values) * 1.1]
    ticks = logarithmic_ticks(*ends)
    names_of_ticks = [f"{tick:g}" for tick in ticks]
    logarithmic = {"type": "log", "tickvals": ticks, "ticktext": names_of_ticks}
    traces.append(
        {
            "type": "scatter",
            "mode": "lines",
            "x": ends,
            "y": ends,
            "line": {"color": "@quiet", "width": 1},
            "hoverinfo": "skip",
            "name": "as predicted",
        }
    )
    return Chart(
        name=f"accuracy-{metric}",
        description=f"Measured against predicted {metric} of {len(pairs)} runs, each predicted "
        "by models that did not see its configuration; the table below holds the errors.",
        traces=tuple(traces),
        layout={
            "xaxis": {
                "title": axis_title(axis(metric, plan, 40, "measured")),
                **logarithmic,
            },
            "yaxis": {
                "title": axis_title(axis(metric, plan, 40, "predicted")),
                **logarithmic,
            },
        },
    )


def _text(run: HeldOut, measured: float, predicted: float, unit: str) -> str:
    return hover(
        run.stage_id,
        str(run.config),
        f"measured {format_quantity(measured, unit)}",
        f"predicted {format_quantity(predicted, unit)}, {100 * (predicted / measured - 1):+.1f} %",
    )
