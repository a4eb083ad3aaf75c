"""A plan: which configuration each stage runs in, why, and the proof that it is a good choice.

A plan holds its whole candidate table, so that it can be verified, explained and traded off
again by itself, without profiles or models.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import EllipsisType

from flexecutor_energy.errors import ConfigurationError, PlanFormatError
from flexecutor_energy.optimization import plan_file, plan_html, plan_text
from flexecutor_energy.optimization.certificate import Certificate, Solution
from flexecutor_energy.optimization.comparison import PlanComparison, compare
from flexecutor_energy.optimization.context import PlanContext
from flexecutor_energy.optimization.derived import front_point
from flexecutor_energy.optimization.objective import Objective
from flexecutor_energy.optimization.pareto import pareto
from flexecutor_energy.optimization.problem import Choice, Metric, Problem
from flexecutor_energy.optimization.robustness import Robustness, robustness
from flexecutor_energy.optimization.schedule import Evaluation, evaluate
from flexecutor_energy.optimization.stage_plan import StagePlan
from flexecutor_energy.optimization.table import Candidate, Table, spread
from flexecutor_energy.optimization.terms import Terms, problem_of
from flexecutor_energy.optimization.verify import Verification, verify
from flexecutor_energy.optimization.what_if import what_if
from flexecutor_energy.optimization.worlds import SERVERS
from flexecutor_energy.quantities import Interval
from flexecutor_energy.workflow.config import StageConfig


@dataclass(frozen=True, slots=True)
class Plan:
    """A configuration for every stage of a workflow, with its predictions and its certificate.

    Attributes
    ----------
    dag : the name of the workflow
    terms : what was asked for
    table : the candidates of each stage, in order of the workflow
    edges : pairs of stage ids, parent first
    choice : the chosen candidate of each stage
    time, energy, cost : predictions of one run; seconds, joules, USD; None where not known
    certificate : how far the plan can be from the optimum, and the proof
    energy_source : where the joules come from, in words
    created : when, as ISO 8601 text
    version : the software that made the plan
    default_choice : what would run without a plan, to compare with; None where that is not known
    context : the power model behind the joules, what profiling took, and margins of other bounds

    Raises
    ------
    ConfigurationError
        A choice does not fit the table.
    """

    dag: str
    terms: Terms
    table: Table
    edges: tuple[tuple[str, str], ...]
    choice: Choice
    time: Interval
    energy: Interval | None
    cost: Interval | None
    certificate: Certificate
    energy_source: str
    created: str
    version: str
    default_choice: Choice | None = None
    context: PlanContext = field(default_factory=PlanContext)

    def __post_init__(self) -> None:
        object.__setattr__(self, "edges", tuple((str(i), str(j)) for i, j in self.edges))
        sizes = [len(options.candidates) for options in self.table]
        for name in ("choice", "default_choice"):
            given = getattr(self, name)
            if given is None and name == "default_choice":
                continue
            choice = tuple(int(candidate) for candidate in given)
            if len(choice) != len(sizes) or any(
                not 0 <= candidate < size for candidate, size in zip(choice, sizes, strict=True)
            ):
                raise ConfigurationError(
                    f"{name} {list(choice)} does not fit stages with {sizes} candidates"
                )
            object.__setattr__(self, name, choice)

    @classmethod
    def of(
        cls,
        solution: Solution,
        *,
        dag: str,
        terms: Terms,
        table: Table,
        edges: tuple[tuple[str, str], ...],
        energy_source: str,
        created: str,
        version: str,
        default_choice: Choice | None = None,
        intervals: Mapping[Metric, Interval] | None = None,
        context: PlanContext | None = None,
    ) -> "Plan":
        """Return the plan of a solution of ``problem_of(terms, table, edges)``.

        Parameters
        ----------
        solution : what the solver chose
        intervals : predictions of the whole run; those not given are of all stages being slow, or
            fast, together, which is rather too wide: stages of one run are correlated
        dag, terms, table, edges, energy_source, created, version : see `Plan`
        default_choice, context : see `Plan`
        """
        given = dict(intervals or {})
        wide = spread(problem_of(terms, table, edges), table, solution.choice)
        return cls(
            dag=dag,
            terms=terms,
            table=table,
            edges=edges,
            choice=solution.choice,
            time=given.get("time") or wide["time"],
            energy=given.get("energy") or wide.get("energy"),
            cost=given.get("cost") or wide.get("cost"),
            certificate=solution.certificate,
            energy_source=energy_source,
            created=created,
            version=version,
            default_choice=default_choice,
            context=context or PlanContext(),
        )

    @property
    def objective(self) -> Objective:
        """What was minimised."""
        return self.terms.objective

    @property
    def chosen(self) -> dict[str, Candidate]:
        """The chosen candidate of each stage."""
        return {
            options.stage_id: options.candidates[c]
            for options, c in zip(self.table, self.choice, strict=True)
        }

    @property
    def configs(self) -> dict[str, StageConfig]:
        """The configuration of each stage."""
        return {stage_id: candidate.config for stage_id, candidate in self.chosen.items()}

    @property
    def stages(self) -> dict[str, StagePlan]:
        """Each stage with its configuration, predictions, start and slack."""
        evaluation = self.evaluation()
        return {
            stage_id: StagePlan(
                stage_id=stage_id,
                config=candidate.config,
                time=candidate.time,
                energy=candidate.energy,
                cost=candidate.cost,
                start_s=evaluation.starts_s[position],
                slack_s=evaluation.slack_s[position],
                critical=position in evaluation.critical_path,
                extrapolated=candidate.extrapolated,
            )
            for position, (stage_id, candidate) in enumerate(self.chosen.items())
        }

    def problem(self) -> Problem:
        """Return the problem that the plan solves, rebuilt from its table."""
        return problem_of(self.terms, self.table, self.edges)

    def evaluation(self) -> Evaluation:
        """Return starts, slack, critical path and totals of the means."""
        return evaluate(self.problem(), self.choice, self.certificate.starts_s)

    def as_solution(self) -> Solution:
        """Return what the solver chose, without the predictions' intervals."""
        totals = self.evaluation()
        return Solution(
            self.choice, totals.makespan_s, totals.energy_j, totals.cost_usd, self.certificate
        )

    def verify(self) -> Verification:
        """Check the plan and its lower bound in exact arithmetic, without a solver."""
        return verify(self.problem().to_data(), self.choice, self.certificate)

    def pareto(self, points: int = 20, time_limit_s: float = 60.0) -> "list[Plan]":
        """Return plans between the fastest and the most frugal, under the same bounds.

        Each point is a plan of its own, whose deadline is its own makespan; its intervals are as
        wide, relatively, as this plan's.

        Parameters
        ----------
        points : how many to look for
        time_limit_s : seconds for all of them together
        """
        solutions = pareto(self.problem(), points, time_limit_s=time_limit_s)
        return [front_point(self, solution) for solution in solutions]

    def what_if(
        self,
        *,
        max_time: float | EllipsisType | None = ...,
        max_cost: float | EllipsisType | None = ...,
        max_energy: float | EllipsisType | None = ...,
        capacity: float | EllipsisType | None = ...,
        objective: Objective | None = None,
    ) -> "Plan":
        """Return the plan for other bounds or another objective, from the same candidates.

        No profiles or models are needed. What is not given stays as it is.

        Parameters
        ----------
        max_time, max_cost, max_energy : seconds, USD, joules that one run should keep; None lifts
            a bound
        capacity : cores that all stages share; None for no limit
        objective : what to minimise in the mean

        Raises
        ------
        InfeasibleError
            No choice keeps the bounds; carries the nearest plan.
        MissingEnergyError
            Joules are needed, and the plan holds none.
        """
        terms = self.terms
        return what_if(
            self,
            objective or terms.objective,
            {
                "time": terms.max_time if max_time is ... else max_time,
                "cost": terms.max_cost if max_cost is ... else max_cost,
                "energy": terms.max_energy if max_energy is ... else max_energy,
            },
            terms.capacity if capacity is ... else capacity,
        )

    def compare(self) -> PlanComparison:
        """Return the plan beside the default, best uniform, fastest and cheapest plan."""
        return compare(self)

    def robustness(self, servers: int = SERVERS, seed: int = 0) -> Robustness:
        """Return how the choice does under the power models of real servers.

        Parameters
        ----------
        servers : how many servers to draw
        seed : the same seed gives the same servers
        """
        return robustness(self, servers, seed)

    def explain(self) -> str:
        """Return a page of text: what was chosen, why, what it saves, and how sure that is."""
        return plan_text.render(self)

    def _repr_html_(self) -> str:
        """Return the plan as notebooks show it."""
        return plan_html.render(self)

    def to_json(self) -> str:
        """Return the plan with its table and its proof as JSON."""
        return plan_file.dump(self)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Return the plan that `to_json` wrote.

        Raises
        ------
        PlanFormatError
            The text is no plan, or its candidate table was changed.
        """
        fields = plan_file.parse(text)
        try:
            plan = cls(**fields)
            plan.problem()
        except ConfigurationError as error:
            raise PlanFormatError(f"the plan contradicts itself: {error}") from error
        return plan
