"""The workflow as users drive it; every step is a delegation, and only joined here."""

import datetime
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal

from flexecutor_energy.decision.rule import regret_rule
from flexecutor_energy.execution.backends.select import BackendChoice
from flexecutor_energy.execution.engine import RunOptions
from flexecutor_energy.execution.events import Observer
from flexecutor_energy.execution.executing import execute_once, save_run
from flexecutor_energy.execution.fingerprints import stage_hashes
from flexecutor_energy.execution.inputs import InputResolver
from flexecutor_energy.execution.metering import check_energy
from flexecutor_energy.execution.run import DAGRun
from flexecutor_energy.execution.session import open_session
from flexecutor_energy.optimization.audit import audit
from flexecutor_energy.optimization.background import Background
from flexecutor_energy.optimization.objective import Objective
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.optimization.planning import make_plan
from flexecutor_energy.optimization.request import PlanRequest
from flexecutor_energy.prediction.past import TransferChoice, past_profiles
from flexecutor_energy.prediction.report import TrainReport
from flexecutor_energy.prediction.results import Scope, WorkflowPrediction
from flexecutor_energy.prediction.store import load_model, save_model
from flexecutor_energy.prediction.training import train_profiles
from flexecutor_energy.pricing import PricingChoice, resolve_pricing
from flexecutor_energy.profiling.adaptive import AdaptiveSchedule
from flexecutor_energy.profiling.budget import Budget
from flexecutor_energy.profiling.guide import Guide
from flexecutor_energy.profiling.schedule import Schedule
from flexecutor_energy.profiling.sweep import ProgressObserver, Sweep, SweepResult
from flexecutor_energy.records.energy_facts import energy_facts
from flexecutor_energy.records.power_facts import host_cores
from flexecutor_energy.storage.keeper import StorageChoice
from flexecutor_energy.stored import StoredGraph
from flexecutor_energy.workflow.assignment import all_set_configs, check_configs
from flexecutor_energy.workflow.config import ConfigSpace, StageConfig


class DAG(StoredGraph):
    """A workflow with everything that is known about it.

    Parameters
    ----------
    name : names the folders of its profiles, models and runs
    workspace : the folder that holds these; None means the current folder
    """

    def profile(
        self,
        space: ConfigSpace,
        reps: int = 3,
        backend: BackendChoice = "lithops",
        storage: StorageChoice = None,
        energy: str = "auto",
        budget: Budget | Mapping[str, float] | int | None = None,
        resume: bool = True,
        *,
        timeout: float | None = None,
        retries: int = 1,
        isolate: bool | None = None,
        seed: int = 0,
        adaptive: bool = False,
        epsilon: float = 0.03,
        objective: Objective = "energy",
        max_time: float | None = None,
        max_cost: float | None = None,
        max_energy: float | None = None,
        pricing: PricingChoice = None,
        progress: Iterable[ProgressObserver] = (),
        observers: Iterable[Observer] = (),
        cancel: threading.Event | None = None,
    ) -> SweepResult:
        """Measure every stage over a space of configurations.

        Parameters
        ----------
        space : configurations of every stage
        reps : measurements that each configuration should have; if adaptive, at most
        backend : ``"lithops"``, ``"local"``, a Lithops configuration, or a backend object
        storage : where data lies; None lets the settings decide
        energy : method: ``"auto"``, ``"rapl"``, ``"perf"``, ``"model"``, ``"all"`` or ``"off"``
        budget : runs, or a mapping with any of ``runs``, ``seconds``, ``joules`` and ``usd``;
            exceeded by one run at most
        resume : count what was measured before; False measures everything again and keeps both
        timeout : seconds each worker may take
        retries : how often a failed worker is tried again
        isolate : run independent stages one after another, so that they do not disturb each
            other; None does so where all workers share the driver's host
        seed : of the random order
        adaptive : run next what could change the plan for ``objective``, and stop when its
            estimated regret is at most ``epsilon`` (0.03 is 3 %)
        objective, max_time, max_cost, max_energy : as of ``optimize``; bounds concern means
        pricing : price list, of cost and of a budget in USD
        progress, observers : told of each run, and of each event in it
        cancel : set by another thread to stop

        Returns
        -------
        The profile of each stage, also stored in the workspace after every run; its ``end`` says
        what was spent and why the sweep stopped.

        Raises
        ------
        ConfigurationError, UnknownStageError
            The space makes no sense, or joules are asked for with energy off; nothing was run.
        MissingEnergyError
            Joules are needed, and could not be measured.
        StageFailedError
            A stage failed in each of its configurations; all else was measured.
        """
        self.validate()
        check_energy(energy)
        spend, prices = Budget.of(budget), resolve_pricing(pricing)
        rule = None
        if adaptive:
            bounds = {"max_time": max_time, "max_cost": max_cost, "max_energy": max_energy}
            rule = regret_rule(self, space, objective, bounds, prices, seed, energy)
        with open_session(backend, self._keeper.open(storage), self.workspace) as session:
            resolver = InputResolver(session.storage.store, session.storage.bucket)
            hashes = stage_hashes(self, resolver)
            known = self._profiles_of(hashes) if resume else {}
            guide: Guide = Schedule(self, space, reps, known, seed)
            if rule is not None:
                guide = AdaptiveSchedule(self, space, rule, reps, known, epsilon, seed)
            alone = session.backend.on_this_host if isolate is None else isolate
            options = RunOptions(timeout, retries, isolate=alone, keep_going=True)
            sweep = Sweep(self, guide, session, hashes, energy, prices)
            return sweep.run(spend, options, progress, observers, cancel)

    def train(
        self, *, include_stale: bool = False, transfer_from: TransferChoice = None
    ) -> TrainReport:
        """Fit predictors of time and energy to the profiles, and store them.

        Parameters
        ----------
        include_stale : also use runs of other code or other input than the newest
        transfer_from : profiles of another machine or input that help where new runs are few: a
            workspace or folder, profiles by stage, or ``"stale"`` for the runs of the same code
            on another input. They are scaled to the new runs and never mixed with them, and
            errors and intervals rest on the new runs alone; the report says what was taken

        Returns
        -------
        Held-out errors of each stage, never in-sample ones.

        Raises
        ------
        NotProfiledError
            A stage has no measurement.
        ConfigurationError
            There is nothing to transfer from.
        """
        self.validate()
        profiles, notes = self._current_profiles(include_stale)
        parents = {s.stage_id: [p.stage_id for p in s.parents] for s in self.stages}
        past = past_profiles(transfer_from, self.name, profiles, self._profiles_of_code())
        model, report = train_profiles(profiles, parents, dag=self.name, notes=notes, sources=past)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        save_model(self.workspace, model, report, trained_at=now)
        return report

    def predict(
        self,
        configs: Mapping[str, StageConfig],
        confidence: float = 0.95,
        scope: Scope = "provisioned",
        pricing: PricingChoice = None,
    ) -> WorkflowPrediction:
        """Return what one run in these configurations is expected to take.

        Raises
        ------
        UnknownStageError, ConfigurationError
            A stage is missing, or one is named that the workflow does not have.
        NotTrainedError
            ``train`` was not called yet.
        """
        self.validate()
        check_configs(self, configs)
        configs = {s.stage_id: s.clamped(configs[s.stage_id]) for s in self.stages}
        model = load_model(self.workspace, self.name)
        prices = resolve_pricing(pricing)
        idle_w = energy_facts(self.profiles().values()).idle_power_w
        return model.predict(
            configs, self.edges, confidence, scope=scope, pricing=prices, idle_power_w=idle_w
        )

    def optimize(
        self,
        objective: Objective = "energy",
        max_time: float | None = None,
        max_cost: float | None = None,
        max_energy: float | None = None,
        confidence: float = 0.95,
        scope: Scope = "provisioned",
        space: ConfigSpace | None = None,
        *,
        capacity: float | Literal["host"] | None = None,
        pricing: PricingChoice = None,
        gap: float = 0.005,
        time_limit_s: float = 60.0,
    ) -> Plan:
        """Choose the configuration of every stage; the choice is also set on the stages.

        Parameters
        ----------
        objective : ``"energy"``, ``"time"``, ``"cost"`` or ``"edp"``; its mean is minimised
        max_time, max_cost, max_energy : seconds, USD, joules that one run should keep
        confidence : share of runs in which all bounds should hold
        scope : whose joules: ``"marginal"``, ``"provisioned"`` or ``"host"``
        space : configurations to choose from; None means the profiled pairs of cpu and memory
            with the profiled worker counts
        capacity : cores that all stages share, so that independent stages wait for each other
            where they need more together; ``"host"`` takes those of the hosts that were profiled,
            None sets no limit
        pricing : price list
        gap, time_limit_s : when the solver may stop

        Raises
        ------
        InfeasibleError
            No choice keeps the bounds; carries the nearest plan that can be had.
        NotTrainedError, MissingEnergyError, ConfigurationError
        """
        self.validate()
        profiles = self.profiles()
        request = PlanRequest(
            objective=objective,
            max_time=max_time,
            max_cost=max_cost,
            max_energy=max_energy,
            confidence=confidence,
            scope=scope,
            pricing=resolve_pricing(pricing),
            capacity=host_cores(profiles) if capacity == "host" else capacity,
            gap=gap,
            time_limit_s=time_limit_s,
            idle_power_w=energy_facts(profiles.values()).idle_power_w,
        )
        model = load_model(self.workspace, self.name)
        failed = {stage_id: profile.failed_configs for stage_id, profile in profiles.items()}
        background = Background.of(profiles, self._configs_of_user())
        plan = make_plan(self, model, request, space, failed, background)
        self._set_configs(plan)
        return plan

    def execute(
        self,
        plan: Plan | None = None,
        backend: BackendChoice = "lithops",
        storage: StorageChoice = None,
        timeout: float | None = None,
        retries: int = 2,
        *,
        energy: str = "auto",
        pricing: PricingChoice = None,
        keep_intermediates: bool = False,
        observers: Iterable[Observer] = (),
        cancel: threading.Event | None = None,
    ) -> DAGRun:
        """Run the workflow, in the configurations of a plan or in those set on the stages.

        Parameters
        ----------
        plan : what ``optimize`` returned; None takes each stage's ``resource_config``
        timeout : seconds each worker may take; one that takes longer is stopped and not retried
        retries : how often a failed worker is tried again
        keep_intermediates : keep also what only other stages read

        Raises
        ------
        StageFailedError, RunCancelledError, StorageError, ConfigurationError
        """
        self.validate()
        configs = all_set_configs(self) if plan is None else dict(plan.configs)
        check_configs(self, configs)
        check_energy(energy)
        with open_session(backend, self._keeper.open(storage), self.workspace) as session:
            run = execute_once(
                session,
                self,
                configs,
                options=RunOptions(timeout, retries),
                pricing=resolve_pricing(pricing),
                energy=energy,
                keep_intermediates=keep_intermediates,
                observers=observers,
                cancel=cancel,
            )
        kept = None if plan is None else audit(run, plan)
        run = replace(run, audit=kept, _keeper=self._keeper)
        save_run(self.workspace, run)
        return run
