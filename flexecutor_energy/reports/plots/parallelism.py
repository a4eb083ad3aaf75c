"""Time and energy against workers, for papers."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flexecutor_energy.drawing.palette import BLACK, SERIES, VERMILLION
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.reports.curves import Series, StageCurves, beside
from flexecutor_energy.reports.labels import axis, level
from flexecutor_energy.reports.plots.style import (
    LINES,
    MARKERS,
    WIDTH,
    legend_below,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW_HEIGHT = 1.9


def plot_parallelism(curves: Sequence[StageCurves], plan: Plan) -> "Figure":
    """Return a row of parts for each stage: workers against time, and against energy."""
    metrics = ["time"] if plan.energy is None else ["time", "energy"]
    sizes = sorted({(s.cpu, s.memory_mb) for stage in curves for s in stage.series})
    height, width = 1.4 + _ROW_HEIGHT * len(curves), WIDTH * (0.6 if len(metrics) == 1 else 1)
    with new_figure(height, width) as figure:
        columns = figure.subfigures(1, len(metrics), squeeze=False)[0]
        drawn: list[Axes] = []
        for metric, column in zip(metrics, columns, strict=True):
            parts = column.subplots(len(curves), 1, squeeze=False)[:, 0]
            for stage, axes in zip(curves, parts, strict=True):
                _part(axes, stage, metric, sizes)
                axes.set_title(stage.stage_id, loc="left", fontweight="bold")
            column.supylabel(axis(metric, plan, 18 + 20 * len(curves)), fontsize=8)
            column.supxlabel(f"workers\n{_key(curves, plan)}", fontsize=8)
            drawn.extend(parts)
        legend_below(figure, drawn, 2 if plan.energy is None else 3)
    return figure


def _key(curves: Sequence[StageCurves], plan: Plan) -> str:
    """Return what shades and faint marks mean."""
    text = f"shaded: {level(plan)}"
    runs = (run for stage in curves for series in stage.series for run in series.measured)
    if any(not run.comparable for run in runs):
        text += "; faint: parents had other workers"
    return text


def _part(
    axes: "Axes", stage: StageCurves, metric: str, sizes: Sequence[tuple[float, int]]
) -> None:
    for series in stage.series:
        number = sizes.index((series.cpu, series.memory_mb))
        place = beside(number, len(sizes))
        _predicted(axes, series, metric, number, place)
        _measured(axes, series, metric, number, place)
    least = stage.fastest if metric == "time" else stage.most_frugal
    if least is not None:
        ring = {"markerfacecolor": "none", "markeredgecolor": BLACK, "markeredgewidth": 1.2}
        _mark(axes, stage, least, metric, sizes, "o", 11, ring | {"label": "least predicted"})
    star = {"color": VERMILLION, "markeredgecolor": "white", "markeredgewidth": 0.5}
    _mark(axes, stage, stage.chosen, metric, sizes, "*", 9, star | {"label": "in this plan"})
    counts = sorted({point.workers for series in stage.series for point in series.predicted})
    axes.set_xscale("log", base=2)
    axes.set_xticks(counts, [str(count) for count in counts], minor=False)
    axes.set_xlim(counts[0] / 1.3, counts[-1] * 1.3)
    axes.minorticks_off()
    axes.set_ylim(bottom=0)


def _predicted(axes: "Axes", series: Series, metric: str, number: int, place: float) -> None:
    points = [(p, y) for p in series.predicted if (y := getattr(p, metric)) is not None]
    workers = [p.workers * place for p, _ in points]
    color = SERIES[number % len(SERIES)]
    ends = [y.low for _, y in points], [y.high for _, y in points]
    if len(points) > 1:
        axes.fill_between(workers, *ends, color=color, alpha=0.13, linewidth=0)
    else:
        axes.vlines(workers, *ends, color=color, alpha=0.3, linewidth=6)
    axes.plot(
        workers,
        [y.mean for _, y in points],
        LINES[number % len(LINES)],
        marker="_" if len(points) == 1 else "",
        markersize=10,
        color=color,
        label=f"{series.name}, predicted",
    )


def _measured(axes: "Axes", series: Series, metric: str, number: int, place: float) -> None:
    name = "time_s" if metric == "time" else "energy_j"
    label: str | None = f"{series.name}, measured"
    for comparable, alpha in ((True, 0.8), (False, 0.25)):
        runs = [
            (run.workers * place, y)
            for run in series.measured
            if run.comparable is comparable and (y := getattr(run, name)) is not None
        ]
        if runs:
            axes.plot(
                [x for x, _ in runs],
                [y for _, y in runs],
                MARKERS[number % len(MARKERS)],
                color=SERIES[number % len(SERIES)],
                markersize=3,
                alpha=alpha,
                markeredgewidth=0,
                label=label,
            )
            label = None


def _mark(
    axes: "Axes",
    stage: StageCurves,
    key: tuple[float, int, int],
    metric: str,
    sizes: Sequence[tuple[float, int]],
    marker: str,
    size: float,
    style: Mapping[str, Any],
) -> None:
    """Mark the prediction of one configuration."""
    cpu, memory, workers = key
    value = next(
        getattr(point, metric)
        for series in stage.series
        for point in series.predicted
        if (series.cpu, series.memory_mb, point.workers) == key
    )
    x = workers * beside(sizes.index((cpu, memory)), len(sizes))
    axes.plot(x, value.mean, marker, markersize=size, linestyle="none", clip_on=False, **style)
