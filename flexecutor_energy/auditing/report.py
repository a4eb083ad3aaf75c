"""All audited runs of a workflow together: coverage, bounds, drift, and what to profile again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flexecutor_energy.auditing.coverage import (
    METRICS,
    BoundsKept,
    Coverage,
    Metric,
    coverage,
)
from flexecutor_energy.auditing.drift import Drift, drift
from flexecutor_energy.auditing.past_runs import PastRun
from flexecutor_energy.optimization.audit import Audit, Comparison

ALL_BOUNDS = "all bounds"

Audited = tuple[PastRun, Audit]


@dataclass(frozen=True, slots=True)
class AuditReport:
    """How plans did over past runs.

    Attributes
    ----------
    runs : how many followed a plan
    current : how many of them followed predictions like those of the newest one; stages are
        judged by these alone, since profiling and training again changes predictions
    unplanned : runs that followed none
    whole : coverage and measured over predicted of whole runs, by metric, over all runs
    stages : the same of each stage, over the current runs
    drifts : of whole runs and stages that moved steadily over the current runs, where there are
        enough
    bounds : how often each bound was kept, and all of a run's together, over all runs
    differing : run id → stages that did not run as planned
    problems : files that could not be read, and why
    """

    runs: int
    current: int
    unplanned: tuple[str, ...]
    whole: tuple[Coverage, ...]
    stages: tuple[Coverage, ...]
    drifts: tuple[Drift, ...]
    bounds: tuple[BoundsKept, ...]
    differing: dict[str, tuple[str, ...]]
    problems: tuple[str, ...] = ()

    @property
    def to_profile(self) -> tuple[str, ...]:
        """Stages to profile again.

        Those whose time or energy lies outside its intervals more often than chance explains
        (probability below 5 %), or moves by 5 % or more in a trend that chance does not explain
        (below 5 %, from 6 runs on).
        """
        outside = [c.stage_id for c in self.stages if c.metric != "cost" and c.drifted]
        moving = [
            d.stage_id for d in self.drifts if d.stage_id and d.metric != "cost" and d.drifted
        ]
        return tuple(dict.fromkeys([*outside, *moving]))


def audit_runs(runs: Sequence[PastRun], problems: Sequence[str] = ()) -> AuditReport:
    """Return how plans did over past runs, the oldest first.

    A stage that did not run in its planned configuration is not judged in that run.
    """
    audits = [(run, run.audit) for run in runs if run.audit is not None]
    current = _current(audits)
    ids = dict.fromkeys(stage_id for _, audit in current for stage_id in audit.stages)
    stages = [
        (metric, stage_id, _of_stage(current, stage_id, metric))
        for stage_id in ids
        for metric in METRICS
    ]
    whole = [(metric, "", [getattr(audit, metric) for _, audit in current]) for metric in METRICS]
    drifts = [drift(metric, name, _ratios(rows)) for metric, name, rows in [*whole, *stages]]
    return AuditReport(
        runs=len(audits),
        current=len(current),
        unplanned=tuple(run.run_id for run in runs if run.audit is None),
        whole=tuple(coverage(m, "", [getattr(audit, m) for _, audit in audits]) for m in METRICS),
        stages=tuple(coverage(*stage) for stage in stages),
        drifts=tuple(each for each in drifts if each is not None),
        bounds=_bounds([audit for _, audit in audits]),
        differing={run.run_id: tuple(a.differing) for run, a in audits if a.differing},
        problems=tuple(problems),
    )


def _current(audits: Sequence[Audited]) -> list[Audited]:
    """Return the runs whose predictions came from the same candidates as the newest one's."""
    if not audits:
        return []
    newest = audits[-1][1].predictions
    return [each for each in audits if each[1].predictions == newest]


def _of_stage(audits: Iterable[Audited], stage_id: str, metric: Metric) -> list[Comparison]:
    return [
        getattr(audit.stages[stage_id], metric)
        for _, audit in audits
        if stage_id in audit.stages and stage_id not in audit.differing
    ]


def _ratios(rows: Iterable[Comparison]) -> list[float]:
    return [row.ratio for row in rows if row.ratio is not None]


def _bounds(audits: Sequence[Audit]) -> tuple[BoundsKept, ...]:
    known: dict[str, list[tuple[bool, float | None]]] = {}
    for audit in audits:
        own = {name: kept for name, kept in audit.kept.items() if kept is not None}
        for name, kept in own.items():
            known.setdefault(name, []).append((kept, audit.confidence))
        if own:
            known.setdefault(ALL_BOUNDS, []).append((all(own.values()), audit.confidence))
    together = known.pop(ALL_BOUNDS, [])
    if len(known) > 1:
        known[ALL_BOUNDS] = together
    return tuple(_kept(name, rows) for name, rows in known.items())


def _kept(name: str, rows: Sequence[tuple[bool, float | None]]) -> BoundsKept:
    levels = [level for _, level in rows if level is not None]
    promised = sum(levels) / len(levels) if len(levels) == len(rows) else None
    return BoundsKept(name, len(rows), sum(kept for kept, _ in rows), promised)
