"""Held-out predictions against measurements, for papers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flexecutor_energy.drawing.palette import QUIET, SERIES
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.prediction.report import TrainReport
from flexecutor_energy.reports.accuracy import HeldOut
from flexecutor_energy.reports.labels import axis, logarithmic_ticks
from flexecutor_energy.reports.plots.style import MARKERS, legend_below, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_STAGES = len(SERIES)


def plot_accuracy(held_out: Sequence[HeldOut], training: TrainReport, plan: Plan) -> "Figure":
    """Return predicted against measured, of runs that the predictors did not see."""
    metrics = ["time"] if plan.energy is None else ["time", "energy"]
    with new_figure(4.6, 3.6 * len(metrics)) as figure:
        parts = figure.subplots(1, len(metrics), squeeze=False)[0]
        for axes, metric in zip(parts, metrics, strict=True):
            _part(axes, held_out, plan, metric)
            median = getattr(training, f"median_mape_{metric}")
            if median is not None:
                axes.set_title(f"{metric}: median error {100 * median:.1f} %", loc="left")
        figure.suptitle(f"{plan.dag}: held-out configurations")
        legend_below(figure, parts, 6)
    return figure


def _part(axes: "Axes", held_out: Sequence[HeldOut], plan: Plan, metric: str) -> None:
    names = list(dict.fromkeys(run.stage_id for run in held_out))
    ends: list[float] = []
    for number, name in enumerate(names):
        pairs = [pair for run in held_out if run.stage_id == name and (pair := run.pair(metric))]
        few = len(names) <= _MOST_STAGES
        axes.plot(
            [measured for measured, _ in pairs],
            [predicted for _, predicted in pairs],
            MARKERS[number % len(MARKERS)] if few else "o",
            color=SERIES[number if few else 0],
            markersize=4,
            alpha=0.7,
            markeredgewidth=0,
            label=name if few else ("stages" if number == 0 else None),
        )
        ends += [value for pair in pairs for value in pair]
    if ends:
        span = (min(ends) / 1.15, max(ends) * 1.15)
        axes.plot(span, span, color=QUIET, linewidth=0.9, zorder=0)
        _logarithmic(axes, span)
    axes.set_aspect("equal")
    axes.set_xlabel(axis(metric, plan, 44, "measured"))
    axes.set_ylabel(axis(metric, plan, 44, "predicted"))


def _logarithmic(axes: "Axes", span: tuple[float, float]) -> None:
    """Set both axes to the same logarithmic range, with plain numbers at the ticks."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.set_xscale("log")
    axes.set_yscale("log")
    for line in (axes.xaxis, axes.yaxis):
        line.set_major_locator(FixedLocator(logarithmic_ticks(*span)))
        line.set_minor_locator(NullLocator())
        line.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlim(*span)
    axes.set_ylim(*span)
