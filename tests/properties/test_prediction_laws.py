"""Laws of prediction that hold for any profile."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flexecutor_energy.prediction import WorkflowModel, train_profiles
from flexecutor_energy.prediction.makespan import execution_order, makespan_s
from flexecutor_energy.prediction.model_format import model_from_dict, model_to_dict
from flexecutor_energy.quantities import Interval
from flexecutor_energy.records.run import Profile, StageRun, WorkerRecord
from flexecutor_energy.workflow.config import StageConfig
from tests.unit.prediction_profiles import scaled_run

few = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)

seconds = st.floats(1e-3, 1e4)
joules = st.floats(0, 1e5)
configs = st.builds(
    StageConfig,
    cpu=st.sampled_from([0.25, 0.5, 1.0, 2.0, 4.0]),
    workers=st.integers(1, 4),
    memory=st.sampled_from([0, 512, 2048]),
)


@st.composite
def stage_runs(draw: st.DrawFn) -> StageRun:
    config = draw(configs)
    with_energy = draw(st.booleans())
    workers = []
    for _ in range(config.workers):
        dynamic, idle = draw(joules), draw(joules)
        workers.append(
            WorkerRecord(
                read_s=draw(st.none() | seconds),
                compute_s=draw(seconds),
                write_s=draw(seconds),
                energy_j=dynamic + idle if with_energy else None,
                energy_dynamic_j=dynamic if with_energy else None,
                energy_idle_j=idle if with_energy else None,
                energy_startup_j=draw(st.none() | joules),
                cpu_time_s=draw(st.none() | seconds),
            )
        )
    meta = {"run_id": draw(st.text("abc", min_size=1, max_size=3))}
    if draw(st.booleans()):
        meta["fan_in"] = {"p": draw(st.integers(1, 8))}  # type: ignore[assignment]
    return StageRun(config, tuple(workers), None, meta)


profiles = st.lists(stage_runs(), min_size=1, max_size=8).map(
    lambda runs: Profile("d", "s", tuple(runs))
)
PARENT = Profile("d", "p", (StageRun(StageConfig(1, 1), (WorkerRecord(compute_s=1.0),)),))


def trained(profile: Profile) -> WorkflowModel:
    return train_profiles({"p": PARENT, "s": profile}, {"s": ["p"]}, dag="d")[0]


def sane(interval: Interval | None, *, positive: bool = False) -> bool:
    if interval is None:
        return True
    finite = np.all(np.isfinite([interval.mean, interval.low, interval.high]))
    least = interval.low > 0 if positive else interval.low >= 0
    return bool(finite and least and interval.low <= interval.mean <= interval.high)


@few
@given(profiles, configs, st.integers(1, 64))
def test_predictions_are_finite_and_never_negative(
    profile: Profile, config: StageConfig, fan_in: int
) -> None:
    model = trained(profile)
    prediction = model.predict_stage("s", config, {"p": fan_in})
    assert sane(prediction.time, positive=True)
    assert sane(prediction.worker_seconds, positive=True)
    assert sane(prediction.cost, positive=True)
    assert sane(prediction.cpu_time)
    assert sane(prediction.energy_dynamic)
    assert sane(prediction.energy_idle)
    assert sane(prediction.energy)
    longest = prediction.time.mean * config.workers
    assert prediction.worker_seconds.mean <= longest * (1 + 1e-9)
    whole = model.predict({"p": StageConfig(1, fan_in), "s": config})
    assert sane(whole.time, positive=True)
    assert sane(whole.energy)
    assert np.isfinite(model.bound({"p": StageConfig(1, fan_in), "s": config}).factor)


@few
@given(profiles, configs, st.sampled_from([1e-2, 3.0, 1e3]))
def test_slower_by_a_factor_is_predicted_slower_by_it(
    profile: Profile, config: StageConfig, factor: float
) -> None:
    slower = replace(profile, runs=tuple(scaled_run(run, factor) for run in profile.runs))
    plain = trained(profile).predict_stage("s", config, {"p": 2})
    scaled = trained(slower).predict_stage("s", config, {"p": 2})
    assert scaled.time.mean == pytest.approx(factor * plain.time.mean, rel=1e-3)


@few
@given(profiles, configs, st.randoms(use_true_random=False))
def test_the_order_of_runs_does_not_matter(
    profile: Profile, config: StageConfig, random: object
) -> None:
    shuffled = list(profile.runs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = trained(replace(profile, runs=tuple(shuffled)))
    fan_in = {"p": 2}
    assert again.predict_stage("s", config, fan_in) == trained(profile).predict_stage(
        "s", config, fan_in
    )


@few
@given(profiles, configs)
def test_a_model_survives_its_file(profile: Profile, config: StageConfig) -> None:
    model, report = train_profiles({"p": PARENT, "s": profile}, {"s": ["p"]}, dag="d")
    text = json.dumps(model_to_dict(model, report), allow_nan=False)
    read, read_report = model_from_dict(json.loads(text))
    chosen = {"p": StageConfig(1, 2), "s": config}
    assert read.predict(chosen) == model.predict(chosen)
    assert read_report == report


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=6), st.data())
def test_the_makespan_lies_between_the_longest_stage_and_their_sum(
    times: list[float], data: st.DataObject
) -> None:
    stages = [f"s{i}" for i in range(len(times))]
    edges = [
        (stages[i], stages[j])
        for i in range(len(times))
        for j in range(i + 1, len(times))
        if data.draw(st.booleans())
    ]
    arrays = {stage: np.array([time]) for stage, time in zip(stages, times, strict=True)}
    value = makespan_s(arrays, execution_order(stages, edges))[0]
    assert max(times) <= value <= sum(times) * (1 + 1e-12)
    chain = list(pairwise(stages))
    assert makespan_s(arrays, execution_order(stages, chain))[0] == pytest.approx(sum(times))
