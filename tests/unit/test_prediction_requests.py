"""Requests to the object store, learnt from those that were counted."""

import pytest

from flexecutor_energy.prediction.requests import count_requests, expected_requests
from flexecutor_energy.records.run import Profile, StageRun, WorkerRecord
from flexecutor_energy.workflow.config import StageConfig


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


def test_a_workflow_asks_as_often_as_its_stages_with_their_parents() -> None:
    profiles = {
        "map": Profile("g", "map", (run(1, 1, 6), run(2, 2, 6))),
        "reduce": Profile("g", "reduce", (run(1, 1, 1, map=1), run(1, 1, 2, map=2))),
        "silent": Profile("g", "silent", (StageRun(StageConfig(1, 1), (WorkerRecord(),)),)),
    }
    configs = {"map": StageConfig(1, 4), "reduce": StageConfig(1, 1), "silent": StageConfig(1, 1)}
    found = expected_requests(profiles, configs)
    assert set(found) == {"map", "reduce"}
    assert found["map"] == pytest.approx((4.0, 6.0))
    assert found["reduce"] == pytest.approx((1.0, 4.0))
