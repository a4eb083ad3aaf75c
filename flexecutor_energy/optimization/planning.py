"""From predictors to a plan: value every candidate, solve, and say how sure it is."""

from collections.abc import Collection, Mapping

from flexecutor_energy.optimization.background import Background
from flexecutor_energy.optimization.draft import PlanDraft
from flexecutor_energy.optimization.exact import solve
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.optimization.promise import promised
from flexecutor_energy.optimization.request import PlanRequest
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

    A plan is best among all that keep bounds in the mean that are tight enough for this plan to
    keep the bounds themselves in as many runs as asked for (see `promised`).

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
    if request.bounded:
        return promised(draft)
    return draft.plan(solve(draft.problem, request.objective, request.gap, request.time_limit_s))
