"""All schedulers that plans are compared with."""

from flexecutor_energy.optimization.schedulers.caerus import Caerus
from flexecutor_energy.optimization.schedulers.ditto import Ditto
from flexecutor_energy.optimization.schedulers.instance import Scheduler
from flexecutor_energy.optimization.schedulers.jolteon import Jolteon
from flexecutor_energy.optimization.schedulers.naive import BestUniform, Default, Greedy, Random
from flexecutor_energy.optimization.schedulers.orion import Orion


def published() -> list[Scheduler]:
    """Return the schedulers written from papers, the latest first."""
    return [Jolteon(), Ditto(), Orion(), Caerus()]


def naive(seed: int = 0) -> list[Scheduler]:
    """Return what people do without a scheduler.

    Parameters
    ----------
    seed : of the plans drawn at random
    """
    return [
        Default(),
        Greedy("fastest", "time"),
        Greedy("cheapest", "cost"),
        BestUniform(),
        Random(seed=seed),
    ]
