"""Power models that real servers have, to ask whether a choice holds under all of them.

Energy is modelled as watts of a core against the load of its host. The constants are uncertain,
but common to all candidates, so that a *choice* can be sure where a *number* is not. A world is
one set of constants:

* *servers*: wall power at 0, 10, 50 and 100 % load as SPECpower_ssj2008 results since 2017 spread
  (n = 212): at each load the logarithm of watts over TDP is normal with the published median, and
  with the published 10th and 90th percentile on either side of it. Idle power, full power and the
  shape between them are three independent factors, whose weights at 10 and 50 % give the
  correlations of the eleven servers in ``benchmarks/robustness.py``: the jump from idle to 10 %
  load is anything from 3 to 30 % of their full power, so that a line between the ends misses.
* *published curves*: the package curve of Teads, and the watts per thread of each architecture
  that Cloud Carbon Footprint measured. They are what people use who do not measure.
* *memory*: in every other world memory draws 0.392 W for each GB that is reserved (Cloud Carbon
  Footprint) beside the cores; in the others it is part of the idle power of the cores.

How large the watts are does not matter to a choice, but to memory beside cores: a server in the
middle of the distribution draws at full load what the plan's own model says.
"""

import math
import random
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from flexecutor_energy.energy import specpower
from flexecutor_energy.energy.curves import TEADS_SHAPE
from flexecutor_energy.energy.specpower import LOADS
from flexecutor_energy.records.power_facts import PowerFacts

MEMORY_W_GB = 0.392
"""Watts of a GB of memory: Cloud Carbon Footprint, methodology of 2023."""

CCF_THREAD_W = {
    "Skylake": (0.65, 4.26),
    "Cascade Lake": (0.64, 3.97),
    "EPYC 1st Gen": (0.82, 2.55),
    "EPYC 2nd Gen": (0.47, 1.69),
    "mean": (0.74, 3.5),
}
"""Idle and full watts of a thread: Cloud Carbon Footprint, AWS constants of 2023."""

SERVERS = 200
"""Servers that are drawn. A share of 93 % is then known to about 4 points (95 %)."""

_FACTORS = ((1.0, 0.0, 0.0), (0.58, 0.36, 0.73), (0.39, 0.70, 0.60), (0.0, 1.0, 0.0))
"""Weights of idle power, full power and shape at each load."""

_TAIL = NormalDist().inv_cdf(0.9)


@dataclass(frozen=True, slots=True)
class World:
    """One power model of a host, per core.

    Attributes
    ----------
    name : whose it is
    watts : of a core, averaged over all, at each of the loads
    memory_w_gb : watts of each GB that is reserved, beside the cores
    loads : rising from 0 to 1; between them watts lie on straight lines
    """

    name: str
    watts: tuple[float, ...]
    memory_w_gb: float = 0.0
    loads: tuple[float, ...] = LOADS

    @property
    def idle_w(self) -> float:
        """Watts of a core without load."""
        return self.watts[0]

    def calibrated(self) -> "World":
        """Return what is known of this world after calibrating.

        True ends, and the median shape of servers between them (``PowerCurve.calibrated``).
        """
        idle, full = self.watts[0], self.watts[-1]
        rises = np.interp(self.loads, LOADS, specpower.RISE)
        watts = tuple(idle + (full - idle) * float(rise) for rise in rises)
        return replace(self, name=f"{self.name}, calibrated", watts=watts)


def draw_worlds(power: PowerFacts, servers: int = SERVERS, seed: int = 0) -> list[World]:
    """Return the worlds that a plan is re-evaluated under.

    Where idle and full power were measured, only what lies between them is drawn.

    Parameters
    ----------
    power : the plan's own model
    servers : how many servers to draw
    seed : the same seed gives the same worlds
    """
    generator = random.Random(seed)
    full = power.full_w / specpower.MEDIAN[-1]
    drawn = [
        World(f"server {number}", tuple(full * ratio for ratio in _server(generator)))
        for number in range(1, servers + 1)
    ]
    published = [World("Teads", tuple(power.full_w * share for share in TEADS_SHAPE))]
    for name, (idle, busy) in CCF_THREAD_W.items():
        line = tuple((idle + (busy - idle) * load) * power.full_w / busy for load in LOADS)
        published.append(World(f"Cloud Carbon Footprint, {name}", line))
    worlds = [*published, *drawn]
    if power.origin == "calibrated":
        worlds = [_between(world, power) for world in worlds]
    return [
        replace(world, memory_w_gb=MEMORY_W_GB if number % 2 else 0.0)
        for number, world in enumerate(worlds)
    ]


def _server(generator: random.Random) -> list[float]:
    """Return watts over TDP of one server at the four loads."""
    drawn = [generator.gauss(0, 1) for _ in _FACTORS[0]]
    ratios: list[float] = []
    for weights, low, middle, high in zip(
        _FACTORS, specpower.P10, specpower.MEDIAN, specpower.P90, strict=True
    ):
        factors = sum(weight * each for weight, each in zip(weights, drawn, strict=True))
        place = factors / math.hypot(*weights)  # standard normal
        end = high if place > 0 else low
        ratio = middle * (end / middle) ** (abs(place) / _TAIL)
        ratios.append(max([ratio, *ratios]))
    return ratios


def _between(world: World, power: PowerFacts) -> World:
    """Return a world with the measured ends, and its own shape between them."""
    idle, full = world.watts[0], world.watts[-1]
    if full <= idle:
        return replace(world, watts=tuple(power.idle_w for _ in LOADS))
    rise = power.full_w - power.idle_w
    shape = tuple(power.idle_w + rise * (watts - idle) / (full - idle) for watts in world.watts)
    return replace(world, watts=shape)
