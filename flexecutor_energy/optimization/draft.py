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
from flexecutor_energy.prediction.chances import Chances
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
    chances : how often runs keep bounds, whatever is chosen
    factor : what every bound is divided by, so that the chosen plan keeps it in the mean
    """

    graph: StageGraph
    model: WorkflowModel
    request: PlanRequest
    terms: Terms
    table: Table
    edges: tuple[tuple[str, str], ...]
    background: Background
    chances: Chances
    factor: float = 1.0

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
        """Return the draft that keeps bounds in the mean."""
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
        known = ("time", "energy", "cost") if model.has_energy else ("time", "cost")
        chances = model.chances(
            known, request.scope, request.pricing, idle_power_w=request.idle_power_w
        )
        edges = tuple(graph.edges)
        return cls(graph, model, request, _terms(request, 1.0), table, edges, background, chances)

    @property
    def problem(self) -> Problem:
        """The problem whose solutions keep the tightened bounds."""
        return problem_of(self.terms, self.table, self.edges)

    def tightened(self, factor: float) -> "PlanDraft":
        """Return the draft with every bound that was asked for divided by a factor."""
        return replace(self, terms=_terms(self.request, factor), factor=factor)

    def needed(self, choice: Choice, metrics: Sequence[Metric]) -> float:
        """Return the factor that runs of a choice keep below in some metrics at once."""
        chosen = {}
        for options, index in zip(self.table, choice, strict=True):
            candidate = options.candidates[index]
            chosen[options.stage_id] = candidate.config, candidate.fan_in or {}
        return self.chances.bound(chosen, metrics, self.request.confidence).factor

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
            energy_source=self.background.energy_source,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            version=__version__,
            default_choice=default_choice(self.problem, self.table, self.background.defaults),
            intervals=waited(self.problem, solution.choice, bands),
            context=self._context(solution.choice),
        )

    def _context(self, choice: Choice) -> PlanContext:
        """Return what the plan should know beside its candidates."""
        known: list[Metric] = ["time", *(("energy",) if self.model.has_energy else ()), "cost"]
        margins = {
            margin_key(some): self.needed(choice, some)
            for count in range(1, len(known) + 1)
            for some in combinations(known, count)
        }
        if self.request.bounded:  # so that asking for the same again gives the same plan
            own = margin_key(self.request.bounded)
            margins[own] = max(margins[own], self.factor)
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


def _terms(request: PlanRequest, factor: float) -> Terms:
    """Return the terms, with every bound tightened by one factor so that all of them hold."""
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


def _divided(bound: float | None, factor: float) -> float | None:
    return None if bound is None else bound / factor
