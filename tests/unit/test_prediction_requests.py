"""Requests to the object store, learnt from those that were counted."""

import json
from dataclasses import replace

import pytest

from flexecutor_energy.prediction import train_profiles
from flexecutor_energy.prediction.requests import RequestCounts, count_requests
from flexecutor_energy.pricing import AWS_LAMBDA_X86
from flexecutor_energy.records.run import Profile, StageRun, WorkerRecord
from flexecutor_energy.workflow.config import StageConfig
from tests.unit.prediction_profiles import grid, made_profile


def run(workers: int, puts: int, gets: int, **fan_in: int) -> StageRun:
    meta = {"fan_in": fan_in, "requests": {"puts": puts, "gets": gets}}
    return StageRun(StageConfig(1, workers), (WorkerRecord(),) * workers, meta=meta)


def test_what_was_counted_under_the_same_workers_is_what_will_be() -> None:
    counts = count_requests([run(1, 3, 8, split=2), run(2, 7, 9, split=2), run(2, 7, 5, split=4)])
    assert counts is not None
    assert counts.of(2, {"split": 2}) == (7.0, 9.0)
    assert counts.of(2, {"split": 4}) == (7.0, 5.0)


def test_pieces_that_are_shared_out_stay_as_many_for_any_workers() -> None:
    counts = count_requests([run(1, 1, 12), run(2, 2, 12), run(4, 4, 12)])
    assert counts is not None
    assert counts.of(8, {}) == pytest.approx((8.0, 12.0))


def test_a_shuffle_reads_from_every_worker_of_the_stage_before_it() -> None:
    """Each worker reads a broadcast object, and a range of each of two objects of each parent."""
    seen = [(1, 1), (1, 4), (2, 2), (4, 1), (4, 4)]
    counts = count_requests([run(w, w, w + 2 * f * w, map=f) for w, f in seen])
    assert counts is not None
    assert counts.of(8, {"map": 3}) == pytest.approx((8.0, 8 + 2 * 3 * 8))
    assert counts.of(1, {"map": 16}) == pytest.approx((1.0, 33.0))


def test_parents_that_the_runs_do_not_name_are_no_input() -> None:
    counts = count_requests([run(1, 1, 2, a=1), run(2, 2, 4)])
    assert counts is not None
    assert counts.parents == ()
    assert counts.of(2, {"a": 5}) == (2.0, 4.0)


def test_runs_without_counts_are_passed_over() -> None:
    silent = StageRun(StageConfig(1, 1), (WorkerRecord(),))
    assert silent.requests is None
    assert count_requests([silent]) is None
    counts = count_requests([silent, run(1, 2, 3)])
    assert counts is not None
    assert counts.of(1, {}) == (2.0, 3.0)


def test_counts_survive_json() -> None:
    counts = count_requests([run(1, 1, 1, map=1), run(1, 1, 2, map=2), run(2, 2, 6, map=2)])
    assert counts is not None
    read = RequestCounts.from_dict(json.loads(json.dumps(counts.to_dict())))
    assert read == counts
    assert read.of(4, {"map": 3}) == counts.of(4, {"map": 3})


def test_predicted_cost_counts_the_requests_that_were_counted() -> None:
    def with_counts(profile: Profile, puts: int, gets: int) -> Profile:
        meta = {"requests": {"puts": puts, "gets": gets}}
        runs = tuple(replace(r, meta={**r.meta, **meta}) for r in profile.runs)
        return replace(profile, runs=runs)

    plain = made_profile(grid(), stage="s")
    counted = with_counts(plain, 3, 5)
    configs = {"s": StageConfig(1, 2, 1024)}
    bare, full = (
        train_profiles({"s": profile}, {}, dag="g")[0].predict(configs).cost.mean
        for profile in (plain, counted)
    )
    prices = AWS_LAMBDA_X86
    assert full - bare == pytest.approx(3 * prices.usd_per_put + 5 * prices.usd_per_get)
