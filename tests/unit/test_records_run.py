from typing import Any

from flexecutor_energy.records.run import FailedRun, Profile, StageRun, WorkerRecord
from flexecutor_energy.workflow.config import StageConfig

CONFIG = StageConfig(1, 2, 512)


def run(run_id: str | None = "r1", config: StageConfig = CONFIG, **meta: Any) -> StageRun:
    workers = (WorkerRecord(compute_s=1.0), WorkerRecord(compute_s=2.0))
    return StageRun(config, workers, 2.5, {"run_id": run_id, **meta})


def test_stage_time_is_that_of_the_slowest_worker() -> None:
    fast = WorkerRecord(read_s=0.1, compute_s=1.0, write_s=0.1, cold_start_s=0.1)
    slow = WorkerRecord(read_s=0.1, compute_s=2.0, write_s=0.1, cold_start_s=0.3)
    measured = StageRun(CONFIG, (fast, slow))
    assert measured.time_s == 2.5
    assert measured.worker_seconds == 1.3 + 2.5


def test_one_unmeasured_worker_makes_the_sum_unknown() -> None:
    known = WorkerRecord(compute_s=1.0, energy_j=2.0, energy_dynamic_j=1.5, energy_idle_j=0.5)
    assert StageRun(CONFIG, (known, known)).energy_j == 4.0
    partly = StageRun(CONFIG, (known, WorkerRecord(compute_s=1.0)))
    assert partly.energy_j is partly.energy_dynamic_j is partly.energy_idle_j is None
    assert partly.cpu_time_s is None
    assert StageRun(CONFIG, (known, WorkerRecord())).time_s is None
    assert StageRun(CONFIG, ()).time_s is None


def test_what_was_asked_for_is_kept_beside_what_held() -> None:
    measured = run(config=StageConfig(1, 2, 512), requested_workers=8, requested_cpu=0.5)
    assert measured.requested == StageConfig(0.5, 8, 512)
    assert run().requested == CONFIG


def test_merging_adds_what_is_new_and_nothing_twice() -> None:
    failure = FailedRun(CONFIG, "r3", "timeout")
    mine = Profile("d", "s", (run("r1"),), (failure,))
    theirs = Profile("d", "s", (run("r1"), run("r2")), (failure,))
    merged = mine.merged(theirs)
    assert [r.run_id for r in merged.runs] == ["r1", "r2"]
    assert merged.failures == (failure,)
    assert merged.merged(theirs) == merged


def test_runs_of_one_name_that_differ_in_fan_in_or_time_are_two() -> None:
    mine = Profile("d", "s", (run("1", fan_in={"p": 1}),))
    assert len(mine.merged(Profile("d", "s", (run("1", fan_in={"p": 2}),))).runs) == 2


def test_runs_without_a_name_are_never_taken_for_repeats() -> None:
    nameless = Profile("d", "s", (run(None), run(None)))
    assert len(nameless.merged(nameless).runs) == 4


def test_runs_of_other_code_or_input_are_split_off() -> None:
    runs = (
        run("same", code_hash="c", input_hash="i"),
        run("code", code_hash="old", input_hash="i"),
        run("input", code_hash="c", input_hash="old"),
        run("foreign"),
    )
    failures = (
        FailedRun(CONFIG, "f1", "timeout", {"code_hash": "old"}),
        FailedRun(CONFIG, "f2", "timeout", {"code_hash": "c"}),
    )
    current, stale = Profile("d", "s", runs, failures).split_stale("c", "i")
    assert [r.run_id for r in current.runs] == ["same", "foreign"]
    assert [r.run_id for r in stale] == ["code", "input"]
    assert [f.run_id for f in current.failures] == ["f2"]


def test_a_configuration_has_failed_only_if_it_never_succeeded() -> None:
    asked = StageConfig(1, 8, 512)
    clamped = run("r1", config=StageConfig(1, 2, 512), requested_workers=8)
    other = StageConfig(1, 4, 64)
    failures = (FailedRun(asked, "r2", "killed"), FailedRun(other, "r3", "out_of_memory"))
    assert Profile("d", "s", (clamped,), failures).failed_configs == (other,)
