"""What training has to say: errors on runs that were left out, and what these rest on."""

from collections.abc import Mapping, Sequence

from flexecutor_energy.prediction.conformal import FEW_RUNS, needed_runs
from flexecutor_energy.prediction.evidence import common_runs
from flexecutor_energy.prediction.held_out import coverage, mape_again, mape_unseen
from flexecutor_energy.prediction.report import StageReport
from flexecutor_energy.prediction.samples import StageData
from flexecutor_energy.prediction.stage_model import StageModel
from flexecutor_energy.prediction.validation import CrossValidation

_LEVELS = (0.9, 0.95)


def stage_report(
    data: StageData,
    model: StageModel,
    chosen: Mapping[str, str],
    validations: Mapping[str, CrossValidation],
    notes: Sequence[str],
) -> StageReport:
    """Return the errors of a trained stage, and what to know about them.

    Parameters
    ----------
    data : its samples
    model : fitted on them
    chosen : target → name of the families behind its predictor
    validations : target → how families compared
    notes : sentences to begin with
    """
    coverages = {level: coverage(model.runs, level) for level in _LEVELS}
    return StageReport(
        mape_time=mape_unseen(data, model.runs, ("time",)),
        mape_energy=mape_unseen(data, model.runs, _energy_targets(model)),
        mape_again=mape_again(model.runs),
        coverage=coverages[_LEVELS[-1]],
        coverages=coverages,
        level=_LEVELS[-1],
        predictor=chosen["time"],
        predictors=dict(chosen),
        errors={target: dict(validation.mape) for target, validation in validations.items()},
        configurations=len(data.configs),
        conditions=len(data.rows),
        runs=len(data.run_ids),
        notes=(*notes, *data.notes, *_stage_notes(data)),
    )


def _energy_targets(model: StageModel) -> tuple[str, ...]:
    if not model.has_energy:
        return ()
    startup = ("energy_startup",) if "energy_startup" in model.targets else ()
    if "energy" in model.targets:
        return ("energy", *startup)
    return ("energy_dynamic", "energy_idle", *startup)


def _stage_notes(data: StageData) -> list[str]:
    notes = []
    count = len(data.run_ids)
    if data.grouped_by == "run":
        notes.append(
            "one configuration only: errors are among its repetitions, and others are a guess"
        )
    elif data.grouped_by == "condition":
        notes.append(
            "one configuration only: errors are among the worker counts of its parents, and "
            "other configurations are a guess"
        )
    if count == 1:
        notes.append("a single run: no error can be told, intervals are assumed")
    elif count == len(data.rows) and data.grouped_by != "run":
        notes.append("one repetition each: noise cannot be told from error; it is assumed")
    if 1 < count < needed_runs(_LEVELS[-1]):
        level = max([lv for lv in _LEVELS if count >= needed_runs(lv)], default=None)
        supported = (
            f"support {level:.0%} at most" if level else f"are below the {FEW_RUNS} of 90 %"
        )
        notes.append(f"{count} runs {supported}; intervals use the widest error seen")
    return notes


def workflow_notes(models: Mapping[str, StageModel]) -> tuple[str, ...]:
    """Return what to know about a workflow whose stages were trained."""
    notes = []
    if len(models) > 1:
        shared = len(next(iter(common_runs(models).values())))
        if shared < FEW_RUNS:
            notes.append(
                f"{shared} runs cover all stages, so how errors of stages go together is not "
                "known; they are taken to coincide"
            )
    without = [name for name, model in models.items() if not model.has_energy]
    if without:
        which = "no stage" if len(without) == len(models) else f"not {', '.join(without)}"
        notes.append(f"energy: {which} was profiled with it")
    return tuple(notes)
