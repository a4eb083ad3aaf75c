"""Whether plans kept their word over many runs: realised coverage, and stages that drifted."""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from flexecutor_energy.optimization.audit import Audit, Comparison
from flexecutor_energy.reports.past_runs import PastRun

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
    """In how many runs a bound was kept."""

    name: str
    judged: int
    kept: int


@dataclass(frozen=True, slots=True)
class PlansAudit:
    """All audited runs of a workflow together.

    Attributes
    ----------
    runs : how many followed a plan
    unplanned : runs that followed none
    whole : coverage of whole runs, by metric
    stages : coverage of each stage, by metric
    bounds : how often each bound was kept
    differing : run id → stages that did not run as planned
    """

    runs: int
    unplanned: tuple[str, ...]
    whole: tuple[Coverage, ...]
    stages: tuple[Coverage, ...]
    bounds: tuple[BoundsKept, ...]
    differing: dict[str, tuple[str, ...]]

    @property
    def to_profile(self) -> tuple[str, ...]:
        """Stages whose time or energy drifted away from their predictions."""
        drifted = (c.stage_id for c in self.stages if c.metric != "cost" and c.drifted)
        return tuple(dict.fromkeys(drifted))


def audit_runs(runs: Sequence[PastRun]) -> PlansAudit:
    """Return how plans did over past runs.

    A stage that did not run in its planned configuration is not judged in that run.
    """
    audits = [(run, run.audit) for run in runs if run.audit is not None]
    ids = dict.fromkeys(stage_id for _, audit in audits for stage_id in audit.stages)
    return PlansAudit(
        runs=len(audits),
        unplanned=tuple(run.run_id for run in runs if run.audit is None),
        whole=tuple(_coverage(m, "", (getattr(audit, m) for _, audit in audits)) for m in METRICS),
        stages=tuple(
            _coverage(m, stage_id, _of_stage(audits, stage_id, m))
            for stage_id in ids
            for m in METRICS
        ),
        bounds=_bounds(audit for _, audit in audits),
        differing={run.run_id: tuple(a.differing) for run, a in audits if a.differing},
    )


def _of_stage(
    audits: Iterable[tuple[PastRun, Audit]], stage_id: str, metric: Metric
) -> list[Comparison]:
    return [
        getattr(audit.stages[stage_id], metric)
        for _, audit in audits
        if stage_id in audit.stages and stage_id not in audit.differing
    ]


def _coverage(metric: Metric, stage_id: str, rows: Iterable[Comparison]) -> Coverage:
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


def _bounds(audits: Iterable[Audit]) -> tuple[BoundsKept, ...]:
    known: dict[str, list[bool]] = {}
    for audit in audits:
        for name, kept in audit.kept.items():
            if kept is not None:
                known.setdefault(name, []).append(kept)
    return tuple(BoundsKept(name, len(kept), sum(kept)) for name, kept in known.items())


def at_least(count: int, of: int, share: float) -> float:
    """Return the probability of ``count`` or more successes in so many independent trials."""
    if count == 0:
        return 1.0
    terms = (math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(count, of + 1))
    return min(math.fsum(terms), 1.0)
