"""How a stage's time falls with its workers: the laws that Ditto and Caerus reason with."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from flexecutor_energy.optimization.schedulers.space import Rows, Space

Size = tuple[float, int]
"""Cores and MB of each worker."""

MOST_TOTALS = 200
"""Totals of workers that are tried; more of them are thinned out evenly on a log scale."""


@dataclass(frozen=True, slots=True)
class SpeedUp:
    """The law ``T(d) = parallel_s / d + serial_s`` for d workers of one size.

    Attributes
    ----------
    parallel_s : worker-seconds that are shared out
    serial_s : seconds that each worker takes anyway
    rate : mean of objective over time: joules, USD or seconds per second of the stage
    """

    parallel_s: float
    serial_s: float
    rate: float


def sizes(space: Space) -> list[Size]:
    """Return the sizes of workers that any stage offers, ascending."""
    return sorted({(c.cpu, c.memory) for own in space.configs for c in own})


def nearest_size(space: Space, stage: int, size: Size) -> Size:
    """Return the size that a stage offers and that is nearest to a given one."""
    offered = {(c.cpu, c.memory) for c in space.configs[stage]}
    if size in offered:
        return size
    return min(offered, key=lambda own: (abs(math.log(own[0] / size[0])), own))


def speed_up(space: Space, stage: int, size: Size) -> SpeedUp:
    """Fit the law of one stage to the predictions for one size, by non-negative least squares.

    Errors are relative. A stage that offers one worker count has nothing to share out.
    """
    own = nearest_size(space, stage, size)
    problem, objective = space.problem, space.instance.objective
    at = [
        candidate
        for candidate, config in enumerate(space.instance.configs[stage])
        if (config.cpu, config.memory) == own
    ]
    workers = np.array([space.instance.configs[stage][candidate].workers for candidate in at])
    times = np.maximum(problem.times[stage][at], 1e-9)
    values = problem.values("energy" if objective == "edp" else objective)
    rate = 0.0 if values is None else float(np.mean(values[stage][at] / times))
    if len(set(workers.tolist())) == 1:
        return SpeedUp(0.0, float(np.mean(times)), rate)
    terms = np.column_stack([1 / workers, np.ones(len(at))]) / times[:, None]
    (parallel, serial), _ = nnls(terms, np.ones(len(at)))
    return SpeedUp(float(parallel), float(serial), rate)


def totals(space: Space) -> list[float]:
    """Return numbers of workers of all stages together, from the fewest to the most."""
    least = sum(min(c.workers for c in own) for own in space.configs)
    most = sum(max(c.workers for c in own) for own in space.configs)
    if most - least < MOST_TOTALS:
        return [float(total) for total in range(least, most + 1)]
    return [float(total) for total in np.geomspace(least, most, MOST_TOTALS)]


def parallel_rows(space: Space, shares: list[float], size: Size) -> Rows:
    """Return a plan for each total of workers, shared out in fixed ratios.

    Each stage gets the largest worker count that it offers up to its share of the total, at
    least the smallest.

    Parameters
    ----------
    shares : of the total, one for each stage
    size : of the workers, as near to it as a stage offers
    """
    columns = []
    amounts = np.array(totals(space))
    for stage, share in enumerate(shares):
        own = nearest_size(space, stage, size)
        numbers = [n for n, c in enumerate(space.configs[stage]) if (c.cpu, c.memory) == own]
        counts = np.array([space.configs[stage][n].workers for n in numbers])
        below = np.searchsorted(counts, amounts * share * (1 + 1e-9), side="right") - 1
        columns.append(np.array(numbers)[np.maximum(below, 0)])
    return np.unique(np.column_stack(columns), axis=0).astype(np.intp)
