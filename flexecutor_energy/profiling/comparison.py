"""Runs a workflow under every energy method that works, over several worker counts.

Every run is metered by all methods at once, on the same windows, so that their figures differ by
the method and by nothing else.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean, median
from typing import Any

from flexecutor_energy.energy.method import EnergyMethod
from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.execution.executing import execute_once
from flexecutor_energy.execution.metering import meter_choice
from flexecutor_energy.execution.native import NativeRun, run_native
from flexecutor_energy.execution.run import DAGRun
from flexecutor_energy.execution.run_loop import RunOptions
from flexecutor_energy.execution.session import Session
from flexecutor_energy.hardware.calibrations import load_calibrations
from flexecutor_energy.pricing import resolve_pricing
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workflow.graph import StageGraph


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One run, as every method saw it.

    Attributes
    ----------
    workers : of each stage; 0 for the native process
    repetition : number of the repetition, from 0
    time_s, cpu_s : seconds, and CPU seconds of functions and start-up; of the native process
        without its start-up, which imports more than a program of its own would
    energy_j : joules by method for the same, scope ``provisioned``; None where unknown
    host_j : joules of the whole host while the run went on, by method
    """

    workers: int
    repetition: int
    time_s: float
    cpu_s: float
    energy_j: Mapping[str, float | None]
    host_j: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and extremes of what repetitions measured."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class MethodComparison:
    """What a comparison measured.

    Attributes
    ----------
    dag : name of the workflow
    config : cpu and memory of each worker
    runs : runs of the workflow, then of the native process
    hows : method, boundary and band by method
    refused : methods that could not be used, each with the reason
    """

    dag: str
    config: StageConfig
    runs: tuple[ComparedRun, ...]
    hows: Mapping[str, EnergyMethod]
    refused: tuple[tuple[str, str], ...]

    @property
    def worker_counts(self) -> list[int]:
        """Worker counts that were run, rising; without the native process."""
        return sorted({run.workers for run in self.runs if run.workers})

    @property
    def has_native(self) -> bool:
        """Whether the native process was run."""
        return any(not run.workers for run in self.runs)

    def energy(self, method: str, workers: int, *, host: bool = False) -> Spread | None:
        """Return joules by a method at a worker count (0: native); None where not known.

        Parameters
        ----------
        host : of the whole host instead of the workers
        """
        return self._spread(workers, lambda run: (run.host_j if host else run.energy_j)[method])

    def time(self, workers: int) -> Spread | None:
        """Return seconds at a worker count."""
        return self._spread(workers, lambda run: run.time_s)

    def cpu(self, workers: int) -> Spread | None:
        """Return CPU seconds at a worker count."""
        return self._spread(workers, lambda run: run.cpu_s)

    def least(self, method: str, *, host: bool = False) -> int | None:
        """Return the worker count of least mean energy by a method; None where none is known."""
        known = {
            count: spread.mean
            for count in self.worker_counts
            if (spread := self.energy(method, count, host=host)) is not None
        }
        return min(known, key=lambda count: (known[count], count)) if known else None

    def ratios(self) -> dict[tuple[str, str], Spread]:
        """Return for each pair of methods the median ratio of their joules, with its extremes."""
        found = {}
        for one, other in combinations(self.hows, 2):
            pairs = [(run.energy_j.get(one), run.energy_j.get(other)) for run in self.runs]
            ratios = sorted(a / b for a, b in pairs if a is not None and b)
            if ratios:
                found[one, other] = Spread(median(ratios), ratios[0], ratios[-1])
        return found

    def rows(self) -> list[dict[str, Any]]:
        """Return one flat row for each run and method, for CSV."""
        return [
            {
                "dag": self.dag,
                "workers": run.workers or "native",
                "cpu": self.config.cpu,
                "memory_mb": self.config.memory,
                "repetition": run.repetition,
                "time_s": run.time_s,
                "cpu_s": run.cpu_s,
                "method": method,
                "source": "modelled" if how.modelled else "measured",
                "boundary": how.boundary,
                "energy_j": run.energy_j.get(method),
                "band_low": how.band[0] if how.band else None,
                "band_high": how.band[1] if how.band else None,
                "host_j": run.host_j.get(method),
            }
            for run in self.runs
            for method, how in self.hows.items()
        ]

    def _spread(self, workers: int, value: Callable[[ComparedRun], float | None]) -> Spread | None:
        values = [value(run) for run in self.runs if run.workers == workers]
        known = [v for v in values if v is not None]
        if not known or len(known) < len(values):
            return None
        return Spread(fmean(known), min(known), max(known))


@dataclass(frozen=True, slots=True)
class Native:
    """The single-process version of a workflow: a function of a module, with its arguments."""

    module: str
    name: str
    arguments: Mapping[str, Any]


def compare_methods(
    session: Session,
    graph: StageGraph,
    workers: Sequence[int],
    config: StageConfig,
    *,
    reps: int = 3,
    native: Native | None = None,
    energy: str = "all",
    seed: int = 0,
    progress: Iterable[Callable[[ComparedRun, int], None]] = (),
) -> MethodComparison:
    """Run a workflow at several worker counts, in random order, metered by every method at once.

    Parameters
    ----------
    session : open backend and storage; inputs are in place
    graph : the workflow
    workers : worker counts to try, the same for all stages
    config : cpu and memory of each worker
    reps : repetitions; each goes through all worker counts before the next begins
    native : the single-process version, run between the others
    energy : ``all``, or one method
    seed : of the order
    progress : told of each run, and how many are left

    Raises
    ------
    ConfigurationError
        No worker count, or one below 1, or fewer than one repetition.
    StageFailedError, StorageError, EnergyUnavailableError
    """
    if not workers or min(workers) < 1 or reps < 1:
        raise ConfigurationError(
            f"a comparison needs worker counts of 1 or more and a repetition, not {list(workers)} "
            f"and {reps}"
        )
    cases = [*sorted(set(workers)), *([0] if native is not None else [])]
    order = _order(cases, reps, random.Random(seed))
    runs: list[ComparedRun] = []
    hows: dict[str, EnergyMethod] = {}
    refused: tuple[tuple[str, str], ...] = ()
    for done, (repetition, count) in enumerate(order, start=1):
        if count == 0 and native is not None:
            alone = _native(session, native, energy)
            run = _compared_native(alone, repetition)
            hows |= alone.hows
        else:
            outcome = _execute(session, graph, replace(config, workers=count), energy)
            run = _compared(outcome, count, repetition)
            detail = outcome.energy_detail
            hows |= {name: each.how for name, each in detail.by_method.items()}
            refused = detail.refused
        runs.append(run)
        for observer in progress:
            observer(run, len(order) - done)
    ordered = sorted(runs, key=lambda run: (not run.workers, run.workers, run.repetition))
    return MethodComparison(graph.name, config, tuple(ordered), hows, refused)


def _order(cases: Sequence[int], reps: int, chance: random.Random) -> list[tuple[int, int]]:
    """Return (repetition, case) so that a drift of the machine does not look like an effect."""
    found = []
    for repetition in range(reps):
        mixed = list(cases)
        chance.shuffle(mixed)
        found += [(repetition, case) for case in mixed]
    return found


def _execute(session: Session, graph: StageGraph, config: StageConfig, energy: str) -> DAGRun:
    run = execute_once(
        session,
        graph,
        dict.fromkeys(graph.stage_ids, config),
        options=RunOptions(),
        pricing=resolve_pricing(None),
        energy=energy,
    )
    session.remove_outputs(graph, run.run_id)
    return run


def _native(session: Session, native: Native, energy: str) -> NativeRun:
    return run_native(
        native.module,
        native.name,
        native.arguments,
        meter=meter_choice(energy),
        calibrations=load_calibrations(session.workspace),
    )


def _compared(run: DAGRun, workers: int, repetition: int) -> ComparedRun:
    by_method = run.energy_detail.by_method
    return ComparedRun(
        workers=workers,
        repetition=repetition,
        time_s=run.time,
        cpu_s=run.ledger.workers_s + run.ledger.startup_s,
        energy_j=run.energy_by_method,
        host_j={
            name: sum(each.rows.values()) if each.rows and not each.unknown_s else None
            for name, each in by_method.items()
        },
    )


def _compared_native(run: NativeRun, repetition: int) -> ComparedRun:
    return ComparedRun(0, repetition, run.time_s, run.cpu_s, run.energy_j, run.host_j)
