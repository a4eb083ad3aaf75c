"""Runs a workflow over a space of configurations and records every measurement at once."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from flexecutor_energy.errors import StageFailedError
from flexecutor_energy.execution.engine import RunOptions
from flexecutor_energy.execution.events import Observer
from flexecutor_energy.execution.joules import RunEnergy
from flexecutor_energy.execution.ledger import Ledger
from flexecutor_energy.execution.recording import failed_run, stage_run
from flexecutor_energy.execution.session import Session, new_run_id
from flexecutor_energy.execution.trace import RunTrace
from flexecutor_energy.profiling.budget import Budget, Stopwatch
from flexecutor_energy.profiling.schedule import Schedule
from flexecutor_energy.records.run import Profile
from flexecutor_energy.records.store import ProfileStore
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workflow.graph import StageGraph

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """How far a sweep has got, told before the first run and after each.

    Attributes
    ----------
    runs_done, runs_left : runs of the workflow
    seconds : wall seconds spent
    joules : joules of the workers so far; None where energy is not measured
    failed : stages that failed in the last run, with the reason
    ledger : where the CPU time of all runs so far went; None before the first
    """

    runs_done: int
    runs_left: int
    seconds: float
    joules: float | None
    failed: Mapping[str, str]
    ledger: Ledger | None

    @property
    def seconds_left(self) -> float | None:
        """Estimate of what is left, from the mean run so far; None before the first run."""
        return self.seconds / self.runs_done * self.runs_left if self.runs_done else None


ProgressObserver = Callable[[SweepProgress], None]


class Sweep:
    """One sweep of one workflow.

    Parameters
    ----------
    graph : the workflow
    schedule : decides what the next run tries
    session : open backend and storage
    hashes : ``code_hash`` and ``input_hash`` by stage
    energy : energy method, ``off`` for none
    """

    def __init__(
        self,
        graph: StageGraph,
        schedule: Schedule,
        session: Session,
        hashes: Mapping[str, Mapping[str, str]],
        energy: str = "auto",
    ) -> None:
        self._graph = graph
        self._schedule = schedule
        self._session = session
        self._hashes = hashes
        self._energy = energy
        self._store = ProfileStore(session.workspace)
        self._errors: dict[str, StageFailedError] = {}
        self._joules: float | None = 0.0
        self._ledger: Ledger | None = None

    def run(
        self,
        budget: Budget,
        options: RunOptions,
        progress: Iterable[ProgressObserver] = (),
        observers: Iterable[Observer] = (),
        cancel: threading.Event | None = None,
    ) -> dict[str, Profile]:
        """Measure until nothing is left or the budget is spent; return the profiles.

        What a run measured is stored as soon as it ends, also when it ends by an interrupt.

        Raises
        ------
        StageFailedError
            Every configuration of a stage failed, in this sweep or before it; everything that
            does not depend on it was measured.
        """
        options = self._session.metered(options, self._energy)
        watch = Stopwatch(budget)
        done = 0
        self._tell(progress, done, watch, {})
        while not watch.spent(done):
            configs = self._schedule.next_configs()
            if configs is None:
                break
            failed = self._one(configs, options, observers, cancel)
            done += 1
            self._tell(progress, done, watch, failed)
        self._check_feasible()
        return {s: self._store.load(self._graph.name, s) for s in self._graph.stage_ids}

    def _check_feasible(self) -> None:
        for stage_id, needs in self._schedule.needs.items():
            if needs.feasible:
                continue
            error = self._errors.get(stage_id)
            if error is None:
                last = self._store.load(self._graph.name, stage_id).failures[-1]
                cause = f"every configuration failed before, the last one by {last.reason}"
                error = StageFailedError(stage_id, 0, "raised", cause)
            raise error

    def _one(
        self,
        configs: Mapping[str, StageConfig],
        options: RunOptions,
        observers: Iterable[Observer],
        cancel: threading.Event | None,
    ) -> dict[str, str]:
        """Run the workflow once and store what it measured."""
        trace = RunTrace(new_run_id())
        ledger: Ledger | None = None
        try:
            graph = self._graph.only(configs)
            ledger = self._session.run(graph, configs, trace, options, observers, cancel)
        finally:
            try:
                energy = self._session.joules(trace, ledger, self._energy)
                self._record(trace, configs, energy)
            finally:
                self._session.remove_outputs(self._graph, trace.run_id)
        self._ledger = self._ledger + ledger if self._ledger else ledger
        total = energy.total_j
        self._joules = None if self._joules is None or total is None else self._joules + total
        return {stage_id: error.cause for stage_id, error in trace.failures.items()}

    def _record(
        self, trace: RunTrace, configs: Mapping[str, StageConfig], energy: RunEnergy
    ) -> None:
        name = self._graph.name
        by_surroundings: StageFailedError | None = None
        for stage_id, stage in trace.stages.items():
            run = stage_run(trace, stage, energy, self._hashes[stage_id])
            self._store.add_run(name, stage_id, run)
            self._schedule.measured(stage_id, configs[stage_id], run)
        for stage_id, error in trace.failures.items():
            if error.by_surroundings:  # says nothing about the configuration
                by_surroundings = error
                continue
            failure = failed_run(trace, stage_id, configs[stage_id], self._hashes[stage_id])
            self._store.add_failure(name, stage_id, failure)
            self._schedule.failed(stage_id, configs[stage_id])
            self._errors[stage_id] = error
        if by_surroundings is not None:
            raise by_surroundings

    def _tell(
        self,
        progress: Iterable[ProgressObserver],
        done: int,
        watch: Stopwatch,
        failed: Mapping[str, str],
    ) -> None:
        state = SweepProgress(
            done, self._schedule.runs_left, watch.seconds, self._joules, failed, self._ledger
        )
        for observer in progress:
            observer(state)
