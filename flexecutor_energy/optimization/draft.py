"""A plan before its choice: the candidate table, and the bounds as they are kept."""

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from flexecutor_energy.errors import InfeasibleError
from flexecutor_energy.optimization.asked import as_asked
from flexecutor_energy.optimization.background import Background
from flexecutor_energy.optimization.candidates import candidate_table
from flexecutor_energy.optimization.certificate import Solution
from flexecutor_energy.optimization.context import PlanContext, margin_key
from flexecutor_energy.optimization.default import default_choice
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.optimization.problem import Choice, Metric, Problem
from flexecutor_energy.optimization.request import PlanRequest
from flexecutor_energy.optimization.schedule import evaluate
from flexecutor_energy.optimization.table import Table
from flexecutor_energy.optimization.terms import Terms, problem_of
from flexecutor_energy.prediction.workflow_model import WorkflowModel
from flexecutor_energy.quantities import Interval
from flexecutor_energy.version import __version__
from flexecutor_energy.workflow.config import ConfigSpace, StageConfig
from flexecutor_energy.workflow.graph import StageGraph


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """Everything of a plan but the choice.

    Attributes
    ----------
    graph, model, request : what is planned, for whom
    terms : objective and bounds, tightened for the confidence
    table, edges : the candidates of every stage, and who waits for whom
    background : where the joules come from, what profiling took, what would run otherwise
    as_measured : the stages that are assumed to run as they were measured
    """

    graph: StageGraph
    model: WorkflowModel
    request: PlanRequest
    terms: Terms
    table: Table
    edges: tuple[tuple[str, str], ...]
    background: Background
    as_measured: frozenset[str]

    @classmethod
    def of(
        cls,
        graph: StageGraph,
        model: WorkflowModel,
        request: PlanRequest,
        space: ConfigSpace | None,
        failed: Mapping[str, Collection[StageConfig]],
        background: Background,
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
            startup_idle=background.power.startup_idle if background.power is not None else None,
        )
        everything = frozenset(graph.stage_ids)
        terms = _terms(model, request, everything)
        edges = tuple(graph.edges)
        return cls(graph, model, request, terms, table, edges, background, everything)

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
        problem = problem_of(self.terms, self.table, self.edges)
        return Plan.of(
            solution,
            dag=self.graph.name,
            terms=self.terms,
            table=self.table,
            edges=self.edges,
            energy_source=self.background.energy_source,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            version=__version__,
            default_choice=default_choice(problem, self.table, self.background.defaults),
            intervals=waited(problem, solution.choice, bands),
            context=self._context(solution.choice),
        )

    def _context(self, choice: Choice) -> PlanContext:
        """Return what the plan should know beside its candidates."""
        known: list[Metric] = ["time", *(("energy",) if self.model.has_energy else ()), "cost"]
        measured = self.as_measured & self._measured(choice)
        margins = {
            margin_key(some): _factor(self.model, self.request, some, measured)
            for count in range(1, len(known) + 1)
            for some in combinations(known, count)
        }
        return PlanContext(self.background.power, self.background.profiling, margins)

    def as_asked(self, error: InfeasibleError) -> InfeasibleError:
        """Return the solver's error in terms of the bound asked for, not of the tightened one."""
        return as_asked(
            error, self.terms, lambda solution, terms: replace(self, terms=terms).plan(solution)
        )


def waited(
    problem: Problem, choice: Choice, bands: Mapping[Metric, Interval | None]
) -> dict[Metric, Interval]:
    """Return intervals of one run with the time that stages wait for cores.

    Predictions know precedence alone. A capacity that stretches the makespan stretches its
    interval, and adds what idle hosts draw and cost meanwhile.
    """
    known = {metric: band for metric, band in bands.items() if band is not None}
    if problem.capacity is None:
        return known
    free = evaluate(replace(problem, capacity=None, cores=None), choice).makespan_s
    waiting = evaluate(problem, choice).makespan_s - free
    if waiting <= 0 or free <= 0:
        return known
    return {
        metric: band.scaled(1 + waiting / free)
        if metric == "time"
        else _shifted(band, problem.per_second(metric) * waiting)
        for metric, band in known.items()
    }


def _shifted(band: Interval, by: float) -> Interval:
    return Interval(band.mean + by, band.low + by, band.high + by, band.level)


def _terms(model: WorkflowModel, request: PlanRequest, as_measured: Collection[str]) -> Terms:
    """Return the terms, with every bound tightened so that all of them hold together."""
    bounded = request.bounded
    factor = _factor(model, request, bounded, as_measured) if bounded else 1.0
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
        capacity=request.capacity,
    )


def _factor(
    model: WorkflowModel,
    request: PlanRequest,
    metrics: Sequence[Metric],
    as_measured: Collection[str],
) -> float:
    """Return what held-out runs stayed below in some metrics at once."""
    return model.bound(
        metrics,
        request.confidence,
        seen=as_measured,
        scope=request.scope,
        pricing=request.pricing,
        idle_power_w=request.idle_power_w,
    ).factor


def _divided(bound: float | None, factor: float) -> float | None:
    return None if bound is None else bound / factor
