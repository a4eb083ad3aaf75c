"""Energy meters, power curves and attribution. Standard library only: workers import parts of it.

Names are loaded when they are first used.
"""

from typing import TYPE_CHECKING

from flexecutor_energy.exports import exporting

if TYPE_CHECKING:
    from flexecutor_energy.energy.attribution import attribute
    from flexecutor_energy.energy.collector import EnergyCollector
    from flexecutor_energy.energy.counters import energy_between, unwrapped
    from flexecutor_energy.energy.method import EnergyMethod, modelled
    from flexecutor_energy.energy.model import ModelCollector
    from flexecutor_energy.energy.modelling import linear_energy, model_host_trace, modelled_energy
    from flexecutor_energy.energy.perf import PerfCollector
    from flexecutor_energy.energy.power import PowerCurve
    from flexecutor_energy.energy.rapl import RaplCollector
    from flexecutor_energy.energy.reading import Availability, EnergyDelta, EnergyReading
    from flexecutor_energy.energy.replay import ReplayCollector
    from flexecutor_energy.energy.rollup import RollUp, roll_up
    from flexecutor_energy.energy.select import available_collectors, select_collector
    from flexecutor_energy.energy.traces import Attribution, HostTrace, WorkerEnergy, WorkerTrace
    from flexecutor_energy.lithops_meter.meter import measure

__all__ = [
    "Attribution",
    "Availability",
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
    "RollUp",
    "WorkerEnergy",
    "WorkerTrace",
    "attribute",
    "available_collectors",
    "energy_between",
    "linear_energy",
    "measure",
    "model_host_trace",
    "modelled",
    "modelled_energy",
    "roll_up",
    "select_collector",
    "unwrapped",
]


# ``measure`` belongs to those who use energy, and is found here because users look for it here;
# it lies in a layer above this one, which is not loaded before somebody asks for the name.
__getattr__ = exporting(
    __name__,
    {
        ".attribution": ("attribute",),
        ".collector": ("EnergyCollector",),
        ".counters": ("energy_between", "unwrapped"),
        "flexecutor_energy.lithops_meter.meter": ("measure",),
        ".method": ("EnergyMethod", "modelled"),
        ".model": ("ModelCollector",),
        ".modelling": ("linear_energy", "model_host_trace", "modelled_energy"),
        ".perf": ("PerfCollector",),
        ".power": ("PowerCurve",),
        ".rapl": ("RaplCollector",),
        ".reading": ("Availability", "EnergyDelta", "EnergyReading"),
        ".replay": ("ReplayCollector",),
        ".rollup": ("RollUp", "roll_up"),
        ".select": ("available_collectors", "select_collector"),
        ".traces": ("Attribution", "HostTrace", "WorkerEnergy", "WorkerTrace"),
    },
)
