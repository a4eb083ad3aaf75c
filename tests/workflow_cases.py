"""The workflows that ship, each with knobs that make it tiny, for tests that run them all."""

import importlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from flexecutor_energy.errors import MissingExtraError

ROOT = Path(__file__).parents[1]
SHIPPED = sorted(init.parent.name for init in (ROOT / "dags").glob("*/__init__.py"))


@dataclass(frozen=True)
class Case:
    """One workflow.

    Attributes
    ----------
    name : of its package
    tiny : knobs of a size that runs in a second or two and still has work for three workers
    other : knobs that make another size of it, with another answer
    memory_mb : what a worker of any stage needs at that size, with room to spare
    """

    name: str
    tiny: dict[str, Any]
    other: dict[str, Any]
    memory_mb: int = 512

    @property
    def module(self) -> ModuleType:
        return importlib.import_module(f"dags.{self.name}")

    @property
    def presets(self) -> dict[str, Any]:
        """The dataclass of knobs of each preset."""
        found: dict[str, Any] = importlib.import_module(f"dags.{self.name}.workflow").PRESETS
        return found

    def skip_without_extras(self) -> None:
        """Skip the test, with the reason, where what the workflow needs is not installed."""
        try:
            self.module.build("small")
        except MissingExtraError as missing:
            pytest.skip(str(missing))


CASES = (
    Case("airbnb", {"copies": 1, "pieces": 5}, {"copies": 2}),
    Case("mandelbrot", {"width": 70, "height": 41, "limit": 90, "tiles": 5}, {"limit": 91}),
    Case("ml", {"rows": 600, "boosters": 4, "rounds": 3, "components": 12}, {"boosters": 5}),
    Case(
        "nlp",
        {"copies": 1, "strengths": 2, "rounds": 50, "pieces": 5, "percent": 20},
        {"strengths": 1},
    ),
    Case("pi", {"samples": 20_000, "tasks": 5}, {"samples": 20_001}),
    Case("stock", {"paths": 3_001, "days": 10, "blocks": 5}, {"days": 11}),
    Case("terasort", {"records": 3_001, "blocks": 4, "partitions": 5}, {"records": 3_002}),
    Case("tpcds", {"pieces": 5, "partitions": 3}, {"scale": 3}),
    Case("video", {"keys": 1, "piece_frames": 125, "most_lines": 300}, {"keys": 2}),
    Case("wordcount", {"words": 3_000, "files": 2}, {"words": 3_001}),
)
