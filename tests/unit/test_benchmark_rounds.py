"""A benchmark that was stopped goes on from the rounds that it kept."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.kept import Kept
from benchmarks.rounds import measure
from flexecutor_energy.errors import ConfigurationError


@dataclass(frozen=True)
class Counted:
    """Rounds that hold their number."""

    plan: str
    rounds: tuple[dict[str, int], ...] = ()


class Bench:
    """A benchmark whose runs take no time, and that notes what it was asked for."""

    def __init__(self, folder: Path, broken: str = "") -> None:
        self.kept = Kept(folder, Counted)
        self.broken = broken
        self.opened: list[str] = []
        self.planned: list[str] = []

    def measure(self, reps: int, prepare: bool = False) -> list[str]:
        options = argparse.Namespace(reps=reps, prepare=prepare, seed=0)
        return measure(self.kept, ["ml", "pi"], options, self._plan, self._round, self._works)

    def _works(self, _: argparse.Namespace, names: Sequence[str]) -> Iterator[Any]:
        for name in names:
            self.opened.append(name)
            yield SimpleNamespace(name=name)

    def _plan(self, work: Any, _: argparse.Namespace) -> Counted:
        self.planned.append(work.name)
        return Counted(f"plan of {work.name}")

    def _round(self, work: Any, outcome: Counted, _: int) -> Counted:
        if work.name == self.broken and len(outcome.rounds) == 1:
            raise ConfigurationError("something is wrong")
        return replace(outcome, rounds=(*outcome.rounds, {"a": len(outcome.rounds)}))


def test_the_rounds_that_are_missing_are_measured_with_the_plans_of_the_first(
    tmp_path: Path,
) -> None:
    Bench(tmp_path).measure(reps=5, prepare=True)
    bench = Bench(tmp_path)
    assert bench.measure(reps=2) == []
    assert bench.planned == []
    assert bench.measure(reps=3) == []
    assert bench.kept.load("pi") == Counted("plan of pi", ({"a": 0}, {"a": 1}, {"a": 2}))


def test_workflows_with_all_their_rounds_are_not_even_opened(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.measure(reps=2)
    bench.opened.clear()
    bench.measure(reps=2)
    bench.measure(reps=9, prepare=True)
    assert bench.opened == []


def test_a_workflow_that_fails_keeps_its_rounds_and_leaves_the_others_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path, broken="ml")
    assert bench.measure(reps=3) == ["ml"]
    assert "ml stopped: something is wrong" in capsys.readouterr().out
    assert [len(each.rounds) for each in bench.kept.all(["ml", "pi"])] == [1, 3]
