"""From profiles to a model of the workflow, with an honest account of its errors."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from flexecutor_energy.errors import NotProfiledError, UnknownStageError
from flexecutor_energy.prediction.anchors import NOTHING, Anchors, Scatter, no_anchors
from flexecutor_energy.prediction.appraisal import stage_report, workflow_notes
from flexecutor_energy.prediction.blend import blended
from flexecutor_energy.prediction.conformal import stretch_of_few
from flexecutor_energy.prediction.confounding import lines_of
from flexecutor_energy.prediction.families import candidates, on_shared_cores
from flexecutor_energy.prediction.held_out import (
    anchors_of,
    held_out_runs,
    no_runs,
)
from flexecutor_energy.prediction.loglinear import ConstantPredictor
from flexecutor_energy.prediction.makespan import execution_order
from flexecutor_energy.prediction.past import Past, Source
from flexecutor_energy.prediction.predictor import Family
from flexecutor_energy.prediction.report import StageReport, TrainReport
from flexecutor_energy.prediction.rows import FloatArray, Rows, Samples, telling_parents
from flexecutor_energy.prediction.samples import StageData, collect
from flexecutor_energy.prediction.stage_model import (
    StageModel,
    TargetModel,
    covariates,
)
from flexecutor_energy.prediction.usable_runs import ON_TIME, TARGETS, TOTALS
from flexecutor_energy.prediction.validation import CrossValidation, cross_validate
from flexecutor_energy.prediction.workflow_model import WorkflowModel
from flexecutor_energy.records.run import Profile

logger = logging.getLogger(__name__)

# target and number of groups → families in order of trust
Candidates = Callable[[str, int], Sequence[Family]]


def train_profiles(
    profiles: Mapping[str, Profile],
    parents: Mapping[str, Sequence[str]],
    *,
    dag: str,
    notes: Mapping[str, Sequence[str]] | None = None,
    families: Candidates = candidates,
    sources: Mapping[str, Source] | None = None,
) -> tuple[WorkflowModel, TrainReport]:
    """Fit predictors of time, billed seconds, cpu time and energy for every stage.

    Parameters
    ----------
    profiles : stage → what was measured
    parents : stage → the stages it waits for; a stage that is absent waits for none
    dag : name of the workflow
    notes : stage → sentences that its report should begin with
    families : which families compete, for a target and a number of configurations
    sources : stage → a profile of another machine or input; its predictors, scaled to the new
        runs, compete too. Its runs are never mixed with the new ones, and no error rests on them

    Returns
    -------
    the model, and its errors on configurations that it did not see

    Raises
    ------
    NotProfiledError
        A stage has no usable run; names the command that measures.
    UnknownStageError
        ``parents`` names a stage without a profile.
    CycleError
    """
    if not profiles:
        raise NotProfiledError(
            f"workflow {dag!r} has no profiles; run: flexecutor-energy profile --dag {dag}"
        )
    stages = list(profiles)
    for stage in parents:
        if stage not in profiles:
            raise UnknownStageError(stage, stages, "parents")
    edges = [(before, stage) for stage, listed in parents.items() for before in listed]
    order = execution_order(stages, edges)
    models: dict[str, StageModel] = {}
    reports: dict[str, StageReport] = {}
    # matrices of this size lose more to waiting for other threads than they gain from them:
    # 15 s against 1 s on two busy cores
    with threadpool_limits(1, user_api="blas"):
        collected = _with_scatter({s: collect(profiles[s], order[s]) for s in stages})
        for stage, data in collected.items():
            source = (sources or {}).get(stage)
            models[stage], reports[stage] = train_stage(
                data,
                families,
                notes=(notes or {}).get(stage, ()),
                past=past_of(source, order[stage], families) if source is not None else None,
            )
            logger.info("trained %s: held-out time error %s", stage, reports[stage].mape_time)
    report = TrainReport(dag, reports, workflow_notes(models))
    return WorkflowModel(dag, models, order), report


def _with_scatter(collected: Mapping[str, StageData]) -> dict[str, StageData]:
    """Return the samples of each stage, which know how runs of the other stages differed."""
    scatters = {stage: data.scatter() for stage, data in collected.items()}

    def others(stage: str) -> dict[str, Scatter]:
        apart = [own for name, own in scatters.items() if name != stage]
        return {t: sum((o[t] for o in apart if t in o), start=NOTHING) for t in TARGETS}

    return {stage: replace(data, elsewhere=others(stage)) for stage, data in collected.items()}


def train_stage(
    data: StageData,
    families: Candidates = candidates,
    notes: Sequence[str] = (),
    past: Past | None = None,
) -> tuple[StageModel, StageReport]:
    """Fit the predictors of one stage.

    Parameters
    ----------
    data : its samples
    families : which families compete, for a target and a number of configurations
    notes : sentences that its report should begin with
    past : what was learnt of the stage elsewhere
    """
    if past is not None and (unknown := past.parents - set(data.rows.fan_in)):
        notes = (
            *notes,
            f"{past.source.name}: depends on the workers of {', '.join(sorted(unknown))}, which "
            "new runs do not tell; nothing is transferred",
        )
        past = None
    parents = past.parents if past is not None else frozenset()
    families = past.beside(families) if past is not None else families
    targets: dict[str, TargetModel] = {}
    anchors = no_anchors()
    validations: dict[str, CrossValidation] = {}
    chosen: dict[str, str] = {}
    for target in TARGETS:
        if target not in data.values:
            continue
        model = _stage_model(data, targets, anchors, parents)
        targets[target], chosen[target], validation = _train_target(data, target, model, families)
        if validation is not None:
            validations[target] = validation
        anchors = anchors_of(data, _stage_model(data, targets, anchors, parents))
    model = _stage_model(data, targets, anchors, parents)
    stretch = stretch_of_few(len(np.unique(data.groups)))
    model = replace(model, runs=replace(held_out_runs(data, model), stretch=stretch))
    if past is None:
        return model, stage_report(data, model, chosen, validations, notes)
    told = past.report(data, model)
    model = replace(model, runs=replace(model.runs, stretch=told.stretch))
    notes = (*notes, told.note())
    return model, replace(stage_report(data, model, chosen, validations, notes), transfer=told)


def past_of(source: Source, parents: Sequence[str], families: Candidates = candidates) -> Past:
    """Return what a profile of another machine or input teaches about a stage."""
    data = collect(source.profile, parents)
    return Past(source, data, train_stage(data, families)[0])


def _train_target(
    data: StageData, target: str, model: StageModel, families: Candidates
) -> tuple[TargetModel, str, CrossValidation | None]:
    """Return the predictors of a target, the families behind them, and their comparison.

    ``model`` predicts the targets before this one, for energy to build on.
    """
    known = ~np.isnan(data.values[target])
    rows, groups = data.rows.take(known), data.groups[known]
    samples = _samples(data, target, known)
    if not np.max(samples.values) > 0:
        zero = ConstantPredictor("constant", 0.0)
        return TargetModel(zero, {}), zero.family, None
    ids = np.unique(groups)
    # repetitions of one condition have errors to compare, but no shape to learn
    tried = tuple(families(target, 1 if data.grouped_by == "run" else len(ids)))
    if len(ids) < 2:
        return TargetModel(tried[0].fit(samples), {}), tried[0].name, None
    folds = None
    if target in ON_TIME:
        folds = {int(group): _fold_covariates(model, rows, groups, int(group)) for group in ids}
    if target not in ON_TIME and rows.cores is not None:
        tried = on_shared_cores(tried, crowded=bool(np.any(rows.overload > 0)))
    validation = cross_validate(samples, groups, tried, folds)
    shares = [(f, validation.shares[f.name]) for f in tried if f.name in validation.shares]
    predictor = blended([(family.fit(samples), share) for family, share in shares])
    without = {int(group): validation.without(int(group)) for group in ids}
    return TargetModel(predictor, without), predictor.family, validation


def _samples(data: StageData, target: str, known: npt.NDArray[np.bool_]) -> Samples:
    rows = data.rows.take(known)
    values = {name: column[known] for name, column in data.values.items()}
    if target in ON_TIME:
        before = {name: column for name, column in values.items() if name != target}
        rows = rows.with_covariates(covariates(rows, before))
    share = rows.workers if target in TOTALS else np.ones(len(rows))
    parts = {name: part[known] / share for name, part in data.parts.get(target, {}).items()}
    return Samples(rows, values[target] / share, parts)


def _fold_covariates(
    model: StageModel, rows: Rows, groups: npt.NDArray[np.int64], group: int
) -> dict[str, FloatArray]:
    hidden = model.rows_of(rows.take(groups == group))
    return covariates(hidden, model.evaluate(hidden, group))


def _stage_model(
    data: StageData,
    targets: Mapping[str, TargetModel],
    anchors: Anchors,
    parents: Collection[str] = (),
) -> StageModel:
    telling = {*telling_parents(data.rows), *parents}
    return StageModel(
        stage=data.stage,
        parents=tuple(parent for parent in data.rows.fan_in if parent in telling),
        targets=dict(targets),
        configs=data.configs,
        fan_in_range={
            parent: (float(column.min()), float(column.max()))
            for parent, column in data.rows.fan_in.items()
        },
        runs=no_runs(),
        anchors=anchors,
        lines={p: line for p, line in lines_of(data.rows).items() if p in telling},
        cores=data.rows.cores,
        failed=data.failed,
        backends=data.backends,
        requests=data.requests,
    )
