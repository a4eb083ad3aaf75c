"""Drawing a workflow into a file."""

from pathlib import Path
from typing import TYPE_CHECKING

from flexecutor_energy.drawing.boxes import Box, boxes
from flexecutor_energy.drawing.figures import FORMATS, save_figure, write_bytes
from flexecutor_energy.drawing.layout import Layout, arrange
from flexecutor_energy.drawing.picture import figure
from flexecutor_energy.drawing.svg import page, svg
from flexecutor_energy.errors import ConfigurationError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from flexecutor_energy.optimization.plan import Plan
    from flexecutor_energy.workflow.graph import StageGraph


def draw(graph: "StageGraph", path: Path | str, plan: "Plan | None" = None) -> Path:
    """Draw a workflow into a file, and return its path.

    Parameters
    ----------
    graph : the workflow
    path : ends in ``.png``, ``.svg``, ``.pdf`` or ``.html``, which decides the format
    plan : its configurations and predictions are written into the boxes, and its critical path
        is marked; without it, the boxes hold the configurations that are set on the stages

    Raises
    ------
    ConfigurationError
        The ending is none of these, or the plan is of another workflow.
    MissingExtraError
        matplotlib is not installed; ``.html`` does not need it.
    StorageError
        The file cannot be written.
    """
    path = Path(path)
    kind = path.suffix.removeprefix(".").lower()
    if kind not in (*FORMATS, "html"):
        known = ", ".join(f".{name}" for name in (*FORMATS, "html"))
        raise ConfigurationError(f"cannot draw {path.name!r}: the ending must be one of {known}")
    if kind == "html":
        layout, found = _arranged(graph, plan)
        picture = svg(graph.name, layout, found, graph.edges)
        write_bytes(path, page(graph.name, picture, _note(plan)).encode())
    else:
        save_figure(workflow_figure(graph, plan), path, kind)
    return path


def workflow_figure(graph: "StageGraph", plan: "Plan | None" = None) -> "Figure":
    """Return the picture of a workflow as a matplotlib figure; see ``draw``."""
    return figure(*_arranged(graph, plan), _note(plan))


def _arranged(graph: "StageGraph", plan: "Plan | None") -> tuple[Layout, dict[str, Box]]:
    graph.validate()
    if plan is not None and set(plan.configs) != set(graph.stage_ids):
        raise ConfigurationError(
            f"the plan is of stages {', '.join(plan.configs)}; the workflow has "
            f"{', '.join(graph.stage_ids)}"
        )
    return arrange(graph.stage_ids, graph.edges), boxes(graph, plan)


def _note(plan: "Plan | None") -> str:
    if plan is None:
        return ""
    energy = "" if plan.energy is None else f" Energy: {plan.energy_source}."
    return f"As planned; stages of the critical path have a thick frame.{energy}"
