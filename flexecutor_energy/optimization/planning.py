"""From predictors to a plan: value every candidate, solve, and say how sure it is."""

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import cast, get_args

from flexecutor_energy import __version__
from flexecutor_energy.errors import ConfigurationError, InfeasibleError
from flexecutor_energy.optimization.candidates import candidate_table
from flexecutor_energy.optimization.certificate import Solution
from flexecutor_energy.optimization.exact import solve
from flexecutor_energy.optimization.objective import Objective
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.optimization.problem import Metric
from flexecutor_energy.optimization.table import Table
from flexecutor_energy.optimization.terms import Terms, problem_of
from flexecutor_energy.prediction.results import Scope, check_scope
from flexecutor_energy.prediction.workflow_model import WorkflowModel
from flexecutor_energy.pricing import Pricing
from flexecutor_energy.quantities import Interval
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


def make_plan(
    graph: StageGraph,
    model: WorkflowModel,
    request: PlanRequest,
    space: ConfigSpace | None = None,
    failed: Mapping[str, Collection[StageConfig]] | None = None,
    energy_source: str = "",
) -> Plan:
    """Choose the configuration of every stage.

    Each bound is divided by the factor that held-out runs stayed below with the confidence asked
    for, so that a run keeps the bound itself that often.

    Parameters
    ----------
    graph : the workflow
    model : its predictors
    request : objective and bounds
    space : configurations to choose from; None means what was profiled
    failed : configurations that failed when they were profiled
    energy_source : where the profiles' joules come from, in words

    Raises
    ------
    InfeasibleError
        No choice keeps the bounds; carries the nearest plan.
    MissingEnergyError
        Joules are needed, and a stage was profiled without.
    """
    if request.needs_energy:
        model.require_energy()
    draft = _Draft.of(graph, model, request, space, failed or {}, energy_source)
    problem = problem_of(draft.terms, draft.table, draft.edges)
    try:
        solution = solve(problem, request.objective, request.gap, request.time_limit_s)
    except InfeasibleError as error:
        raise draft.as_asked(error) from None
    return draft.plan(solution)


@dataclass(frozen=True, slots=True)
class _Draft:
    """Everything of a plan but the choice."""

    graph: StageGraph
    model: WorkflowModel
    request: PlanRequest
    terms: Terms
    table: Table
    edges: tuple[tuple[str, str], ...]
    energy_source: str

    @classmethod
    def of(
        cls,
        graph: StageGraph,
        model: WorkflowModel,
        request: PlanRequest,
        space: ConfigSpace | None,
        failed: Mapping[str, Collection[StageConfig]],
        energy_source: str,
    ) -> "_Draft":
        table = candidate_table(
            graph,
            model,
            space,
            failed,
            scope=request.scope,
            pricing=request.pricing,
            confidence=request.confidence,
        )
        factor = _factor(model, request)
        terms = Terms(
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
        return cls(graph, model, request, terms, table, tuple(graph.edges), energy_source)

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
                f"{attainable:.4g} {unit} (mean {error.attainable:.4g} {unit} × {margin:.3g}, the factor that "
                f"held-out runs stayed below); loosen {error.bound}, lower the confidence, or "
                "profile more configurations"
            )
        return InfeasibleError(
            text, bound=error.bound, value=asked, attainable=attainable, plan=nearest
        )


_UNITS: Mapping[Metric, str] = {"time": "s", "energy": "J", "cost": "USD"}


def _divided(bound: float | None, factor: float) -> float | None:
    return None if bound is None else bound / factor


def _factor(model: WorkflowModel, request: PlanRequest) -> float:
    """Return what to divide every bound by, so that all of them hold together."""
    if not request.bounded:
        return 1.0
    return model.bound(
        request.bounded,
        request.confidence,
        scope=request.scope,
        pricing=request.pricing,
        idle_power_w=request.idle_power_w,
    ).factor
