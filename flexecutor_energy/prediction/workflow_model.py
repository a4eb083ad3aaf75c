"""Predicts runs of a workflow, with intervals that held-out runs stand behind."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flexecutor_energy.errors import ConfigurationError, MissingEnergyError, UnknownStageError
from flexecutor_energy.prediction.accounts import Accounts
from flexecutor_energy.prediction.chances import Chances
from flexecutor_energy.prediction.conformal import Bound, check_confidence
from flexecutor_energy.prediction.makespan import execution_order
from flexecutor_energy.prediction.results import (
    StagePrediction,
    StageTable,
    WorkflowPrediction,
    stage_energy_j,
)
from flexecutor_energy.prediction.scenarios import (
    Scenarios,
    cautions,
    stage_prediction,
    stage_scenarios,
    workflow_intervals,
)
from flexecutor_energy.prediction.stage_model import StageModel
from flexecutor_energy.pricing import PricingChoice, resolve_pricing
from flexecutor_energy.workflow.config import StageConfig

Edges = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a model comes from.

    Attributes
    ----------
    trained_at : ISO 8601 time, as the caller said
    software : version of this package
    profile_sha256 : stage → hash of the profile file it was fitted on
    """

    trained_at: str = ""
    software: str = ""
    profile_sha256: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class WorkflowModel:
    """The predictors of all stages of a workflow.

    Attributes
    ----------
    dag : name of the workflow
    stages : by id
    parents : stage → the stages it waits for
    provenance : where it comes from
    """

    dag: str
    stages: Mapping[str, StageModel]
    parents: Mapping[str, tuple[str, ...]]
    provenance: Provenance = field(default_factory=Provenance)

    @property
    def edges(self) -> list[tuple[str, str]]:
        """Pairs (parent, child) of stage ids."""
        return [(parent, child) for child, before in self.parents.items() for parent in before]

    @property
    def failed(self) -> dict[str, tuple[StageConfig, ...]]:
        """Stage → the configurations that failed whenever they were tried."""
        return {name: stage.failed for name, stage in self.stages.items() if stage.failed}

    @property
    def has_energy(self) -> bool:
        """Whether every stage was profiled with energy."""
        return all(stage.has_energy for stage in self.stages.values())

    @property
    def measured_on(self) -> str | None:
        """The backend on which all stages were measured; None if unknown or several."""
        names = {name for stage in self.stages.values() for name in stage.backends}
        return names.pop() if len(names) == 1 else None

    def with_provenance(self, provenance: Provenance) -> "WorkflowModel":
        """Return the same model with its origin filled in."""
        return replace(self, provenance=provenance)

    def stage(self, stage_id: str) -> StageModel:
        """Return the model of a stage, or raise UnknownStageError."""
        if stage_id not in self.stages:
            raise UnknownStageError(stage_id, list(self.stages), "the request")
        return self.stages[stage_id]

    def require_energy(self) -> None:
        """Raise MissingEnergyError naming the stages that were profiled without energy."""
        missing = [name for name, stage in self.stages.items() if not stage.has_energy]
        if missing:
            raise MissingEnergyError(missing)

    def predict_table(
        self,
        stage_id: str,
        configs: Sequence[StageConfig],
        fan_ins: Mapping[str, int] | Sequence[Mapping[str, int]] = (),
    ) -> StageTable:
        """Return expected values of one stage over many configurations.

        Parameters
        ----------
        stage_id : the stage
        configs : the configurations
        fan_ins : workers of each parent, for each configuration or (a mapping) for all

        Raises
        ------
        UnknownStageError
        ConfigurationError
            The workers of a parent that matters are not given.
        """
        model = self.stage(stage_id)
        given = [fan_ins] * len(configs) if isinstance(fan_ins, Mapping) else list(fan_ins)
        values = model.evaluate(model.rows(configs, given))
        return StageTable(
            stage=stage_id,
            time_s=values["time"],
            worker_seconds=values["worker_seconds"],
            cpu_time_s=values.get("cpu_time"),
            energy_dynamic_j=values.get("energy_dynamic"),
            energy_idle_j=values.get("energy_idle"),
            energy_startup_j=values.get("energy_startup"),
            energy_total_j=stage_energy_j(values, "provisioned", stage_id),
            extrapolated=model.extrapolated(configs, given),
        )

    def predict_stage(
        self,
        stage_id: str,
        config: StageConfig,
        fan_in: Mapping[str, int] | None = None,
        *,
        confidence: float = 0.95,
        scope: str = "provisioned",
        pricing: PricingChoice = None,
        requests: tuple[float, float] | None = None,
    ) -> StagePrediction:
        """Return what one run of a stage is expected to take, with intervals for a single run.

        Parameters
        ----------
        stage_id, config : what is run
        fan_in : workers of each parent
        confidence : share of runs that each interval should hold
        scope : of ``energy``
        pricing : name or object; None: ``aws_lambda_x86``
        requests : puts and gets to the object store; None: as they were counted

        Raises
        ------
        UnknownStageError
        ConfigurationError
            The workers of a parent that matters are not given, or confidence is not in 0…1.
        """
        check_confidence(confidence)
        if requests is None:
            requests = self.stage(stage_id).expected_requests(config.workers, fan_in or {})
        accounts = Accounts(
            {stage_id: ()}, scope, resolve_pricing(pricing), 0.0, {stage_id: requests}
        )
        scenarios = self._scenarios(stage_id, config, fan_in or {})
        return stage_prediction(stage_id, scenarios, accounts, confidence)

    def predict(
        self,
        configs: Mapping[str, StageConfig],
        edges: Edges | None = None,
        confidence: float = 0.95,
        scope: str = "provisioned",
        pricing: PricingChoice = None,
        *,
        idle_power_w: float | None = None,
        requests: Mapping[str, tuple[float, float]] | None = None,
    ) -> WorkflowPrediction:
        """Return what one run of the workflow is expected to take.

        Parameters
        ----------
        configs : stage → its configuration, every stage named
        edges : pairs (parent, child); None: those it was trained with
        confidence : share of single runs that each interval should hold
        scope : of energy, ``marginal``, ``provisioned`` or ``host``
        pricing : name or object; None: ``aws_lambda_x86``
        idle_power_w : of all hosts together, for scope ``host``
        requests : stage → (puts, gets) to the object store; None: as they were counted

        Raises
        ------
        UnknownStageError
            ``configs`` or ``edges`` names a stage that the model does not have.
        ConfigurationError
            A stage has no configuration, or another argument makes no sense.
        """
        check_confidence(confidence)
        parents = execution_order(list(self.stages), self.edges if edges is None else edges)
        self._check_configs(configs)
        if requests is None:
            counts = {stage: config.workers for stage, config in configs.items()}
            requests = {
                stage: model.expected_requests(counts[stage], counts)
                for stage, model in self.stages.items()
            }
        accounts = Accounts(parents, scope, resolve_pricing(pricing), idle_power_w, requests)
        scenarios = {
            stage: self._scenarios(
                stage,
                configs[stage],
                {p: configs[p].workers for p in (*before, *self.stages[stage].parents)},
            )
            for stage, before in parents.items()
        }
        intervals, notes = workflow_intervals(scenarios, self.stages, accounts, confidence)
        return WorkflowPrediction(
            time=intervals["time"],
            energy=intervals.get("energy"),
            cost=intervals["cost"],
            stages={
                stage: stage_prediction(stage, scenarios[stage], accounts, confidence)
                for stage in self.stages
            },
            scope=scope,
            pricing=accounts.pricing.name,
            hypothetical=accounts.pricing.hypothetical(self.measured_on),
            notes=(*notes, *cautions(scenarios, accounts)),
        )

    def chances(
        self,
        metrics: Collection[str],
        scope: str = "provisioned",
        pricing: PricingChoice = None,
        *,
        idle_power_w: float | None = None,
    ) -> Chances:
        """Return how often runs keep bounds on some metrics, for any configurations.

        Parameters
        ----------
        metrics : ``time``, ``energy``, ``cost``
        scope, pricing, idle_power_w : as for ``predict``

        Raises
        ------
        ConfigurationError
            A metric is not known, or another argument makes no sense.
        MissingEnergyError
            Energy is asked for, and a stage was profiled without.
        """
        if "energy" in metrics:
            self.require_energy()
        order = execution_order(list(self.stages), self.edges)
        accounts = Accounts(order, scope, resolve_pricing(pricing), idle_power_w)
        return Chances(self.stages, metrics, accounts)

    def bound(
        self,
        configs: Mapping[str, StageConfig],
        metrics: Collection[str] = ("time",),
        confidence: float = 0.95,
        scope: str = "provisioned",
        pricing: PricingChoice = None,
        *,
        idle_power_w: float | None = None,
    ) -> Bound:
        """Return the factor that measured/predicted of one run keeps below with ``confidence``.

        Every held-out run is imagined in these configurations, all stages of it at once, so
        that errors which stages of a run share are kept together.

        Parameters
        ----------
        configs : stage → its configuration, every stage named
        metrics : ``time``, ``energy``, ``cost``: those that are to be kept at once
        confidence : share of runs
        scope, pricing, idle_power_w : as for ``predict``

        Raises
        ------
        UnknownStageError
            ``configs`` names a stage that the model does not have.
        ConfigurationError
            A stage has no configuration, or another argument makes no sense.
        MissingEnergyError
            Energy is asked for, and a stage was profiled without.
        """
        self._check_configs(configs)
        chosen = {
            stage: (configs[stage], {p: configs[p].workers for p in model.parents})
            for stage, model in self.stages.items()
        }
        chances = self.chances(metrics, scope, pricing, idle_power_w=idle_power_w)
        return chances.bound(chosen, metrics, confidence)

    def _check_configs(self, configs: Mapping[str, StageConfig]) -> None:
        for stage_id in configs:
            if stage_id not in self.stages:
                raise UnknownStageError(stage_id, list(self.stages), "the configuration")
        if missing := [stage_id for stage_id in self.stages if stage_id not in configs]:
            raise ConfigurationError(
                f"no configuration for {', '.join(missing)}; every stage needs one"
            )

    def _scenarios(
        self, stage_id: str, config: StageConfig, fan_in: Mapping[str, int]
    ) -> Scenarios:
        siblings = list(self.stages.values())
        return stage_scenarios(self.stage(stage_id), config, fan_in, siblings)
