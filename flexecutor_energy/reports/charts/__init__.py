"""Charts of the page, as plain values in the form that Plotly takes."""

from flexecutor_energy.reports.charts.accuracy import accuracy_chart
from flexecutor_energy.reports.charts.curves import curve_chart
from flexecutor_energy.reports.charts.front import front_chart
from flexecutor_energy.reports.charts.gantt import cores_chart, gantt_chart
from flexecutor_energy.reports.charts.parts import Chart

__all__ = ["Chart", "accuracy_chart", "cores_chart", "curve_chart", "front_chart", "gantt_chart"]
