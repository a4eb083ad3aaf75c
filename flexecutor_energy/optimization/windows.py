"""What precedence alone says about each stage, and which candidates it leaves."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flexecutor_energy.optimization.capacity import tails
from flexecutor_energy.optimization.problem import METRICS, TOLERANCE, FloatArray, Problem


def heads(problem: Problem, durations_s: Sequence[float]) -> list[float]:
    """Return the earliest start of each stage, seconds."""
    start = [0.0] * len(durations_s)
    for stage in problem.order:
        start[stage] = max(
            (start[i] + durations_s[i] for i in problem.parents[stage]), default=0.0
        )
    return start


def admissible(problem: Problem) -> list[NDArray[np.bool_]]:
    """Return for each stage which candidates break no bound beside the best all others can do.

    That is: with the fastest, the most frugal and the cheapest candidates of the other stages.
    The checker looks at the same candidates.
    """
    fast = [float(times.min()) for times in problem.times]
    around = np.array(heads(problem, fast)) + np.array(tails(problem, fast)) - fast
    fits = [np.ones(len(times), dtype=bool) for times in problem.times]
    for metric in METRICS:
        values = problem.values(metric)
        if values is None or problem.bound(metric) is None:
            continue
        rate, limit = problem.per_second(metric), problem.limit(metric)
        least = np.zeros(len(fast)) if metric == "time" else _least(values)
        total = float(least.sum())
        for stage, times in enumerate(problem.times):
            own = 0.0 if metric == "time" else values[stage] - least[stage]
            fits[stage] &= total + own + rate * (around[stage] + times) <= limit
    if problem.capacity is not None and problem.cores is not None:
        for stage, cores in enumerate(problem.cores):
            fits[stage] &= cores <= problem.capacity * (1 + TOLERANCE)
    return fits


def _least(values: Sequence[FloatArray]) -> FloatArray:
    return np.array([float(array.min()) for array in values])
