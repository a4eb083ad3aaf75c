"""Runs a workflow over a space of configurations and records every measurement at once."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from flexecutor_energy.errors import ConfigurationError, MissingEnergyError, StageFailedError
from flexecutor_energy.execution.engine import RunOptions
from flexecutor_energy.execution.events import Observer
from flexecutor_energy.execution.joules import RunEnergy
from flexecutor_energy.execution.ledger import Ledger
from flexecutor_energy.execution.recording import failed_run, stage_run
from flexecutor_energy.execution.session import Session, new_run_id
from flexecutor_energy.execution.trace import RunTrace
from flexecutor_energy.pricing import AWS_LAMBDA_X86, Pricing
from flexecutor_energy.profiling.budget import Budget, Spent, Stopwatch
from flexecutor_energy.profiling.guide import EstimatedRegret, Guide
from flexecutor_energy.records.run import Profile, StageRun
from flexecutor_energy.records.store import ProfileStore
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workflow.graph import StageGraph

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """How far a sweep has got, told before the first run and after each.

    An adaptive sweep tells it once more when it ends, with the reason.

    Attributes
    ----------
    runs_done, runs_left : runs of the workflow; of an adaptive sweep, the most that may be left
    seconds : wall seconds spent
    joules : joules of the workers so far; None where energy is not measured
    failed : stages that failed in the last run, with the reason
    ledger : where the CPU time of all runs so far went; None before the first
    usd : price of the workers so far
    regret : the last estimate of how much worse than the best the plan may be; None where none
        was made
    stopped : why the sweep ended, in words; "" while it goes on
    """

    runs_done: int
    runs_left: int
    seconds: float
    joules: float | None
    failed: Mapping[str, str]
    ledger: Ledger | None
    usd: float | None = None
    regret: EstimatedRegret | None = None
    stopped: str = ""

    @property
    def seconds_left(self) -> float | None:
        """Estimate of what is left, from the mean run so far; None before the first run."""
        return self.seconds / self.runs_done * self.runs_left if self.runs_done else None


ProgressObserver = Callable[[SweepProgress], None]


class SweepResult(dict[str, Profile]):
    """The profile of each stage after a sweep.

    Attributes
    ----------
    end : the last state of the sweep: what it spent, and why it stopped
    """

    def __init__(self, profiles: Mapping[str, Profile], end: SweepProgress) -> None:
        super().__init__(profiles)
        self.end = end


class Sweep:
    """One sweep of one workflow.

    Parameters
    ----------
    graph : the workflow
    schedule : decides what the next run tries, and when to stop
    session : open backend and storage
    hashes : ``code_hash`` and ``input_hash`` by stage
    energy : energy method, ``off`` for none
    pricing : in which ``usd`` is counted
    """

    def __init__(
        self,
        graph: StageGraph,
        schedule: Guide,
        session: Session,
        hashes: Mapping[str, Mapping[str, str]],
        energy: str = "auto",
        pricing: Pricing = AWS_LAMBDA_X86,
    ) -> None:
        self._graph = graph
        self._schedule = schedule
        self._session = session
        self._hashes = hashes
        self._energy = energy
        self._pricing = pricing
        self._store = ProfileStore(session.workspace)
        self._errors: dict[str, StageFailedError] = {}
        self._runs = 0
        self._joules: float | None = 0.0
        self._usd = 0.0
        self._ledger: Ledger | None = None

    def run(
        self,
        budget: Budget,
        options: RunOptions,
        progress: Iterable[ProgressObserver] = (),
        observers: Iterable[Observer] = (),
        cancel: threading.Event | None = None,
    ) -> SweepResult:
        """Measure until nothing is left or the budget is spent; return the profiles.

        What a run measured is stored as soon as it ends, also when it ends by an interrupt.

        Raises
        ------
        StageFailedError
            Every configuration of a stage failed, in this sweep or before it; everything that
            does not depend on it was measured.
        ConfigurationError, MissingEnergyError
            The budget is in joules, and energy is off, or could not be measured in a run.
        """
        if budget.joules is not None and self._energy == "off":
            raise ConfigurationError(
                "a budget in joules needs their measurement, and energy is off; give "
                "energy='auto', or a budget in seconds or runs"
            )
        options = self._session.metered(options, self._energy)
        watch = Stopwatch()
        state = self._tell(progress, watch, {})
        while not (reason := self._limit(budget, watch)):
            configs = self._schedule.next_configs()
            if configs is None:
                reason = self._schedule.stopped
                break
            failed = self._one(configs, options, observers, cancel)
            state = self._tell(progress, watch, failed)
        end = replace(state, failed={}, regret=self._schedule.regret, stopped=reason)
        logger.info("the sweep of %s ended: %s", self._graph.name, reason)
        if end.regret is not None:
            for observer in progress:
                observer(end)
        self._check_feasible()
        profiles = {s: self._store.load(self._graph.name, s) for s in self._graph.stage_ids}
        return SweepResult(profiles, end)

    def _limit(self, budget: Budget, watch: Stopwatch) -> str:
        """Return the limit that was reached, or ""; refuse joules that nobody counts."""
        if budget.joules is not None and self._joules is None:
            raise MissingEnergyError(
                self._graph.stage_ids,
                dict.fromkeys(
                    self._graph.stage_ids,
                    f"a budget of {budget.joules:g} J cannot be kept without it; what was "
                    "measured is stored",
                ),
            )
        reached = Spent(self._runs, watch.seconds, self._joules, self._usd).reached(budget)
        return f"the budget of {reached} is spent" if reached else ""

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
        self._runs += 1
        self._usd += self._pricing.usd_per_s * trace.makespan_s
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
            self._usd += self._price(run)
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

    def _price(self, run: StageRun) -> float:
        """Return what a run of a stage costs by itself, without a machine by the hour."""
        memory_mb = self._pricing.billed_memory_mb(run.config.cpu, run.config.memory)
        seconds = run.worker_seconds or 0.0
        return self._pricing.stage_cost(seconds, memory_mb, run.config.workers)

    def _tell(
        self, progress: Iterable[ProgressObserver], watch: Stopwatch, failed: Mapping[str, str]
    ) -> SweepProgress:
        state = SweepProgress(
            self._runs,
            self._schedule.runs_left,
            watch.seconds,
            self._joules,
            failed,
            self._ledger,
            self._usd,
            self._schedule.regret,
        )
        for observer in progress:
            observer(state)
        return state
