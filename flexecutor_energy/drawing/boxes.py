"""What the box of a stage says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexecutor_energy.quantities import format_quantity
from flexecutor_energy.workflow.config import StageConfig

if TYPE_CHECKING:
    from flexecutor_energy.optimization.plan import Plan
    from flexecutor_energy.workflow.graph import StageGraph

_TITLE_LENGTH = 20


@dataclass(frozen=True, slots=True)
class Box:
    """The words of one stage.

    Attributes
    ----------
    stage_id : the whole id
    title : the id, short enough for the box
    lines : configuration, and predictions where there is a plan
    critical : whether it lies on the critical path of the plan
    """

    stage_id: str
    title: str
    lines: tuple[str, ...]
    critical: bool = False

    @property
    def description(self) -> str:
        """Everything in one line, for those who cannot see the picture."""
        critical = ("on the critical path",) if self.critical else ()
        return ", ".join((self.stage_id, *self.lines, *critical))


def boxes(graph: "StageGraph", plan: "Plan | None" = None) -> dict[str, Box]:
    """Return the box of each stage of a workflow.

    Parameters
    ----------
    graph : the workflow
    plan : gives configurations and predictions; without it, the configurations that are set
    """
    if plan is not None:
        return planned_boxes(plan)
    return {
        stage.stage_id: Box(stage.stage_id, _short(stage.stage_id), _config(stage.resource_config))
        for stage in graph.stages
    }


def planned_boxes(plan: "Plan") -> dict[str, Box]:
    """Return the box of each stage of a plan."""
    found = {}
    for stage_id, stage in plan.stages.items():
        numbers = [format_quantity(stage.time.mean, "s")]
        if stage.energy is not None:
            numbers.append(format_quantity(stage.energy.mean, "J"))
        lines = (*_config(stage.config), " · ".join(numbers))
        found[stage_id] = Box(stage_id, _short(stage_id), lines, stage.critical)
    return found


def caption(name: str, boxes: Mapping[str, Box], edges: Sequence[tuple[str, str]]) -> str:
    """Return a picture in words."""
    stages = "; ".join(box.description for box in boxes.values())
    arrows = ", ".join(f"{above} before {below}" for above, below in edges)
    return f"Workflow {name}. Stages: {stages}." + (f" Order: {arrows}." if arrows else "")


def _config(config: StageConfig | None) -> tuple[str, ...]:
    if config is None:
        return ()
    plural = "" if config.workers == 1 else "s"
    memory = f"{config.memory} MB each" if config.memory else "no memory limit"
    return (f"{config.workers} worker{plural} × {config.cpu:g} cpu", memory)


def _short(stage_id: str) -> str:
    cut = len(stage_id) > _TITLE_LENGTH
    return f"{stage_id[: _TITLE_LENGTH - 1]}…" if cut else stage_id
