"""A plan before its choice: the request, the candidate table, and the bounds as they are kept."""

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import cast, get_args

from flexecutor_energy.errors import ConfigurationError, InfeasibleError
from flexecutor_energy.optimization.candidates import candidate_table
from flexecutor_energy.optimization.certificate import Solution
from flexecutor_energy.optimization.objective import Objective
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.optimization.problem import Choice, Metric
from flexecutor_energy.optimization.table import Table
from flexecutor_energy.optimization.terms import Terms
from flexecutor_energy.prediction.results import Scope, check_scope
from flexecutor_energy.prediction.workflow_model import WorkflowModel
from flexecutor_energy.pricing import Pricing
from flexecutor_energy.quantities import Interval
from flexecutor_energy.version import __version__
from flexecutor_energy.workflow.config import ConfigSpace, StageConfig
from flexecutor_energy.workflow.graph import StageGraph


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What a plan should achieve.

    Attributes
    ----------
    objective : ``energy``, ``time``, ``cost`` or ``edp``
    max_time, max_cost, max_energy : seconds, USD, joules that one run should keep
    confidence : share of runs in which all bounds should hold
    scope : whose joules
    pricing : price list
    idle_power_w : of the hosts together, for scope ``host``
    gap, time_limit_s : when the solver may stop

    Raises
    ------
    ConfigurationError
        A value is unknown or not positive.
    """

    objective: Objective
    max_time: float | None
    max_cost: float | None
    max_energy: float | None
    confidence: float
    scope: Scope
    pricing: Pricing
    idle_power_w: float | None = None
    gap: float = 0.005
    time_limit_s: float = 60.0

    def __post_init__(self) -> None:
        if self.objective not in get_args(Objective):
            raise ConfigurationError(
                f"unknown objective {self.objective!r}; known: {', '.join(get_args(Objective))}"
            )
        check_scope(self.scope)
        if not 0 < self.confidence < 1:
            raise ConfigurationError(
                f"confidence must lie between 0 and 1, got {self.confidence!r}; try 0.95"
            )
        for name in ("max_time", "max_cost", "max_energy"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigurationError(f"{name} must be above 0, got {value!r}")

    @property
    def bounded(self) -> tuple[str, ...]:
        """The metrics that are bounded."""
        bounds = {"time": self.max_time, "energy": self.max_energy, "cost": self.max_cost}
        return tuple(metric for metric, bound in bounds.items() if bound is not None)

    @property
    def needs_energy(self) -> bool:
        """Whether joules must be known."""
        return self.objective in {"energy", "edp"} or self.max_energy is not None


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """Everything of a plan but the choice.

    Attributes
    ----------
    graph, model, request : what is planned, for whom
    terms : objective and bounds, tightened for the confidence
    table, edges : the candidates of every stage, and who waits for whom
    energy_source : where the joules come from, in words
    as_measured : the stages that are assumed to run as they were measured
    """

    graph: StageGraph
    model: WorkflowModel
    request: PlanRequest
    terms: Terms
    table: Table
    edges: tuple[tuple[str, str], ...]
    energy_source: str
    as_measured: frozenset[str]

    @classmethod
    def of(
        cls,
        graph: StageGraph,
        model: WorkflowModel,
        request: PlanRequest,
        space: ConfigSpace | None,
        failed: Mapping[str, Collection[StageConfig]],
        energy_source: str,
    ) -> "PlanDraft":
        """Return the draft that assumes every stage to run as it was measured."""
        table = candidate_table(
            graph,
            model,
            space,
            failed,
            scope=request.scope,
            pricing=request.pricing,
            confidence=request.confidence,
        )
        everything = frozenset(graph.stage_ids)
        terms = _terms(model, request, everything)
        edges = tuple(graph.edges)
        return cls(graph, model, request, terms, table, edges, energy_source, everything)

    def fits(self, choice: Choice) -> bool:
        """Whether every stage that is assumed to run as measured does so in this choice."""
        return not self.request.bounded or self.as_measured <= self._measured(choice)

    def fitted(self, choice: Choice) -> "PlanDraft":
        """Return the draft that assumes no more than this choice allows."""
        left = self.as_measured & self._measured(choice)
        return replace(self, terms=_terms(self.model, self.request, left), as_measured=left)

    def _measured(self, choice: Choice) -> frozenset[str]:
        found = set()
        for options, index in zip(self.table, choice, strict=True):
            candidate = options.candidates[index]
            stage = self.model.stage(options.stage_id)
            if stage.seen(stage.rows([candidate.config], [candidate.fan_in or {}]))[0]:
                found.add(options.stage_id)
        return frozenset(found)

    def plan(self, solution: Solution) -> Plan:
        """Return the plan of a solution, with intervals for one run of the whole workflow."""
        chosen = {
            options.stage_id: options.candidates[choice].config
            for options, choice in zip(self.table, solution.choice, strict=True)
        }
        predicted = self.model.predict(
            chosen,
            self.edges,
            self.request.confidence,
            scope=self.request.scope,
            pricing=self.request.pricing,
            idle_power_w=self.request.idle_power_w,
        )
        bands: dict[Metric, Interval | None] = {
            "time": predicted.time,
            "energy": predicted.energy,
            "cost": predicted.cost,
        }
        return Plan.of(
            solution,
            dag=self.graph.name,
            terms=self.terms,
            table=self.table,
            edges=self.edges,
            energy_source=self.energy_source,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            version=__version__,
            intervals={metric: band for metric, band in bands.items() if band is not None},
        )

    def as_asked(self, error: InfeasibleError) -> InfeasibleError:
        """Return the solver's error in terms of the bound asked for, not of the tightened one."""
        metric = cast(Metric, error.bound.removeprefix("max_"))
        if error.bound == "links" or not isinstance(error.plan, Solution):
            return error
        margin = self.terms.margin(metric)
        # its proof is about the problem without the bound that cannot be kept
        nearest = replace(self, terms=self.terms.attaining(metric)).plan(error.plan)
        asked = self.terms.asked(metric)
        attainable = error.attainable * margin if error.attainable is not None else None
        text = str(error)
        if margin > 1 and attainable is not None:
            unit = _UNITS[metric]
            text = (
                f"no choice of configurations keeps {error.bound}={asked:g} {unit} with "
                f"confidence {self.terms.confidence:g}: the least that can be promised is "
                f"{attainable:.4g} {unit} (mean {error.attainable:.4g} {unit} × {margin:.3g}, "
                f"the factor that held-out runs stayed below); loosen {error.bound}, lower the "
                "confidence, or profile more configurations"
            )
        return InfeasibleError(
            text, bound=error.bound, value=asked, attainable=attainable, plan=nearest
        )


_UNITS: Mapping[Metric, str] = {"time": "s", "energy": "J", "cost": "USD"}


def _terms(model: WorkflowModel, request: PlanRequest, as_measured: Collection[str]) -> Terms:
    """Return the terms, with every bound tightened so that all of them hold together."""
    factor = 1.0
    if request.bounded:
        factor = model.bound(
            request.bounded,
            request.confidence,
            seen=as_measured,
            scope=request.scope,
            pricing=request.pricing,
            idle_power_w=request.idle_power_w,
        ).factor
    return Terms(
        objective=request.objective,
        max_time=request.max_time,
        max_energy=request.max_energy,
        max_cost=request.max_cost,
        confidence=request.confidence,
        mean_max_time=_divided(request.max_time, factor),
        mean_max_energy=_divided(request.max_energy, factor),
        mean_max_cost=_divided(request.max_cost, factor),
        scope=request.scope,
        idle_power_w=(request.idle_power_w or 0.0) if request.scope == "host" else 0.0,
        host_price_usd_s=request.pricing.usd_per_s,
    )


def _divided(bound: float | None, factor: float) -> float | None:
    return None if bound is None else bound / factor
