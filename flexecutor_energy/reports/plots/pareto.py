"""The trade-off between time and energy, or cost, for papers."""

from typing import TYPE_CHECKING

from flexecutor_energy.drawing.palette import BLACK, BLUE, GREEN, ORANGE, PURPLE, QUIET, VERMILLION
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.quantities import Interval
from flexecutor_energy.reports.front import Front, FrontPoint
from flexecutor_energy.reports.labels import asked, axis, level
from flexecutor_energy.reports.plots.style import legend_below, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OTHERS = ((GREEN, "s"), (ORANGE, "^"), (PURPLE, "D"), (BLUE, "v"))


def plot_front(front: Front, plan: Plan) -> "Figure":
    """Return the fronts with interval boxes, named plans and measured runs."""
    metrics = [m for m in ("energy", "cost") if getattr(plan, m) is not None]
    with new_figure(3.9) as figure:
        parts = figure.subplots(1, len(metrics), squeeze=False)[0]
        for axes, metric in zip(parts, metrics, strict=True):
            _part(axes, front, plan, metric)
        figure.suptitle(f"{plan.dag}: time against {' and '.join(metrics)}; plan: {asked(plan)}")
        legend_below(figure, parts)
    return figure


def _part(axes: "Axes", front: Front, plan: Plan, metric: str) -> None:
    line = [(p, y) for p in front.line(metric) if (y := getattr(p, metric)) is not None]
    for number, (point, y) in enumerate(line):
        _box(axes, point.time, y, BLUE, 0.05, level(plan) if number == 0 else None)
    axes.plot(
        [p.time.mean for p, _ in line],
        [y.mean for _, y in line],
        color=BLUE,
        marker="o",
        markersize=3,
        label="best trade-offs",
        zorder=3,
    )
    styles = iter(_OTHERS * 3)
    for point in front.marks:
        y = getattr(point, metric)
        if y is not None:
            _mark(axes, point, y, next(styles) if point.kind == "alternative" else None)
    if plan.terms.max_time is not None:
        axes.axvline(plan.terms.max_time, color=QUIET, linestyle=":", label="deadline")
    axes.set_xlabel(axis("time", plan))
    axes.set_ylabel(axis(metric, plan, 40))
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 4))


def _mark(axes: "Axes", point: FrontPoint, y: Interval, style: tuple[str, str] | None) -> None:
    if point.kind == "measured":
        seen = any(label == "measured runs" for label in axes.get_legend_handles_labels()[1])
        label = None if seen else "measured runs"
        axes.plot(point.time.mean, y.mean, "x", color=BLACK, markersize=5, label=label, zorder=5)
        return
    color, marker = style or (VERMILLION, "*")
    size, fill = (11.0, color) if point.kind == "chosen" else (7.0, "none")
    _box(axes, point.time, y, color, 0.0)
    axes.plot(
        point.time.mean,
        y.mean,
        marker=marker,
        linestyle="none",
        markersize=size,
        markerfacecolor=fill,
        markeredgecolor=color,
        markeredgewidth=1.4,
        label=point.name,
        zorder=4,
    )


def _box(
    axes: "Axes", x: Interval, y: Interval, color: str, alpha: float, label: str | None = None
) -> None:
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Rectangle

    axes.add_patch(
        Rectangle(
            (x.low, y.low),
            x.high - x.low,
            y.high - y.low,
            facecolor=to_rgba(color, alpha),
            edgecolor=to_rgba(color, 0.25 if alpha else 0.9),
            linewidth=0.4 if alpha else 0.8,
            label=label,
            zorder=1,
        )
    )
