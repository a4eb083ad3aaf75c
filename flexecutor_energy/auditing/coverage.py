"""Realised coverage: how often measurements lay inside their intervals."""

import math
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from flexecutor_energy.optimization.audit import Comparison

Metric = Literal["time", "energy", "cost"]
METRICS: tuple[Metric, ...] = ("time", "energy", "cost")

SIGNIFICANCE = 0.05
"""A stage is named where chance alone would put as many of its runs outside this seldom."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How measurements of one quantity lay beside their predictions.

    Attributes
    ----------
    metric : ``time``, ``energy`` or ``cost``
    stage_id : of which stage; "" for whole runs
    judged : runs in which it was both predicted and measured, in the planned configuration
    inside : how many of them lay inside their interval
    level : the share that should; None without runs
    low, median, high : measured over predicted mean: least, median, greatest; None without runs
    chance : how often that many or more would lie outside if the intervals were right
    """

    metric: Metric
    stage_id: str
    judged: int
    inside: int
    level: float | None
    low: float | None
    median: float | None
    high: float | None
    chance: float

    @property
    def share(self) -> float | None:
        """Share of the judged runs inside; None where none was judged."""
        return self.inside / self.judged if self.judged else None

    @property
    def drifted(self) -> bool:
        """Whether more runs lay outside than chance explains."""
        return self.chance < SIGNIFICANCE


@dataclass(frozen=True, slots=True)
class BoundsKept:
    """In how many runs a bound was kept.

    Attributes
    ----------
    name : ``max_time`` and the like; ``all bounds`` for those of one run together
    judged : runs in which it was asked for, and measured
    kept : how many of them kept it
    promised : the share that should, on average; None where runs do not say
    """

    name: str
    judged: int
    kept: int
    promised: float | None = None


def coverage(metric: Metric, stage_id: str, rows: Iterable[Comparison]) -> Coverage:
    """Return how the measurements of one quantity lay beside their predictions."""
    judged = [row for row in rows if row.inside is not None]
    inside = sum(1 for row in judged if row.inside)
    levels = [row.predicted.level for row in judged if row.predicted is not None]
    level = statistics.fmean(levels) if levels else None
    ratios = [row.ratio for row in judged if row.ratio is not None]

    def of(function: Callable[[list[float]], float]) -> float | None:
        return function(ratios) if ratios else None

    return Coverage(
        metric=metric,
        stage_id=stage_id,
        judged=len(judged),
        inside=inside,
        level=level,
        low=of(min),
        median=of(statistics.median),
        high=of(max),
        chance=at_least(len(judged) - inside, len(judged), 1 - level)
        if level is not None
        else 1.0,
    )


def at_least(count: int, of: int, share: float) -> float:
    """Return the probability of ``count`` or more successes in so many independent trials."""
    if count == 0:
        return 1.0
    terms = (math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(count, of + 1))
    return min(math.fsum(terms), 1.0)
