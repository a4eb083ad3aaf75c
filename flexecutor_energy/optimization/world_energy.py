"""The energies of a plan's candidates in another world than the one they were modelled in.

A candidate's joules are idle watts × reserved core-seconds plus joules per CPU second × CPU
seconds. Both kinds of seconds are what was measured, and stay; the factors change:

* idle joules scale with the idle watts of a core;
* dynamic joules scale with the dynamic watts at the load that the stage puts on its hosts, which
  is read off the plan's own curve: it is the one at which that curve draws these joules in the
  stage's time. Stages that run side by side are taken to meet hosts of their own;
* memory adds its watts for the GB-seconds reserved, where the scope counts reservations.
"""

import math
from collections.abc import Sequence

import numpy as np

from flexecutor_energy.optimization.problem import FloatArray
from flexecutor_energy.optimization.table import Candidate, Table
from flexecutor_energy.optimization.worlds import World
from flexecutor_energy.records.power_facts import PowerFacts

_SMALLEST_LOAD = 1e-6
"""Where a curve is so steep that nothing is left to divide by."""


def parts_known(table: Table) -> bool:
    """Tell whether every candidate says which of its joules are dynamic."""
    return all(
        candidate.energy is not None and candidate.dynamic_j is not None
        for options in table
        for candidate in options.candidates
    )


def world_energies(
    table: Table, power: PowerFacts, worlds: Sequence[World], scope: str
) -> list[FloatArray]:
    """Return joules of every candidate in every world: for each stage an array (worlds, n).

    Parameters
    ----------
    table : candidates whose parts are known
    power : the model that their joules were modelled with
    worlds : the models to evaluate them under
    scope : whose joules they are; reserved memory counts in ``provisioned`` only
    """
    idle_w = np.array([[world.idle_w] for world in worlds])
    counted = 1.0 if scope == "provisioned" else 0.0
    memory = np.array([[world.memory_w_gb * counted] for world in worlds])
    return [_of_stage(options.candidates, power, worlds, idle_w, memory) for options in table]


def _of_stage(
    candidates: Sequence[Candidate],
    power: PowerFacts,
    worlds: Sequence[World],
    idle_w: FloatArray,
    memory: FloatArray,
) -> FloatArray:
    loads = np.array([max(load_of(c, power), _SMALLEST_LOAD) for c in candidates])
    total = np.array([c.energy.mean if c.energy is not None else 0.0 for c in candidates])
    dynamic = np.array([c.dynamic_j or 0.0 for c in candidates])
    above_idle = np.array([np.interp(loads, w.loads, w.watts) for w in worlds]) - idle_w
    own = np.array([power.dynamic_w(load) for load in loads])
    gb_s = np.array([c.memory_gb_s for c in candidates])
    joules: FloatArray = above_idle / own * dynamic + memory * gb_s
    if power.idle_w > 0:
        joules += idle_w / power.idle_w * np.maximum(total - dynamic, 0.0)
    return joules


def load_of(candidate: Candidate, power: PowerFacts) -> float:
    """Return the load of its hosts, 0…1, while a candidate runs."""
    if candidate.dynamic_j is None or candidate.time.mean <= 0:
        return 0.0
    drawn_w = candidate.dynamic_j / (candidate.time.mean * power.cores)
    if power.bend_w == 0:
        return min(drawn_w / power.rate_w, 1.0)
    # (rate + bend · u) · u = drawn, the root before the curve would fall
    inside = power.rate_w**2 + 4 * power.bend_w * drawn_w
    root = (math.sqrt(max(inside, 0.0)) - power.rate_w) / (2 * power.bend_w)
    return min(root, 1.0)
