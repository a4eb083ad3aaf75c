"""Transfer between two processors, on profiles that were recorded on both."""

from dataclasses import replace

import numpy as np
import pytest

from flexecutor_energy.prediction import TrainReport, WorkflowModel, train_profiles
from flexecutor_energy.prediction.past import Source
from flexecutor_energy.records.run import Profile
from tests.unit.prediction_profiles import reference

X86, ARM = "aws_titanic_x86", "aws_titanic_arm"
RUNS = 3


def error(model: WorkflowModel, truth: Profile) -> float:
    """Return the mean absolute error on every recorded configuration, as a share."""
    off = []
    for config in truth.configs:
        times = [run.time_s for run in truth.runs if run.config == config]
        predicted = model.predict_stage("stage", config).time.mean
        off.append(abs(predicted / np.mean(np.array(times, dtype=float)) - 1))
    return float(np.mean(off))


def trained(
    past: str, new: Profile, begin: int
) -> tuple[WorkflowModel, WorkflowModel, TrainReport]:
    """Return what three runs of a profile teach, alone and with a past one."""
    few = [next(r for r in new.runs if r.config == c) for c in new.configs[begin::12][:RUNS]]
    known = {"stage": replace(new, runs=tuple(few))}
    sources = {"stage": Source(past, reference(past)["stage"])}
    alone, _ = train_profiles(known, {}, dag="now")
    helped, report = train_profiles(known, {}, dag="now", sources=sources)
    return alone, helped, report


@pytest.mark.parametrize(("past", "now"), [(X86, ARM), (ARM, X86)])
def test_three_runs_and_the_other_processor_predict_better_than_three_runs(
    past: str, now: str
) -> None:
    new = reference(now)["stage"]
    found = [trained(past, new, begin) for begin in range(5)]
    without = float(np.mean([error(alone, new) for alone, _, _ in found]))
    with_past = float(np.mean([error(helped, new) for _, helped, _ in found]))
    assert with_past < 0.15
    assert with_past < 0.8 * without
    told = found[0][2].stages["stage"].transfer
    assert told is not None
    assert (told.source, told.new_runs) == (past, RUNS)
    assert told.note() in found[0][2].stages["stage"].notes
    old = reference(past)["stage"]
    assert told.note().startswith(f"transferred from {past} ({len(old.runs)} runs): time × ")
