"""Which configurations an adaptive sweep begins with: few, and spread over the space."""

import math
import random
from collections import Counter
from collections.abc import Sequence

from flexecutor_energy.workflow.config import StageConfig

Point = tuple[float, ...]


def spread_out(configs: Sequence[StageConfig], seed: int) -> list[StageConfig]:
    """Return configurations to begin with: two opposite corners, and one more for each axis.

    After the corners each choice takes the values that were taken least so far, as in a Latin
    hypercube, and of those the configuration farthest from the others.

    Parameters
    ----------
    configs : all of them, at least one
    seed : which corners, and what to take of equals
    """
    chance = random.Random(seed)
    points = _points(configs)
    axes = len(next(iter(points.values())))
    if axes == 0:
        return list(configs[:1])
    corner = tuple(chance.choice((0.0, 1.0)) for _ in range(axes))
    opposite = tuple(1.0 - end for end in corner)
    chosen: list[StageConfig] = []
    for end in (corner, opposite):
        nearest = min(points, key=lambda config: math.dist(points[config], end))
        if nearest not in chosen:
            chosen.append(nearest)
    taken = [Counter(points[config][axis] for config in chosen) for axis in range(axes)]
    while len(chosen) < min(2 + axes, len(points)):
        left = [config for config in points if config not in chosen]
        chance.shuffle(left)

        def rank(config: StageConfig) -> tuple[int, float]:
            used = sum(taken[axis][points[config][axis]] for axis in range(axes))
            return used, -min(math.dist(points[config], points[other]) for other in chosen)

        best = min(left, key=rank)
        chosen.append(best)
        for axis in range(axes):
            taken[axis][points[best][axis]] += 1
    return chosen


def _points(configs: Sequence[StageConfig]) -> dict[StageConfig, Point]:
    """Return each configuration as the logarithms of what varies, from 0 to 1.

    Memory that goes along with cpu, as with cloud functions, is no axis of its own.
    """
    columns = [[math.log(c.cpu) for c in configs], [math.log(c.workers) for c in configs]]
    shares = [c.memory / c.cpu for c in configs]
    if max(shares) > 1.05 * min(shares) and min(c.memory for c in configs) > 0:
        columns.append([math.log(c.memory) for c in configs])
    scaled = []
    for column in columns:
        low, high = min(column), max(column)
        if high > low:
            scaled.append([round((value - low) / (high - low), 9) for value in column])
    return {config: tuple(axis[i] for axis in scaled) for i, config in enumerate(configs)}
