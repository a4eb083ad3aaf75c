"""Whether measurements move away from their predictions over time."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

from flexecutor_energy.auditing.coverage import SIGNIFICANCE, Metric

FEWEST_RUNS = 6
"""Runs below which no trend is looked for: of fewer, few orders are unlikely enough."""

LEAST_CHANGE = 0.05
"""A trend is named from this change on, relatively; below, profiling again would gain little."""


@dataclass(frozen=True, slots=True)
class Drift:
    """Measured over predicted in the order of the runs.

    Attributes
    ----------
    metric : ``time``, ``energy`` or ``cost``
    stage_id : of which stage; "" for whole runs
    runs : how many there are
    early, late : median of the older and of the newer half
    chance : how often runs in a random order would rise or fall at least as steadily
    """

    metric: Metric
    stage_id: str
    runs: int
    early: float
    late: float
    chance: float

    @property
    def change(self) -> float:
        """By what share the newer half is above the older one."""
        return self.late / self.early - 1

    @property
    def drifted(self) -> bool:
        """Whether it moves by 5 % or more, and more steadily than chance explains."""
        return self.chance < SIGNIFICANCE and abs(self.change) >= LEAST_CHANGE


def drift(metric: Metric, stage_id: str, ratios: Sequence[float]) -> Drift | None:
    """Return how ratios move, oldest first; None where there are too few to tell."""
    positive = [ratio for ratio in ratios if ratio > 0]
    if len(positive) < FEWEST_RUNS:
        return None
    half = len(positive) // 2
    return Drift(
        metric=metric,
        stage_id=stage_id,
        runs=len(positive),
        early=statistics.median(positive[:half]),
        late=statistics.median(positive[-half:]),
        chance=steady_by_chance(positive),
    )


def steady_by_chance(values: Sequence[float]) -> float:
    """Return the two-sided probability of a trend as steady as this in a random order.

    Mann (1945) and Kendall (1975): pairs that rise minus pairs that fall, which is about normal
    without a trend, with variance n (n - 1) (2n + 5) / 18; continuity corrected.
    """
    count = len(values)
    rising = sum((later > former) - (later < former) for former, later in combinations(values, 2))
    spread = math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    if spread == 0:
        return 1.0
    steps = max(abs(rising) - 1, 0) / spread
    return 2 * (1 - NormalDist().cdf(steps))
