"""Pictures for papers, by matplotlib."""

from flexecutor_energy.reports.plots.accuracy import plot_accuracy
from flexecutor_energy.reports.plots.gantt import plot_gantt
from flexecutor_energy.reports.plots.parallelism import plot_parallelism
from flexecutor_energy.reports.plots.pareto import plot_front

__all__ = ["plot_accuracy", "plot_front", "plot_gantt", "plot_parallelism"]
