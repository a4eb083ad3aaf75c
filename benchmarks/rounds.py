"""Measures workflows round by round, keeping each round, and goes on where it was stopped."""

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from benchmarks.kept import Kept
from benchmarks.shipped import Shipped, shipped
from flexecutor_energy.errors import FlexecutorEnergyError


class Measured(Protocol):
    """What is known of a workflow: its plans, and what every round of runs took."""

    @property
    def rounds(self) -> Sequence[Mapping[str, Any]]:
        """Variant → what it took, for each round."""


Outcome = TypeVar("Outcome", bound=Measured)


def measure(
    kept: Kept[Outcome],
    names: Sequence[str],
    options: argparse.Namespace,
    planned: Callable[[Shipped, argparse.Namespace], Outcome],
    one_round: Callable[[Shipped, Outcome, int], Outcome],
    works: Callable[[argparse.Namespace, Sequence[str]], Iterator[Shipped]] = shipped,
) -> list[str]:
    """Plan what was not planned and run the rounds that are missing; return what failed.

    Parameters
    ----------
    kept : what there is, and what is added to
    names : of the workflows; one that fails is told of, and the others go on
    options : those of ``add_options``
    planned : profiles and plans a workflow
    one_round : runs each variant once, and returns the outcome with it
    works : opens the workflows, those that still need something
    """

    def finished(outcome: Outcome | None) -> bool:
        return outcome is not None and (options.prepare or len(outcome.rounds) >= options.reps)

    failed: list[str] = []
    open_ = [name for name in names if not finished(kept.load(name))]
    for work in works(options, open_) if open_ else ():
        started = time.monotonic()
        try:
            outcome = kept.load(work.name)
            if outcome is None:
                outcome = planned(work, options)
                kept.save(work.name, outcome)
            planned_s = time.monotonic() - started
            while not finished(outcome):
                outcome = one_round(work, outcome, options.seed)
                kept.save(work.name, outcome)
        except (FlexecutorEnergyError, AssertionError) as error:
            print(f"{work.name} stopped: {error}", flush=True)
            failed.append(work.name)
            continue
        print(
            f"{work.name}: {len(outcome.rounds)} rounds; profiled and planned in {planned_s:.0f} "
            f"s, measured in {time.monotonic() - started - planned_s:.0f} s",
            flush=True,
        )
    return failed
