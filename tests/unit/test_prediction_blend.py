"""Blends of families, few configurations, shared cores and the load of hosts."""

import numpy as np
import pytest

from flexecutor_energy.errors import ModelFormatError
from flexecutor_energy.prediction import train_profiles
from flexecutor_energy.prediction.blend import BlendPredictor, CrowdFamily, SharedFamily, blended
from flexecutor_energy.prediction.conformal import stretch_of_few
from flexecutor_energy.prediction.families import on_shared_cores, predictor_from_dict
from flexecutor_energy.prediction.loglinear import ConstantPredictor
from flexecutor_energy.prediction.physics import LEAN, PHASES, PHYSICS, TermsPredictor
from flexecutor_energy.prediction.rows import Rows, Samples
from flexecutor_energy.prediction.validation import weigh
from flexecutor_energy.records.run import Profile, StageRun, WorkerRecord
from flexecutor_energy.workflow.config import StageConfig
from tests.unit.prediction_profiles import grid, made_profile


def rows(cpu: list[float], workers: list[float], cores: float | None = None) -> Rows:
    k, w = np.array(cpu), np.array(workers)
    return Rows(k, np.full(len(k), 1024.0), w, cores=cores)


def test_a_blend_is_the_weighted_mean_of_its_parts() -> None:
    three, five = ConstantPredictor("a", 3.0), ConstantPredictor("b", 5.0)
    blend = blended([(three, 0.25), (five, 0.75)])
    assert blend.predict(rows([1.0], [1.0])) == pytest.approx([4.5])
    assert blend.family == "b+a"
    assert blended([(three, 1.0)]) is three


def test_sums_of_terms_blend_into_one_sum_that_predicts_the_same() -> None:
    table = rows([0.5, 1, 2, 4] * 3, [1.0] * 4 + [2.0] * 4 + [8.0] * 4)
    samples = Samples(table, 1 + 8 / (table.cpu * table.workers), {})
    parts = [(family.fit(samples), share) for family, share in ((PHYSICS, 0.7), (LEAN, 0.3))]
    blend = blended(parts)
    assert isinstance(blend, TermsPredictor)
    mean = sum(share * part.predict(table) for part, share in parts)
    assert blend.predict(table) == pytest.approx(mean)


def test_a_blend_without_a_weight_for_each_part_is_refused() -> None:
    blend = BlendPredictor("a+b", (ConstantPredictor("a", 1.0), ConstantPredictor("b", 1.0)), (1,))
    with pytest.raises(ModelFormatError, match="without a weight for each"):
        predictor_from_dict(blend.to_dict())


def test_families_that_data_cannot_tell_apart_share_the_weight() -> None:
    errors = np.array([[0.05, 0.06, 0.04, 0.05], [0.06, 0.05, 0.05, 0.04], [0.5, 0.4, 0.6, 0.5]])
    shares = weigh(errors)
    assert shares == pytest.approx([0.5, 0.5, 0.0])


def test_a_family_that_is_a_little_worse_has_a_little_less_weight() -> None:
    errors = np.array([[0.05, 0.05, 0.05, 0.05], [0.055, 0.06, 0.055, 0.05]])
    better, worse = weigh(errors)
    assert 0.3 < worse < better < 0.7


def test_a_family_that_is_twice_as_wrong_has_no_weight() -> None:
    errors = np.array([[0.05, 0.05, 0.05, 0.05], [0.1, 0.11, 0.09, 0.1]])
    assert weigh(errors).tolist() == [1.0, 0.0]


def test_errors_of_few_configurations_are_widened_and_those_of_many_are_not() -> None:
    widths = [stretch_of_few(count) for count in range(2, 20)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] == pytest.approx(2.69, abs=0.01)  # t(2) = 4.303, √1.5, over 1.960
    assert stretch_of_few(19) == 1.0
    assert stretch_of_few(1) == 1.0


def test_intervals_of_three_configurations_hold_new_ones_more_often_than_their_widest_error() -> (
    None
):
    model, report = train_profiles({"s": made_profile(grid()[:3], reps=3)}, {}, dag="d")
    stage = model.stages["s"]
    assert stage.runs.stretch == stretch_of_few(3)
    plain = stage.runs.measured["time"] / stage.runs.predicted["time"]
    assert np.abs(np.log(stage.runs.ratio("time"))) == pytest.approx(
        stretch_of_few(3) * np.abs(np.log(plain))
    )
    assert report.stages["s"].coverage is not None


def test_cores_that_workers_must_share_are_no_faster_than_those_there_are() -> None:
    table = rows([0.5, 1.0, 2.0, 0.5, 1.0], [1.0, 1.0, 1.0, 2.0, 2.0], cores=2.0)
    values = 0.2 + 8 / (table.cpu * table.workers)
    fitted = SharedFamily(PHYSICS).fit(Samples(table, values, {}))
    crowd = rows([2.0, 1.0, 0.5], [4.0, 4.0, 4.0], cores=2.0)
    predicted = fitted.predict(crowd)
    assert predicted == pytest.approx([predicted[2]] * 3)
    assert predictor_from_dict(fitted.to_dict()).predict(crowd) == pytest.approx(predicted)


def test_families_that_do_not_know_the_cores_compete_only_where_they_were_too_few() -> None:
    crowded = [family.name for family in on_shared_cores((PHASES, LEAN), crowded=True)]
    roomy = [family.name for family in on_shared_cores((PHASES, LEAN), crowded=False)]
    assert crowded == ["phases", "lean", "shared phases"]
    assert roomy == ["shared phases", "lean"]


def test_without_a_crowd_to_learn_from_a_family_is_told_of_the_cores() -> None:
    pairs = [(k, w) for k in (0.5, 1.0, 2.0) for w in (1.0, 2.0, 4.0)]
    table = rows([k for k, _ in pairs], [w for _, w in pairs], cores=4.0)
    held = table.with_held_cpu()
    samples = Samples(table, 0.2 + 8 / (held.cpu * held.workers), {})
    crowd = table.overload > 0
    unaware = LEAN.fit(samples.take(~crowd)).predict(table.take(crowd))
    told = CrowdFamily(LEAN).fit(samples.take(~crowd)).predict(table.take(crowd))
    assert told == pytest.approx(samples.values[crowd], rel=0.05)
    assert np.all(unaware < 0.7 * told)
    learnt = CrowdFamily(LEAN).fit(samples).predict(table)
    assert learnt == pytest.approx(LEAN.fit(samples).predict(table))


def thrashing() -> Samples:
    """Return computing that slows down below the memory it needs, in proportion to its size."""
    pairs = [
        (k, w, m) for k in (1.0, 2.0) for w in (1.0, 2.0, 8.0) for m in (512.0, 1024.0, 4096.0)
    ]
    k, w, m = np.array(pairs).T
    table = Rows(k, m, w)
    compute = 20 / (k * w) * (1 + 2000 / m)
    return Samples(table, compute + 0.3, {"compute": compute, "read": np.full(len(k), 0.3)})


def test_computing_that_runs_short_of_memory_is_learnt() -> None:
    samples = thrashing()
    plain, phases = (
        np.max(np.abs(family.fit(samples).predict(samples.rows) / samples.values - 1))
        for family in (PHYSICS, PHASES)
    )
    assert phases < 0.02
    assert plain > 0.05


def loaded(cores: int, workers: tuple[int, ...] = (1, 2, 4)) -> Profile:
    """Return runs whose CPU seconds cost the less, the fuller their host is."""
    runs = []
    for config in grid(cpus=(0.5, 1, 2), workers=workers):
        busy = config.cpu * config.workers / cores
        seconds = 0.5 + 4 / (config.cpu * config.workers)
        used = seconds * config.cpu
        record = WorkerRecord(
            compute_s=seconds, cpu_time_s=used, energy_j=used * (4 + 8 * (1 - busy))
        )
        meta = {"hosts": [{"id": "h", "cores": cores}]}
        runs.append(StageRun(config, (record,) * config.workers, None, meta))
    return Profile("d", "s", tuple(runs))


def test_the_first_busy_cores_of_a_host_cost_more_joules_than_the_next() -> None:
    model, report = train_profiles({"s": loaded(8)}, {}, dag="d")
    assert (report.stages["s"].mape_energy or 1) < 0.03
    table = model.predict_table("s", [StageConfig(0.5, 1, 1024), StageConfig(2, 4, 1024)])
    assert table.energy_total_j is not None
    assert table.cpu_time_s is not None
    each = table.energy_total_j / table.cpu_time_s
    assert each[0] > 1.8 * each[1]
