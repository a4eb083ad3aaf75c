"""From predictors to a plan: value every candidate, solve, and say how sure it is."""

from collections.abc import Collection, Mapping

from flexecutor_energy.errors import InfeasibleError
from flexecutor_energy.optimization.background import Background
from flexecutor_energy.optimization.certificate import Solution
from flexecutor_energy.optimization.draft import PlanDraft
from flexecutor_energy.optimization.exact import solve
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.optimization.request import PlanRequest
from flexecutor_energy.optimization.terms import problem_of
from flexecutor_energy.prediction.workflow_model import WorkflowModel
from flexecutor_energy.workflow.config import ConfigSpace, StageConfig
from flexecutor_energy.workflow.graph import StageGraph


def make_plan(
    graph: StageGraph,
    model: WorkflowModel,
    request: PlanRequest,
    space: ConfigSpace | None = None,
    failed: Mapping[str, Collection[StageConfig]] | None = None,
    background: Background | None = None,
) -> Plan:
    """Choose the configuration of every stage.

    Each bound is divided by the factor that runs stayed below with the confidence asked for, so
    that a run keeps the bound itself that often. A stage that runs as it was measured varies
    less than one that runs as it never did, so the factor depends on the choice: it begins with
    all stages as measured, and grows until it fits the stages that are chosen otherwise.

    Parameters
    ----------
    graph : the workflow
    model : its predictors
    request : objective and bounds
    space : configurations to choose from; None means what was profiled
    failed : configurations that failed when they were profiled
    background : where the profiles' joules come from, what profiling took, what would run
        without a plan; None where nobody says

    Raises
    ------
    InfeasibleError
        No choice keeps the bounds; carries the nearest plan.
    MissingEnergyError
        Joules are needed, and a stage was profiled without.
    """
    if request.needs_energy:
        model.require_energy()
    draft = PlanDraft.of(graph, model, request, space, failed or {}, background or Background())
    while True:
        problem = problem_of(draft.terms, draft.table, draft.edges)
        try:
            solution = solve(problem, request.objective, request.gap, request.time_limit_s)
        except InfeasibleError as error:
            nearest = error.plan.choice if isinstance(error.plan, Solution) else None
            if nearest is None or draft.fits(nearest):
                raise draft.as_asked(error) from None
            draft = draft.fitted(nearest)
            continue
        if draft.fits(solution.choice):
            return draft.plan(solution)
        draft = draft.fitted(solution.choice)
