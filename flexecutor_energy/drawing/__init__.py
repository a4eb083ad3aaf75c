"""Pictures of workflows: a layered layout of our own, drawn by matplotlib or as inline SVG."""

from flexecutor_energy.drawing.workflow import draw

__all__ = ["draw"]
