"""The JSON form of a workflow model: plain numbers and texts, read without running anything."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

import numpy as np

from flexecutor_energy.errors import ConfigurationError, ModelFormatError
from flexecutor_energy.prediction.anchors import Anchors
from flexecutor_energy.prediction.confounding import Line
from flexecutor_energy.prediction.families import predictor_from_dict
from flexecutor_energy.prediction.makespan import execution_order
from flexecutor_energy.prediction.report import StageReport, TrainReport, TransferReport
from flexecutor_energy.prediction.requests import RequestCounts
from flexecutor_energy.prediction.rows import FloatArray
from flexecutor_energy.prediction.stage_model import HeldOutRuns, StageModel, TargetModel
from flexecutor_energy.prediction.usable_runs import TARGETS
from flexecutor_energy.prediction.workflow_model import Provenance, WorkflowModel
from flexecutor_energy.workflow.config import StageConfig

FORMAT = "flexecutor-energy model"
VERSION = 2


def model_to_dict(model: WorkflowModel, report: TrainReport) -> dict[str, Any]:
    """Return a model and its errors as plain JSON values."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "dag": model.dag,
        "provenance": {
            "trained_at": model.provenance.trained_at,
            "software": model.provenance.software,
            "profile_sha256": dict(model.provenance.profile_sha256),
        },
        "parents": {stage: list(before) for stage, before in model.parents.items()},
        "report": _report_to_dict(report),
        "stages": {name: _stage_to_dict(stage) for name, stage in model.stages.items()},
    }


def model_from_dict(data: Any) -> tuple[WorkflowModel, TrainReport]:
    """Return the model and its errors that ``model_to_dict`` described.

    Raises
    ------
    ModelFormatError
        The data is something else, or of another version.
    """
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ModelFormatError("not a model of flexecutor-energy")
    if data.get("version") != VERSION:
        raise ModelFormatError(
            f"version {data.get('version')!r} of the format; this software reads {VERSION}"
        )
    try:
        return _model(data), _report(data["report"])
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        if isinstance(error, ModelFormatError):
            raise
        raise ModelFormatError(f"damaged: {error!r}") from error


def _model(data: Mapping[str, Any]) -> WorkflowModel:
    stages = {str(name): _stage(str(name), stage) for name, stage in data["stages"].items()}
    edges = [(before, stage) for stage, listed in data["parents"].items() for before in listed]
    origin = data["provenance"]
    return WorkflowModel(
        dag=str(data["dag"]),
        stages=stages,
        parents=execution_order(list(stages), edges),
        provenance=Provenance(
            str(origin["trained_at"]),
            str(origin["software"]),
            {str(stage): str(digest) for stage, digest in origin["profile_sha256"].items()},
        ),
    )


def _stage_to_dict(stage: StageModel) -> dict[str, Any]:
    runs = stage.runs
    return {
        "parents": list(stage.parents),
        "configs": [list(config.key) for config in stage.configs],
        "failed": [list(config.key) for config in stage.failed],
        "fan_in_range": {parent: list(ends) for parent, ends in stage.fan_in_range.items()},
        "cores": stage.cores,
        "backends": list(stage.backends),
        "targets": {
            name: {
                "predictor": target.predictor.to_dict(),
                "folds": {str(group): fold.to_dict() for group, fold in target.folds.items()},
            }
            for name, target in stage.targets.items()
        },
        "runs": {
            "run_ids": list(runs.run_ids),
            "groups": runs.groups.tolist(),
            "conditions": runs.conditions.tolist(),
            "cpu": runs.cpu.tolist(),
            "memory_mb": runs.memory_mb.tolist(),
            "workers": runs.workers.tolist(),
            "measured": {target: _nullable(column) for target, column in runs.measured.items()},
            "predicted": {target: _nullable(column) for target, column in runs.predicted.items()},
            "repeated": {target: _nullable(column) for target, column in runs.repeated.items()},
            "stretch": runs.stretch,
        },
        "anchors": {
            "places": [list(key) for key in stage.anchors.places],
            "groups": stage.anchors.groups.tolist(),
            "means": {t: _nullable(column) for t, column in stage.anchors.means.items()},
            "weights": {t: column.tolist() for t, column in stage.anchors.weights.items()},
        },
        "lines": {parent: asdict(line) for parent, line in stage.lines.items()},
        "requests": None if stage.requests is None else stage.requests.to_dict(),
    }


def _stage(name: str, data: Mapping[str, Any]) -> StageModel:
    try:
        configs = tuple(StageConfig.from_key(key) for key in data["configs"])
        failed = tuple(StageConfig.from_key(key) for key in data["failed"])
    except ConfigurationError as error:
        raise ModelFormatError(f"stage {name!r}: {error}") from error
    targets = {
        str(target): TargetModel(
            predictor_from_dict(entry["predictor"]),
            {int(group): predictor_from_dict(fold) for group, fold in entry["folds"].items()},
        )
        for target, entry in data["targets"].items()
    }
    if not {"time", "worker_seconds"} <= set(targets) or not set(targets) <= set(TARGETS):
        raise ModelFormatError(f"stage {name!r} predicts {sorted(targets)}")
    return StageModel(
        stage=name,
        parents=tuple(str(parent) for parent in data["parents"]),
        targets=targets,
        configs=configs,
        fan_in_range={
            str(parent): (float(low), float(high))
            for parent, (low, high) in data["fan_in_range"].items()
        },
        runs=_runs(data["runs"]),
        anchors=_anchors(data["anchors"]),
        lines={str(parent): _line(line) for parent, line in data["lines"].items()},
        requests=_optional(data["requests"], RequestCounts.from_dict),
        cores=_optional(data["cores"], float),
        failed=failed,
        backends=tuple(str(name) for name in data["backends"]),
    )


def _runs(data: Mapping[str, Any]) -> HeldOutRuns:
    runs = HeldOutRuns(
        run_ids=tuple(None if name is None else str(name) for name in data["run_ids"]),
        groups=np.array(data["groups"], dtype=np.int64),
        conditions=np.array(data["conditions"], dtype=np.int64),
        cpu=_column(data["cpu"]),
        memory_mb=_column(data["memory_mb"]),
        workers=_column(data["workers"]),
        measured={str(target): _column(values) for target, values in data["measured"].items()},
        predicted={str(target): _column(values) for target, values in data["predicted"].items()},
        repeated={str(target): _column(values) for target, values in data["repeated"].items()},
        stretch=float(data.get("stretch", 1.0)),
    )
    columns = (runs.groups, runs.conditions, runs.cpu, runs.memory_mb, runs.workers)
    lengths = {len(column) for column in columns}
    tables = (runs.measured, runs.predicted, runs.repeated)
    lengths |= {len(column) for table in tables for column in table.values()}
    if lengths != {len(runs.run_ids)}:
        raise ModelFormatError("its runs have columns of different lengths")
    return runs


def _line(data: Mapping[str, Any]) -> Line:
    return Line(float(data["offset"]), float(data["slope"]), float(data["told"]))


def _anchors(data: Mapping[str, Any]) -> Anchors:
    anchors = Anchors(
        places={tuple(map(float, key)): number for number, key in enumerate(data["places"])},
        groups=np.array(data["groups"], dtype=np.int64),
        means={str(target): _column(values) for target, values in data["means"].items()},
        weights={str(target): _column(values) for target, values in data["weights"].items()},
    )
    lengths = {len(column) for column in (*anchors.means.values(), *anchors.weights.values())}
    if lengths | {len(anchors.groups)} != {len(anchors.places)}:
        raise ModelFormatError("its measured conditions have columns of different lengths")
    return anchors


def _nullable(column: FloatArray) -> list[float | None]:
    return [None if math.isnan(value) else value for value in column.tolist()]


def _column(values: Any) -> FloatArray:
    return np.array([np.nan if value is None else value for value in values], dtype=float)


_Loaded = TypeVar("_Loaded")


def _optional(value: Any, convert: Callable[[Any], _Loaded]) -> _Loaded | None:
    return None if value is None else convert(value)


def _report_to_dict(report: TrainReport) -> dict[str, Any]:
    return {
        "dag": report.dag,
        "notes": list(report.notes),
        "stages": {
            name: {
                "mape_time": stage.mape_time,
                "mape_energy": stage.mape_energy,
                "mape_again": stage.mape_again,
                "coverages": {str(level): share for level, share in stage.coverages.items()},
                "level": stage.level,
                "predictors": dict(stage.predictors),
                "errors": {target: dict(table) for target, table in stage.errors.items()},
                "configurations": stage.configurations,
                "conditions": stage.conditions,
                "runs": stage.runs,
                "notes": list(stage.notes),
                "transfer": asdict(stage.transfer) if stage.transfer is not None else None,
            }
            for name, stage in report.stages.items()
        },
    }


def _report(data: Mapping[str, Any]) -> TrainReport:
    return TrainReport(
        str(data["dag"]),
        {str(name): _stage_report(stage) for name, stage in data["stages"].items()},
        tuple(str(note) for note in data["notes"]),
    )


def _stage_report(data: Mapping[str, Any]) -> StageReport:
    level = float(data["level"])
    coverages = {float(key): _optional(v, float) for key, v in data["coverages"].items()}
    predictors = {str(target): str(name) for target, name in data["predictors"].items()}
    return StageReport(
        mape_time=_optional(data["mape_time"], float),
        mape_energy=_optional(data["mape_energy"], float),
        mape_again=_optional(data["mape_again"], float),
        coverage=coverages[level],
        coverages=coverages,
        level=level,
        predictor=predictors["time"],
        predictors=predictors,
        errors={
            str(target): {str(name): float(error) for name, error in table.items()}
            for target, table in data["errors"].items()
        },
        configurations=int(data["configurations"]),
        conditions=int(data["conditions"]),
        runs=int(data["runs"]),
        notes=tuple(str(note) for note in data["notes"]),
        transfer=_optional(data.get("transfer"), _transfer),
    )


def _transfer(data: Mapping[str, Any]) -> TransferReport:
    return TransferReport(
        source=str(data["source"]),
        source_runs=int(data["source_runs"]),
        new_runs=int(data["new_runs"]),
        factors={str(target): float(factor) for target, factor in data["factors"].items()},
        stretch=float(data["stretch"]),
    )
