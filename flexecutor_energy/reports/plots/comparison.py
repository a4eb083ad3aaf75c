"""Energy methods beside each other, and parallelism against energy, for papers."""

import textwrap
from typing import TYPE_CHECKING

from flexecutor_energy.drawing.palette import BLACK, QUIET, SERIES
from flexecutor_energy.energy.method import EnergyMethod
from flexecutor_energy.profiling.comparison import MethodComparison
from flexecutor_energy.reports.plots.style import LINES, MARKERS, legend_below, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT = 3.6
_LINE = 110


def plot_comparison(comparison: MethodComparison) -> "Figure":
    """Return workers against energy, the minimum marked, and workers against time."""
    with new_figure(_HEIGHT) as figure:
        energy, host, time = figure.subplots(1, 3)
        _energy(energy, comparison, host=False)
        energy.set_title("workers' energy", loc="left")
        _energy(host, comparison, host=True)
        host.set_title("whole host's energy", loc="left")
        _time(time, comparison)
        time.set_title("time", loc="left")
        time.set_ylabel("time (s), CPU time (s)")
        config = comparison.config
        sources = [f"{name}: {how.describe()}" for name, how in comparison.hows.items()]
        lines = [line for source in sources for line in textwrap.wrap(source, _LINE)]
        title = (
            f"{comparison.dag}, {config.cpu:g} core a worker: mean of repetitions and their range"
        )
        figure.suptitle("\n".join([title, *lines]), fontsize=8)
        legend_below(figure, (energy, host, time), 6)
    return figure


def _energy(axes: "Axes", comparison: MethodComparison, *, host: bool) -> None:
    for number, (method, how) in enumerate(comparison.hows.items()):
        spreads = {
            count: spread
            for count in comparison.worker_counts
            if (spread := comparison.energy(method, count, host=host)) is not None
        }
        color = SERIES[number % len(SERIES)]
        means = [spread.mean for spread in spreads.values()]
        below = [spread.mean - spread.low for spread in spreads.values()]
        above = [spread.high - spread.mean for spread in spreads.values()]
        axes.errorbar(
            list(spreads),
            means,
            yerr=[below, above],
            color=color,
            marker=MARKERS[number % len(MARKERS)],
            linestyle=LINES[number % len(LINES)],
            capsize=2,
            markersize=4,
            label=_name(method, how),
        )
        alone = comparison.energy(method, 0, host=host) if comparison.has_native else None
        if alone is not None:
            axes.axhline(alone.mean, color=color, linewidth=0.9, linestyle=":")
            axes.annotate(
                "native process",
                (1.0, alone.mean),
                xycoords=("axes fraction", "data"),
                xytext=(0, 2),
                textcoords="offset points",
                ha="right",
                fontsize=6,
                color=QUIET,
            )
        least = comparison.least(method, host=host)
        if least is not None:
            axes.plot(
                [least],
                [spreads[least].mean],
                marker="o",
                markerfacecolor="none",
                markeredgecolor=BLACK,
                markeredgewidth=1.3,
                markersize=11,
                zorder=5,
                linestyle="none",
                label="least mean energy",
            )
    _workers_axis(axes, comparison)
    axes.set_ylabel("energy (J), " + _all_modelled(comparison))


def _time(axes: "Axes", comparison: MethodComparison) -> None:
    counts = comparison.worker_counts
    times = [spread.mean for count in counts if (spread := comparison.time(count)) is not None]
    used = [spread.mean for count in counts if (spread := comparison.cpu(count)) is not None]
    axes.plot(counts, times, color=QUIET, marker="o", markersize=4, label="time")
    axes.plot(
        counts, used, color=QUIET, marker="s", markersize=4, linestyle="--", label="CPU time"
    )
    _workers_axis(axes, comparison)


def _workers_axis(axes: "Axes", comparison: MethodComparison) -> None:
    counts = comparison.worker_counts
    axes.set_xscale("log", base=2)
    axes.set_xticks(counts, [str(count) for count in counts], minor=False)
    axes.set_xlim(counts[0] / 1.3, counts[-1] * 1.3)
    axes.minorticks_off()
    axes.set_xlabel("workers")
    axes.set_ylim(bottom=0)


def _name(method: str, how: EnergyMethod) -> str:
    return f"{method} ({'modelled' if how.modelled else 'measured'})"


def _all_modelled(comparison: MethodComparison) -> str:
    kinds = {"modelled" if how.modelled else "measured" for how in comparison.hows.values()}
    return " and ".join(sorted(kinds)) or "not known"
