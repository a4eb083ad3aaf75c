"""Leave out candidates that no optimal plan needs.

A candidate is dropped when it breaks a bound beside the best that all others can do, or when
another one of its stage *with the same link labels* is no worse in everything the objective and
the bounds look at. Across labels nothing may be dropped: a worse candidate can be the only
partner of a neighbour's best one.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from flexecutor_energy.optimization.objective import Objective
from flexecutor_energy.optimization.problem import (
    METRICS,
    FloatArray,
    IntArray,
    Label,
    Metric,
    Problem,
)
from flexecutor_energy.optimization.windows import admissible


def prune(problem: Problem, objective: Objective, order: Sequence[Metric]) -> list[IntArray]:
    """Return for each stage the indices of the candidates worth considering, ascending.

    Parameters
    ----------
    problem : the problem
    objective : what is minimised
    order : metrics in which ties are broken, see `objective.tie_breaks`

    Returns
    -------
    list
        One index array a stage; an empty one means that no plan keeps the bounds.
    """
    counted = used(problem, objective)
    additive = objective if objective in ("energy", "cost") else None
    if objective == "edp":
        additive = "energy"
    alive = groups(problem, [np.flatnonzero(fits) for fits in admissible(problem)])
    kept: list[IntArray] = []
    for stage in problem.stages:
        columns = _columns(problem, stage, counted)
        strict = None if additive is None else _column(problem, stage, additive)
        rest = _columns(problem, stage, [metric for metric in order if metric not in counted])
        survivors = [
            candidate
            for members in alive[stage]
            for candidate in _undominated(members, columns, rest, strict)
        ]
        kept.append(np.array(sorted(survivors), dtype=np.intp))
    return kept


def groups(problem: Problem, kept: Sequence[IntArray]) -> list[list[IntArray]]:
    """Return for each stage its candidates in groups of equal labels in all links."""
    sides: list[list[Sequence[Label]]] = [[] for _ in problem.stages]
    for link in problem.couplings:
        sides[link.parent].append(link.parent_labels)
        sides[link.child].append(link.child_labels)
    return [_grouped(own, labels) for own, labels in zip(kept, sides, strict=True)]


def _grouped(candidates: IntArray, labels: Sequence[Sequence[Label]]) -> list[IntArray]:
    if not labels:
        return [candidates] if len(candidates) else []
    members: dict[Hashable, list[int]] = {}
    for candidate in candidates.tolist():
        members.setdefault(tuple(own[candidate] for own in labels), []).append(candidate)
    return [np.array(group) for group in members.values()]


def used(problem: Problem, objective: Objective) -> list[Metric]:
    """Return the candidates' values that the objective or a bound depends on."""
    totals = {metric for metric in METRICS if problem.bound(metric) is not None}
    totals |= {"energy", "time"} if objective == "edp" else {objective}
    through_time = any(metric in totals and problem.per_second(metric) > 0 for metric in METRICS)
    return [m for m in METRICS if m in totals or (m == "time" and through_time)]


def _column(problem: Problem, stage: int, metric: Metric) -> FloatArray:
    values = problem.values(metric)
    assert values is not None, f"{metric} was checked by tie_breaks"
    return values[stage]


def _columns(problem: Problem, stage: int, metrics: Sequence[Metric]) -> FloatArray:
    """Return the array (metrics, candidates) of what counts; cores too under a capacity."""
    rows = [_column(problem, stage, metric) for metric in metrics]
    if problem.capacity is not None and problem.cores is not None:
        rows += [problem.times[stage], problem.cores[stage]]
    return np.array(rows).reshape(len(rows), len(problem.times[stage]))


def _undominated(
    members: IntArray, columns: FloatArray, rest: FloatArray, strict: FloatArray | None
) -> list[int]:
    """Return the members that no other member makes superfluous.

    ``a`` makes ``b`` superfluous when it is no worse in all `columns` and either better in the
    additive objective itself (then every plan gets better), or no worse in what breaks ties.
    """
    no_worse = _no_worse(columns[:, members])
    tied = no_worse & _no_worse(rest[:, members])
    first = np.tri(len(members), k=-1, dtype=bool).T  # a before b
    superfluous = tied & (~tied.T | first)
    if strict is not None:
        own = strict[members]
        superfluous |= no_worse & (own[:, None] < own[None, :])
    return [int(member) for member in members[~superfluous.any(axis=0)]]


def _no_worse(columns: FloatArray) -> NDArray[np.bool_]:
    """Return the matrix (a, b) of whether a is at most b in every row."""
    result: NDArray[np.bool_] = np.all(columns[:, :, None] <= columns[:, None, :], axis=0)
    return result
