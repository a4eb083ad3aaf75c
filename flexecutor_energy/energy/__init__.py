"""Energy meters, power curves and attribution. Standard library only: workers import this."""

from flexecutor_energy.energy.attribution import attribute
from flexecutor_energy.energy.collector import Clocks, EnergyCollector
from flexecutor_energy.energy.counters import energy_between
from flexecutor_energy.energy.curves import coefficient_curve, default_curve, tdp_curve
from flexecutor_energy.energy.method import EnergyMethod, modelled
from flexecutor_energy.energy.model import ModelCollector
from flexecutor_energy.energy.modelling import linear_energy, model_host_trace, modelled_energy
from flexecutor_energy.energy.perf import PerfCollector
from flexecutor_energy.energy.power import PowerCurve
from flexecutor_energy.energy.rapl import RaplCollector
from flexecutor_energy.energy.reading import Availability, EnergyDelta, EnergyReading
from flexecutor_energy.energy.replay import ReplayCollector
from flexecutor_energy.energy.traces import Attribution, HostTrace, WorkerEnergy, WorkerTrace

__all__ = [
    "Attribution",
    "Availability",
    "Clocks",
    "EnergyCollector",
    "EnergyDelta",
    "EnergyMethod",
    "EnergyReading",
    "HostTrace",
    "ModelCollector",
    "PerfCollector",
    "PowerCurve",
    "RaplCollector",
    "ReplayCollector",
    "WorkerEnergy",
    "WorkerTrace",
    "attribute",
    "coefficient_curve",
    "default_curve",
    "energy_between",
    "linear_energy",
    "model_host_trace",
    "modelled",
    "modelled_energy",
    "tdp_curve",
]
