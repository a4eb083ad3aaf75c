"""Jolteon: a chance-constrained choice of cores and workers (Zhang, Jin and Jin, NSDI 2024).

Jolteon minimises the expected cost (or latency) such that latency (or cost) stays below its bound
with a given probability. It draws many samples of its stochastic performance model, demands the
bound of each of them, solves this convex problem over real numbers of cores and workers by
sequential least squares (SLSQP), loosens the bound step by step while that has no solution,
rounds up to what is offered, and then probes the neighbourhood of the rounded point, a few steps
along cores and workers, for a plan that keeps the bound in the wanted share of samples, and among
those for the best.

What differs here: the smooth model that SLSQP works on is fitted to the common predictions, with
terms like the paper's, and it is solved in logarithms, in which it is convex whatever the
objective. Every path bounds the deadline, where the authors' program takes two. Samples are the
draws of the instance; the paper's bound on their number (thousands, from a union bound over all
plans) is not enforced, since they come from a limited number of measured runs. Probing takes the
best of all plans in reach that keep the bounds, without the authors' further condition that
each step use more of the bound. Energy takes the place of cost where it is the objective or
bounded, the energy-delay product is minimised as the product of both, and bounds on energy and
cost are kept in the mean.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from flexecutor_energy.optimization.schedulers.instance import Instance, Proposal
from flexecutor_energy.optimization.schedulers.relaxation import Relaxation
from flexecutor_energy.optimization.schedulers.space import Rows, Space
from flexecutor_energy.workflow.config import StageConfig

Point = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Jolteon:
    """Continuous relaxation, rounding up, and probing.

    Attributes
    ----------
    depth : steps from the rounded point that probing goes
    probes : plans that one round of probing looks at, nearest first
    """

    depth: int = 4
    probes: int = 20_000
    name: str = "jolteon"

    def choose(self, instance: Instance) -> Proposal:
        """Return the best plan probed; the nearest where none keeps the bounds."""
        space = Space(instance)
        relaxed = Relaxation(space).solve()
        point = tuple(
            rounded_up(own, cores, workers)
            for own, cores, workers in zip(
                space.configs, relaxed.cores, relaxed.workers, strict=True
            )
        )
        tried = 0
        while True:
            rows = self._around(space, point)
            tried += len(rows)
            judged = space.judge(rows, drawn=True)
            best = judged.order[0]
            # from a plan that keeps the bounds one round is made, as the paper does
            if judged.excess[0] <= 0 or judged.excess[best] >= judged.excess[0]:
                return space.best(rows[best : best + 1], drawn=True, tried=tried)
            point = tuple(int(number) for number in rows[best])

    def _around(self, space: Space, point: Point) -> Rows:
        """Return the plans within a few steps of a point, itself first."""
        steps = [_steps(own) for own in space.configs]
        seen = {point: None}
        border = [point]
        for _ in range(self.depth):
            reached = []
            for center in border:
                for stage, number in enumerate(center):
                    for other in steps[stage][number]:
                        moved = (*center[:stage], other, *center[stage + 1 :])
                        if moved not in seen and len(seen) < self.probes:
                            seen[moved] = None
                            reached.append(moved)
            border = reached
        return np.array(list(seen), dtype=np.intp)


def rounded_up(configs: list[StageConfig], cores: float, workers: float) -> int:
    """Return the number of the nearest configuration with at least these cores and workers.

    Where there is none, the nearest of all, on a log scale.
    """
    slack = 1 - 1e-6
    above = [
        number
        for number, config in enumerate(configs)
        if config.cpu >= cores * slack and config.workers >= workers * slack
    ]

    def distance(number: int) -> float:
        config = configs[number]
        return abs(math.log(config.cpu / cores)) + abs(math.log(config.workers / workers))

    return min(above or range(len(configs)), key=lambda number: (distance(number), number))


def _steps(configs: list[StageConfig]) -> list[list[int]]:
    """Return for each configuration the next ones with as many workers, or of the same size."""
    found: list[list[int]] = [[] for _ in configs]
    for same in (lambda c: c.workers, lambda c: (c.cpu, c.memory)):
        groups: dict[object, list[int]] = {}
        for number, config in enumerate(configs):
            groups.setdefault(same(config), []).append(number)
        for members in groups.values():
            for one, next_one in pairwise(members):
                found[one].append(next_one)
                found[next_one].append(one)
    return found
