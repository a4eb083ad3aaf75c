"""The workflow as users drive it: profile, train, predict, optimize, execute.

Every step is a delegation; this module only joins them.
"""

import datetime
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

from flexecutor_energy.auditing import AuditReport, audit_runs, past_runs
from flexecutor_energy.decision.rule import regret_rule
from flexecutor_energy.drawing import draw
from flexecutor_energy.errors import ConfigurationError, NotProfiledError, UnknownStageError
from flexecutor_energy.execution.backends.protocol import Backend
from flexecutor_energy.execution.engine import RunOptions
from flexecutor_energy.execution.events import Observer
from flexecutor_energy.execution.executing import execute_once, save_run
from flexecutor_energy.execution.fingerprints import code_hashes, stage_hashes
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
from flexecutor_energy.records.run import Profile
from flexecutor_energy.records.store import ProfileStore
from flexecutor_energy.storage.keeper import StorageChoice, StorageKeeper
from flexecutor_energy.storage.select import Storage
from flexecutor_energy.workflow.config import ConfigSpace, StageConfig
from flexecutor_energy.workflow.graph import StageGraph
from flexecutor_energy.workspace import Workspace

BackendChoice = Backend | str | Mapping[str, Any] | Path


class DAG(StageGraph):
    """A workflow with everything that is known about it.

    Parameters
    ----------
    name : names the folders of its profiles, models and runs
    workspace : the folder that holds these; None means the current folder
    """

    def __init__(self, name: str, workspace: Workspace | Path | str | None = None) -> None:
        super().__init__(name)
        self.workspace = Workspace.of(workspace)
        self._keeper = StorageKeeper(self.workspace)
        self._planned: dict[str, StageConfig] = {}

    def storage(self, choice: StorageChoice = None) -> Storage:
        """Return the open storage of a choice, for example to put inputs there.

        Parameters
        ----------
        choice : None lets the settings decide; ``"embedded"``, ``"file"``, an address, …
        """
        return self._keeper.open(choice)

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
            known = self._known(hashes) if resume else {}
            guide: Guide = Schedule(self, space, reps, known, seed)
            if rule is not None:
                guide = AdaptiveSchedule(self, space, rule, reps, known, epsilon, seed)
            alone = session.backend.on_this_host if isolate is None else isolate
            options = RunOptions(timeout, retries, isolate=alone, keep_going=True)
            sweep = Sweep(self, guide, session, hashes, energy, prices)
            return sweep.run(spend, options, progress, observers, cancel)

    def _known(self, hashes: Mapping[str, Mapping[str, str]]) -> dict[str, Profile]:
        """Return what was measured of this code and this input."""
        return {
            stage_id: profile.split_stale(**hashes[stage_id])[0]
            for stage_id, profile in self.profiles().items()
        }

    def profiles(self) -> dict[str, Profile]:
        """Return what was measured so far, by stage."""
        store = ProfileStore(self.workspace)
        return {stage_id: store.load(self.name, stage_id) for stage_id in self.stage_ids}

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
        codes = code_hashes(self)
        same = {s: p.split_stale(codes[s], None)[0] for s, p in self.profiles().items()}
        sources = past_profiles(transfer_from, self.name, profiles, same)
        model, report = train_profiles(
            profiles, parents, dag=self.name, notes=notes, sources=sources
        )
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        save_model(self.workspace, model, report, trained_at=now)
        return report

    def _current_profiles(
        self, include_stale: bool
    ) -> tuple[dict[str, Profile], dict[str, list[str]]]:
        """Return the profiles without stale runs, and what was left out of each."""
        codes = code_hashes(self)
        profiles: dict[str, Profile] = {}
        notes: dict[str, list[str]] = {}
        for stage_id, profile in self.profiles().items():
            stale = 0
            if not include_stale:
                total = len(profile.runs)
                profile, old_code = profile.split_stale(codes[stage_id], None)
                profile, old_input = profile.split_stale(None, profile.newest_input_hash)
                stale = len(old_code) + len(old_input)
                if stale:
                    notes[stage_id] = [
                        f"{stale} of {total} runs are of other code or input and were left out"
                    ]
            if not profile.runs:
                raise NotProfiledError(self._not_profiled(stage_id, stale))
            profiles[stage_id] = profile
        return profiles, notes

    def _not_profiled(self, stage_id: str, stale: int) -> str:
        command = f"flexecutor-energy profile --dag {self.name}"
        why = f" (its {stale} runs are of other code or input)" if stale else ""
        return f"stage {stage_id!r} of {self.name!r} has no measurements{why}; run: {command}"

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
        self._check_configs(configs)
        model = load_model(self.workspace, self.name)
        return model.predict(
            configs,
            self.edges,
            confidence,
            scope=scope,
            pricing=resolve_pricing(pricing),
            idle_power_w=energy_facts(self.profiles().values()).idle_power_w,
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
        )
        model = load_model(self.workspace, self.name)
        idle_power_w = energy_facts(profiles.values()).idle_power_w
        request = replace(request, idle_power_w=idle_power_w)
        failed = {stage_id: profile.failed_configs for stage_id, profile in profiles.items()}
        background = Background.of(profiles, self._set_by_user())
        plan = make_plan(self, model, request, space, failed, background)
        self._planned = plan.configs
        for stage in self.stages:
            stage.resource_config = plan.configs[stage.stage_id]
        return plan

    def _set_by_user(self) -> dict[str, StageConfig]:
        """Return the configurations on stages that no plan put there."""
        return {
            stage.stage_id: stage.resource_config
            for stage in self.stages
            if stage.resource_config not in (None, self._planned.get(stage.stage_id))
        }

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
        configs = dict(plan.configs) if plan is not None else self._own_configs()
        self._check_configs(configs)
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
        run = replace(
            run, audit=audit(run, plan) if plan is not None else None, _keeper=self._keeper
        )
        save_run(self.workspace, run)
        return run

    def _own_configs(self) -> dict[str, StageConfig]:
        unset = [s.stage_id for s in self.stages if s.resource_config is None]
        if unset:
            raise ConfigurationError(
                f"no configuration for {', '.join(unset)}; call optimize, give a plan, or set "
                "resource_config = StageConfig(cpu=…, workers=…, memory=…) on the stage"
            )
        return {s.stage_id: s.resource_config for s in self.stages if s.resource_config}

    def _check_configs(self, configs: Mapping[str, StageConfig]) -> None:
        for stage_id in configs:
            if stage_id not in self.stage_ids:
                raise UnknownStageError(stage_id, self.stage_ids, "the configurations")
        missing = [stage_id for stage_id in self.stage_ids if stage_id not in configs]
        if missing:
            raise ConfigurationError(
                f"no configuration for {', '.join(missing)}; every stage needs one"
            )

    def audit(self, last: int | None = None) -> AuditReport:
        """Compare all runs that followed a plan with what it predicted.

        Each run keeps what was predicted and measured in its ``run.json``; together these files
        are the ledger.

        Parameters
        ----------
        last : only the newest so many runs; None takes all

        Returns
        -------
        Realised coverage, measured over predicted, drift, and the stages to profile again; of no
        run where none followed a plan yet.

        Raises
        ------
        ConfigurationError
            ``last`` is below 1.
        """
        if last is not None and last < 1:
            raise ConfigurationError(f"last must be at least 1 run, got {last}")
        history = past_runs(self.workspace, self.name)
        runs = history.runs if last is None else history.runs[-last:]
        return audit_runs(runs, history.problems)

    def draw(self, path: Path | str, plan: Plan | None = None) -> Path:
        """Draw the workflow into a file ``.png``, ``.svg``, ``.pdf`` or ``.html``.

        Parameters
        ----------
        path : the file; its ending decides the format
        plan : its configurations, times and joules are written into the boxes; without it, the
            configurations that are set on the stages

        Returns
        -------
        The path.

        Raises
        ------
        ConfigurationError
            The ending is none of these, or the plan is of another workflow.
        MissingExtraError
            matplotlib, of the extra ``reports``, is not installed; ``.html`` does without.
        """
        return draw(self, path, plan)

    def __enter__(self) -> Self:
        """Use the workflow for a while; its storage is closed at the end."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the storage that was opened."""
        self.close()

    def close(self) -> None:
        """Close the storage that was opened; this happens by itself when nothing needs it."""
        self._keeper.close()
