"""Transfer between two processors, on profiles that were recorded on both."""

from dataclasses import replace

import numpy as np
import pytest

from flexecutor_energy.prediction import WorkflowModel, train_profiles
from flexecutor_energy.prediction.past import Source
from flexecutor_energy.records.run import Profile
from tests.unit.prediction_profiles import reference

X86, ARM = "aws_titanic_x86", "aws_titanic_arm"


def error(model: WorkflowModel, truth: Profile) -> float:
    """Return the mean absolute error on every recorded configuration, as a share."""
    off = []
    for config in truth.configs:
        times = [run.time_s for run in truth.runs if run.config == config]
        predicted = model.predict_stage("stage", config).time.mean
        off.append(abs(predicted / np.mean(np.array(times, dtype=float)) - 1))
    return float(np.mean(off))


@pytest.mark.parametrize(("past", "now"), [(X86, ARM), (ARM, X86)])
def test_three_runs_and_the_other_processor_predict_better_than_three_runs(
    past: str, now: str
) -> None:
    old, new = reference(past)["stage"], reference(now)["stage"]
    few = [next(run for run in new.runs if run.config == c) for c in new.configs[::12]]
    known = {"stage": replace(new, runs=tuple(few))}
    alone, _ = train_profiles(known, {}, dag="now")
    helped, report = train_profiles(known, {}, dag="now", sources={"stage": Source(past, old)})
    assert error(helped, new) < 0.15
    assert error(helped, new) < 0.7 * error(alone, new)
    told = report.stages["stage"].transfer
    assert told is not None
    assert (told.source, told.new_runs) == (past, len(few))
    assert told.note() in report.stages["stage"].notes
    assert told.note().startswith(f"transferred from {past} ({len(old.runs)} runs): time × ")
