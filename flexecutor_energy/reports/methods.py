"""Energy methods that ran side by side in the same runs, compared."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from flexecutor_energy.records.run import Profile, StageRun


@dataclass(frozen=True, slots=True)
class MethodShare:
    """One method on one stage, over the runs in which every method gave a figure.

    Attributes
    ----------
    stage_id, method : of what, by what
    runs : how many runs are compared
    mean_j : joules of all workers, mean over these runs
    ratio : median over these runs of its joules over those of ``reference``
    reference : the method it is compared with: the first in the alphabet that was measured
    """

    stage_id: str
    method: str
    runs: int
    mean_j: float
    ratio: float | None
    reference: str


def compared_methods(profiles: Mapping[str, Profile]) -> tuple[MethodShare, ...]:
    """Return the comparison for every stage whose runs hold more than one method."""
    return tuple(row for stage, profile in profiles.items() for row in _of_stage(stage, profile))


def _of_stage(stage_id: str, profile: Profile) -> list[MethodShare]:
    totals = [_totals(run) for run in profile.runs]
    methods = sorted({method for row in totals for method in row})
    rows = [row for row in totals if all(method in row for method in methods)]
    if len(methods) < 2 or not rows:
        return []
    reference = next((method for method in methods if method != "model"), methods[0])
    return [
        MethodShare(
            stage_id=stage_id,
            method=method,
            runs=len(rows),
            mean_j=statistics.fmean(row[method] for row in rows),
            ratio=statistics.median(ratios)
            if (ratios := [row[method] / row[reference] for row in rows if row[reference] > 0])
            else None,
            reference=reference,
        )
        for method in methods
    ]


def _totals(run: StageRun) -> dict[str, float]:
    """Return the joules of a run by method, of the methods that know all of its workers."""
    methods = {method for worker in run.workers for method in worker.energy_by_method}
    found = {}
    for method in methods:
        values = [worker.energy_by_method.get(method) for worker in run.workers]
        known = [value for value in values if value is not None]
        if len(known) == len(values):
            found[method] = sum(known)
    return found
