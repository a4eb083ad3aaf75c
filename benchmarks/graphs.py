"""Workflows that are only planned: stages that do nothing, in the order of real ones."""

from collections.abc import Iterable, Mapping, Sequence

from flexecutor_energy.workflow.context import StageContext
from flexecutor_energy.workflow.graph import StageGraph
from flexecutor_energy.workflow.stage import Stage


def graph_of(name: str, stages: Iterable[str], parents: Mapping[str, Sequence[str]]) -> StageGraph:
    """Return a workflow of stages that wait for their parents."""
    found = {stage: Stage(stage, _nothing) for stage in stages}
    for child, above in parents.items():
        for parent in above:
            found[parent] >> found[child]
    return StageGraph(name).add_stages(found.values())


def _nothing(context: StageContext) -> None:
    del context
