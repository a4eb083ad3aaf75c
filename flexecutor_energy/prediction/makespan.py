"""How long a workflow takes: the longest path through its stages."""

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError as GraphCycle
from graphlib import TopologicalSorter

import numpy as np

from flexecutor_energy.errors import CycleError, UnknownStageError
from flexecutor_energy.prediction.rows import FloatArray


def execution_order(
    stages: Sequence[str], edges: Iterable[tuple[str, str]]
) -> dict[str, tuple[str, ...]]:
    """Return stage → parents, parents before children.

    Raises
    ------
    UnknownStageError, CycleError
    """
    parents: dict[str, list[str]] = {stage: [] for stage in stages}
    for parent, child in edges:
        for stage in (parent, child):
            if stage not in parents:
                raise UnknownStageError(stage, stages, "an edge")
        parents[child].append(parent)
    try:
        order = list(TopologicalSorter(parents).static_order())
    except GraphCycle as error:
        raise CycleError(list(reversed(error.args[1]))) from None
    return {stage: tuple(parents[stage]) for stage in order}


def makespan_s(
    times_s: Mapping[str, FloatArray], parents: Mapping[str, Sequence[str]]
) -> FloatArray:
    """Return when the last stage ends if each starts as soon as its parents have finished.

    Parameters
    ----------
    times_s : stage → array (runs,), seconds
    parents : stage → the stages it waits for, in an order as of ``execution_order``
    """
    ends: dict[str, FloatArray] = {}
    for stage, before in parents.items():
        start = np.max([ends[parent] for parent in before], axis=0) if before else 0.0
        ends[stage] = start + times_s[stage]
    result: FloatArray = np.max(list(ends.values()), axis=0)
    return result
