"""What every family of predictors promises."""

import json

import numpy as np
import pytest

from flexecutor_energy.prediction.families import ALL, CONSTANT, predictor_from_dict
from flexecutor_energy.prediction.predictor import Family, Predictor
from flexecutor_energy.prediction.rows import FloatArray, Rows, Samples


def rows_of(
    cpu: list[float], workers: list[float], memory: list[float] | None = None, fan_in: float = 4.0
) -> Rows:
    k, w = np.array(cpu, dtype=float), np.array(workers, dtype=float)
    m = np.array(memory, dtype=float) if memory is not None else np.full(len(cpu), 1024.0)
    duration = 1.0 + 8.0 / (k * w)
    return Rows(
        k,
        m,
        w,
        {"parent": np.resize(np.array([1.0, fan_in, 2.0]), len(cpu))},
        {"duration": duration, "cpu_time": 0.5 + 6.0 / w},
        cores=8.0,  # which the largest of the grid ask for more than
    )


def grid_rows() -> Rows:
    pairs = [(k, w, m) for k in (0.5, 1, 2, 4) for w in (1, 2, 8) for m in (512, 2048)]
    cpu, workers, memory = (list(column) for column in zip(*pairs, strict=True))
    return rows_of(cpu, workers, memory)


def samples_of(rows: Rows, scale: float = 1.0, seed: int = 0) -> Samples:
    generator = np.random.default_rng(seed)
    noise = generator.lognormal(0, 0.1, len(rows))
    compute = 6.0 / (rows.cpu * rows.workers) * noise * scale
    read = (0.3 + 0.05 * rows.fan_in["parent"]) * scale
    return Samples(rows, compute + read, {"compute": compute, "read": read})


def far_away() -> Rows:
    rows = rows_of([0.01, 64.0, 1.0, 0.1], [1.0, 10_000.0, 1.0, 512.0], [0.0, 1e6, 64.0, 128.0])
    return Rows(
        rows.cpu,
        rows.memory_mb,
        rows.workers,
        {"parent": np.array([1.0, 10_000.0, 1.0, 2.0])},
        rows.covariates,
        rows.cores,
    )


@pytest.fixture(params=ALL, ids=lambda family: family.name)
def family(request: pytest.FixtureRequest) -> Family:
    chosen: Family = request.param
    return chosen


def sane(values: FloatArray) -> bool:
    return bool(np.all(np.isfinite(values)) and np.all(values > 0))


def test_families_have_names_of_their_own() -> None:
    assert len({family.name for family in ALL}) == len(ALL)


def test_it_follows_the_protocols(family: Family) -> None:
    predictor = family.fit(samples_of(grid_rows()))
    assert isinstance(family, Family)
    assert isinstance(predictor, Predictor)
    assert predictor.family == family.name


def test_predictions_are_positive_and_finite_even_far_from_the_samples(family: Family) -> None:
    predictor = family.fit(samples_of(grid_rows()))
    assert sane(predictor.predict(grid_rows()))
    assert sane(predictor.predict(far_away()))


def test_it_learns_the_size_of_what_it_saw(family: Family) -> None:
    samples = samples_of(grid_rows())
    predicted = family.fit(samples).predict(samples.rows)
    typical = np.median(np.abs(np.log(predicted / samples.values)))
    assert typical < (2.0 if family is CONSTANT else 0.6)


def test_scaling_what_is_measured_scales_what_is_predicted(family: Family) -> None:
    for factor in (1e-3, 60.0):
        plain = family.fit(samples_of(grid_rows())).predict(far_away())
        scaled = family.fit(samples_of(grid_rows(), factor)).predict(far_away())
        assert scaled == pytest.approx(plain * factor, rel=1e-5)


def test_a_reading_of_its_json_predicts_the_same(family: Family) -> None:
    predictor = family.fit(samples_of(grid_rows()))
    read = predictor_from_dict(json.loads(json.dumps(predictor.to_dict(), allow_nan=False)))
    assert read.family == predictor.family
    for rows in (grid_rows(), far_away()):
        assert np.array_equal(read.predict(rows), predictor.predict(rows))
    assert read.to_dict() == predictor.to_dict()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_samples_are_enough_to_predict(family: Family, count: int) -> None:
    rows = grid_rows().take(np.arange(count))
    predictor = family.fit(samples_of(rows))
    assert sane(predictor.predict(grid_rows()))
    json.dumps(predictor.to_dict(), allow_nan=False)


def test_equal_samples_give_their_value_back(family: Family) -> None:
    rows = rows_of([1.0] * 4, [2.0] * 4, fan_in=1.0)
    rows = Rows(rows.cpu, rows.memory_mb, rows.workers, {}, rows.covariates)
    predicted = family.fit(Samples(rows, np.full(4, 7.0))).predict(rows)
    assert predicted == pytest.approx(np.full(4, 7.0), rel=0.01)


def test_the_same_samples_always_give_the_same_predictor(family: Family) -> None:
    first, second = (family.fit(samples_of(grid_rows())).to_dict() for _ in range(2))
    assert first == second


def test_predicting_changes_nothing(family: Family) -> None:
    rows, samples = far_away(), samples_of(grid_rows())
    predictor = family.fit(samples)
    before = predictor.to_dict()
    once = predictor.predict(rows)
    assert np.array_equal(once, predictor.predict(rows))
    assert predictor.to_dict() == before
    assert np.array_equal(rows.cpu, far_away().cpu)


def test_rows_are_predicted_independently(family: Family) -> None:
    predictor = family.fit(samples_of(grid_rows()))
    together = predictor.predict(grid_rows())
    alone = [predictor.predict(grid_rows().take(np.array([i])))[0] for i in range(len(together))]
    assert alone == pytest.approx(together.tolist(), rel=1e-9)
