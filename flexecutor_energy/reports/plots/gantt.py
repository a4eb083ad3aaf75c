"""The plan in time, beside a measured run, with the cores that stand idle; for papers."""

from typing import TYPE_CHECKING

from flexecutor_energy.drawing.palette import BLUE, FAINT, GREEN, QUIET, VERMILLION
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.reports.gantt import Schedule
from flexecutor_energy.reports.labels import asked
from flexecutor_energy.reports.plots.style import legend_below, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_gantt(planned: Schedule, measured: Schedule | None, plan: Plan) -> "Figure":
    """Return the bars of each stage, and below them the cores in use and idle."""
    runs = [planned] if measured is None else [planned, measured]
    bars_height = 0.6 + len(planned.bars) * (0.3 if measured is None else 0.42)
    with new_figure(bars_height + 1.2 * len(runs) + 0.6) as figure:
        heights = [bars_height, *([1.2] * len(runs))]
        parts = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
        _bars(parts[0], planned, measured)
        for axes, run in zip(parts[1:], runs, strict=True):
            _cores(axes, run, BLUE if run is planned else GREEN)
        parts[-1].set_xlabel("time since the run began (s)")
        parts[-1].set_xlim(0, max(run.makespan_s for run in runs) * 1.02)
        if plan.terms.max_time is not None:
            for axes in parts:
                axes.axvline(plan.terms.max_time, color=QUIET, linestyle=":", label="deadline")
            parts[-1].set_xlim(right=max(parts[-1].get_xlim()[1], plan.terms.max_time * 1.02))
        figure.suptitle(f"{plan.dag}: when stages run; plan: {asked(plan)}")
        legend_below(figure, parts)
    return figure


def _bars(axes: "Axes", planned: Schedule, measured: Schedule | None) -> None:
    rows = {bar.stage_id: row for row, bar in enumerate(planned.bars)}
    height = 0.6 if measured is None else 0.36
    up = 0.0 if measured is None else 0.2
    for bar in planned.bars:
        y = rows[bar.stage_id] - up
        edge = VERMILLION if bar.critical else BLUE
        label = "planned, on the critical path" if bar.critical else "planned"
        axes.barh(
            y,
            bar.duration_s,
            height,
            bar.start_s,
            color=BLUE,
            edgecolor=edge,
            linewidth=1.4,
            label=label,
        )
        if bar.slack_s:
            axes.barh(
                y,
                bar.slack_s,
                height,
                bar.end_s,
                color="none",
                edgecolor=QUIET,
                hatch="////",
                linewidth=0.5,
                label="slack",
            )
    for bar in measured.bars if measured is not None else ():
        y = rows[bar.stage_id] + up
        axes.barh(y, bar.duration_s, height, bar.start_s, color=GREEN, label="measured")
    axes.set_yticks(list(rows.values()), list(rows))
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")


def _cores(axes: "Axes", run: Schedule, color: str) -> None:
    seconds = [second for second, _ in run.steps]
    cores = [cores for _, cores in run.steps]
    axes.fill_between(
        [0, run.makespan_s],
        [run.peak_cores] * 2,
        facecolor=FAINT,
        edgecolor=QUIET,
        hatch="\\\\\\\\",
        linewidth=0,
    )
    axes.fill_between(seconds, cores, step="post", color=color, linewidth=0)
    axes.set_ylim(0, run.peak_cores * 1.05)
    axes.set_ylabel("cores")
    total = run.busy_core_s + run.idle_core_s
    axes.set_title(
        f"{run.name}: cores in use; hatched: idle, {run.idle_core_s:.3g} of {total:.3g} "
        f"core-seconds ({100 * run.idle_core_s / total:.0f} %)",
        loc="left",
        fontsize=8,
    )
