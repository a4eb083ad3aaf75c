import json
from pathlib import Path
from typing import Any

import pytest

from flexecutor_energy.errors import ProfileFormatError
from flexecutor_energy.records.format import from_text, to_text
from flexecutor_energy.records.run import FailedRun, Profile, StageRun, WorkerRecord
from flexecutor_energy.records.store import load_profile
from flexecutor_energy.workflow.config import StageConfig

DATA = Path(__file__).parents[2] / "profiles" / "reference"


def read(table: Any) -> Profile:
    return from_text(json.dumps(table, indent=1), "dag", "stage", "p.json")


def run(workers: int = 2, run_id: str = "r1", **worker: Any) -> StageRun:
    record = WorkerRecord(**{"read_s": 0.1, "compute_s": 1.0, "write_s": 0.2, **worker})
    return StageRun(
        StageConfig(1, workers, 512), (record,) * workers, 1.5, {"run_id": run_id, "fan_in": {}}
    )


def test_the_file_has_the_shape_that_flexecutor_reads() -> None:
    table = json.loads(to_text(Profile("dag", "stage", (run(2), run(2, "r2")))))
    entry = table["(1.0, 512, 2)"]
    assert entry["compute"] == [[1.0, 1.0], [1.0, 1.0]]
    assert entry["read"] == [[0.1, 0.1], [0.1, 0.1]]
    assert entry["makespan"] == [1.5, 1.5]
    assert [meta["run_id"] for meta in entry["meta"]] == ["r1", "r2"]
    assert entry["energy"] == [[None, None], [None, None]]  # unmeasured is never 0


@pytest.mark.parametrize(
    "path", sorted(DATA.glob("*/*.json")), ids=lambda p: f"{p.parent.name}-{p.stem}"
)
def test_reference_profiles_are_read_and_kept_whole(path: Path) -> None:
    profile = load_profile(path)
    assert (profile.dag, profile.stage) == (path.parent.name, path.stem)
    assert all(r.time_s is not None and r.time_s > 0 for r in profile.runs)
    ours = path.parent.name == "ml_2core_vm"  # the others hold times only
    assert all((r.energy_j is not None) == ours for r in profile.runs)
    assert {len(r.workers) for r in profile.runs} == {c.workers for c in profile.configs}
    before = json.loads(path.read_text())
    after = json.loads(to_text(profile))
    assert list(after) == [str((float(k[0]), *k[1:])) for k in map(_key, before)]
    for old, new in zip(before.values(), after.values(), strict=True):
        assert {column: new[column] for column in old} == old


def _key(text: str) -> tuple[float, int, int]:
    cpu, memory, workers = text.strip("()").split(",")
    return float(cpu), int(memory), int(workers)


def test_columns_of_other_programs_survive() -> None:
    table = {"(1, 0, 1)": {"compute": [[1.0], [2.0]], "gpu": [[7], None], "note": ["a", {"b": 1}]}}
    profile = read(table)
    assert [r.extra for r in profile.runs] == [
        {"gpu": [7], "note": "a"},
        {"gpu": None, "note": {"b": 1}},
    ]
    more = Profile("dag", "stage", (StageRun(StageConfig(1, 1), (WorkerRecord(compute_s=3.0),)),))
    entry = json.loads(to_text(profile.merged(more)))["(1.0, 0, 1)"]
    assert entry["gpu"] == [[7], None, None]
    assert entry["note"] == ["a", {"b": 1}, None]
    assert entry["compute"] == [[1.0], [2.0], [3.0]]


def test_a_column_of_nan_from_another_program_does_not_stop_us_from_saving() -> None:
    text = '{"(1, 0, 1)": {"compute": [[1.0]], "theirs": [NaN]}}'
    profile = from_text(text, "dag", "stage", "p.json")
    assert '"theirs": [\n   NaN\n  ]' in to_text(profile)


def test_a_single_worker_may_be_written_without_its_list() -> None:
    assert read({"(1, 0, 1)": {"compute": [1.0, 2.0]}}).runs[1].time_s == 2.0


def test_keys_that_mean_the_same_configuration_are_one() -> None:
    table = {"(1, 0, 1)": {"compute": [[1.0]]}, "(1.0, 0, 1)": {"compute": [[2.0]]}}
    entry = json.loads(to_text(read(table)))
    assert list(entry) == ["(1.0, 0, 1)"]
    assert entry["(1.0, 0, 1)"]["compute"] == [[1.0], [2.0]]


def test_energy_by_method_is_null_where_a_method_was_not_used() -> None:
    measured = run(1, "r1", energy_by_method={"rapl": 3.0})
    profile = Profile("dag", "stage", (run(1, "r0"), measured, run(1, "r2")))
    text = to_text(profile)
    entry = json.loads(text)["(1.0, 512, 1)"]
    assert entry["energy_by_method"] == {"rapl": [None, [3.0], None]}
    assert from_text(text, "dag", "stage", "p.json") == profile


def test_failures_are_stored_with_their_reason() -> None:
    failure = FailedRun(StageConfig(1, 4, 64), "r9", "out_of_memory: too much", {"code_hash": "c"})
    profile = Profile("dag", "stage", (run(),), (failure,))
    assert from_text(to_text(profile), "dag", "stage", "p.json") == profile
    only = Profile("dag", "stage", (), (failure,))
    assert from_text(to_text(only), "dag", "stage", "p.json") == only


WRONG: dict[str, tuple[Any, str]] = {
    "a list": ([], "top level"),
    "no columns": ({"(1, 0, 1)": 3}, "holds no columns"),
    "a bad key": ({"one": {"compute": [[1]]}}, "must read"),
    "a key of two": ({"(1, 2)": {"compute": [[1]]}}, "must read"),
    "half a worker": ({"(1, 0, 1.5)": {"compute": [[1]]}}, "must read"),
    "no workers": ({"(1, 0, 0)": {"compute": [[1]]}}, "must read"),
    "no compute": ({"(1, 0, 1)": {"read": [[1]]}}, "no 'compute'"),
    "a column that is no list": ({"(1, 0, 1)": {"compute": 3}}, "list of repetitions"),
    "another's column that is no list": (
        {"(1, 0, 1)": {"compute": [[1]], "note": "x"}},
        "'note' must be a list",
    ),
    "uneven columns": ({"(1, 0, 1)": {"compute": [[1]], "read": [[1], [2]]}}, "'read' has 2"),
    "a late column": ({"(1, 0, 1)": {"compute": [[1], [2]], "energy": [[5]]}}, "'energy' has 1"),
    "uneven workers": ({"(1, 0, 2)": {"compute": [[1, 2]], "read": [[1]]}}, "1 of 2 workers"),
    "a text": ({"(1, 0, 1)": {"compute": [["fast"]]}}, "'fast'"),
    "a truth value": ({"(1, 0, 1)": {"compute": [[True]]}}, "True"),
    "a negative time": ({"(1, 0, 1)": {"compute": [[-1]]}}, "-1"),
    "not a number": ({"(1, 0, 1)": {"compute": [[float("nan")]]}}, "nan"),
    "endless time": ({"(1, 0, 1)": {"compute": [[float("inf")]]}}, "inf"),
    "meta of text": ({"(1, 0, 1)": {"compute": [[1]], "meta": ["x"]}}, "'meta'"),
    "meta that is empty text": ({"(1, 0, 1)": {"compute": [[1]], "meta": [""]}}, "'meta'"),
    "workers in words": (
        {"(1, 0, 1)": {"compute": [[1]], "meta": [{"requested_workers": "two"}]}},
        "requested_workers",
    ),
    "fan-in as a list": ({"(1, 0, 1)": {"compute": [[1]], "meta": [{"fan_in": [1]}]}}, "fan_in"),
    "methods as a list": (
        {"(1, 0, 1)": {"compute": [[1]], "energy_by_method": []}},
        "map methods",
    ),
    "uneven methods": (
        {"(1, 0, 1)": {"compute": [[1]], "energy_by_method": {"rapl": [[1, 2]]}}},
        "2 of 1 workers",
    ),
    "failures of text": ({"(1, 0, 1)": {"failed": ["oom"]}}, "'failed'"),
}


@pytest.mark.parametrize(("table", "problem"), WRONG.values(), ids=WRONG.keys())
def test_foreign_shapes_are_refused_with_file_and_line(table: Any, problem: str) -> None:
    with pytest.raises(ProfileFormatError, match=problem) as caught:
        read(table)
    assert str(caught.value).startswith(f"p.json:{caught.value.line}:")


def test_the_line_of_the_entry_is_named() -> None:
    table = {"(1, 0, 1)": {"compute": [[1.0]]}, "(2, 0, 1)": {"compute": "x"}}
    text = json.dumps(table, indent=1)
    with pytest.raises(ProfileFormatError) as caught:
        from_text(text, "dag", "stage", "p.json")
    assert '"(2, 0, 1)"' in text.splitlines()[(caught.value.line or 0) - 1]


@pytest.mark.parametrize(
    "text", ["", "{", '{"(1, 0, 1)":\n {"compute": [[1.0]]', "\ufeff{}", "[" * 100_000, "9" * 5000]
)
def test_text_that_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ProfileFormatError, match=r"p\.json"):
        from_text(text, "dag", "stage", "p.json")


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_what_could_not_be_read_back_cannot_be_recorded(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        WorkerRecord(compute_s=value)
    with pytest.raises(ValueError, match="rapl"):
        WorkerRecord(energy_by_method={"rapl": value})
    with pytest.raises(ValueError, match="makespan_s"):
        StageRun(StageConfig(1, 1), (), makespan_s=value)
