"""Other ways of choosing configurations, to compare plans with: published methods and naive ones.

They choose from the candidates and predictions that `optimization.solve` gets. None of them is
used to make plans.
"""

from flexecutor_energy.optimization.schedulers.caerus import Caerus
from flexecutor_energy.optimization.schedulers.catalogue import naive, published
from flexecutor_energy.optimization.schedulers.ditto import Ditto
from flexecutor_energy.optimization.schedulers.draws import drawn_times
from flexecutor_energy.optimization.schedulers.instance import (
    Instance,
    Proposal,
    Scheduler,
    breaks,
)
from flexecutor_energy.optimization.schedulers.jolteon import Jolteon
from flexecutor_energy.optimization.schedulers.naive import BestUniform, Default, Greedy, Random
from flexecutor_energy.optimization.schedulers.orion import Orion

__all__ = [
    "BestUniform",
    "Caerus",
    "Default",
    "Ditto",
    "Greedy",
    "Instance",
    "Jolteon",
    "Orion",
    "Proposal",
    "Random",
    "Scheduler",
    "breaks",
    "drawn_times",
    "naive",
    "published",
]
