"""Energy meters, power curves and attribution. Standard library only: workers import this."""

from flexecutor_energy.energy.collector import Clocks, EnergyCollector
from flexecutor_energy.energy.curves import coefficient_curve, default_curve, tdp_curve
from flexecutor_energy.energy.power import PowerCurve
from flexecutor_energy.energy.reading import Availability, EnergyDelta, EnergyReading

__all__ = [
    "Availability",
    "Clocks",
    "EnergyCollector",
    "EnergyDelta",
    "EnergyReading",
    "PowerCurve",
    "coefficient_curve",
    "default_curve",
    "tdp_curve",
]
