import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dags import terasort
from dags.terasort import records
from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.execution.inputs import InputResolver
from tests.unit.dag_runs import assert_refused, directory_storage, run_in_process

TINY = {"records": 3_001, "blocks": 4, "partitions": 5}


@pytest.fixture(scope="module")
def sound() -> dict[str, Any]:
    return terasort.native(TINY)


@pytest.mark.parametrize("workers", [1, 3])
def test_the_sorted_objects_are_the_generated_records_in_order(
    workers: int, tmp_path: Path
) -> None:
    run = run_in_process(terasort.build(TINY, tmp_path), workers, tmp_path)
    made = b"".join(content for content in run.read("generate") if len(content) > 10_000)
    rows = [made[i : i + 100] for i in range(0, len(made), 100)]
    assert len(rows) == TINY["records"]
    expected = sorted(rows, key=lambda row: row[:10])
    assert b"".join(run.read("sort")) == b"".join(expected)


def test_the_small_answer_passes_its_oracle() -> None:
    found = terasort.native("small")
    terasort.check(found, "small")
    share = found["records"] / len(found["part_records"])
    assert all(0.8 * share < count < 1.25 * share for count in found["part_records"])


def test_another_seed_gives_other_records(sound: dict[str, Any]) -> None:
    assert not terasort.same(terasort.native({**TINY, "seed": 1}), sound)


@pytest.mark.parametrize(("total", "blocks"), [(7, 7), (10, 3), (1_003, 16)])
def test_blocks_share_all_records_almost_evenly(total: int, blocks: int) -> None:
    shares = [records.block_rows(total, blocks, block) for block in range(blocks)]
    assert [row for share in shares for row in share] == list(range(total))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    for block, share in enumerate(shares):
        assert {records.block_of(total, blocks, row) for row in share} == {block}


def test_records_are_numbered_and_their_keys_random() -> None:
    block = records.block_records(1_000, 2, 1, 3)
    assert block.nbytes == 50_000
    assert block["row"].tolist() == list(range(500, 1_000))
    assert len(set(block["key"].tolist())) == 500
    assert records.block_records(1_000, 2, 1, 3).tobytes() == block.tobytes()


def _block_of_keys(keys: list[bytes]) -> records.Records:
    block = np.zeros(len(keys), records.RECORD)
    block["key"] = keys
    block["row"] = np.arange(len(keys))
    return block


def test_keys_with_zero_bytes_are_sorted_like_bytes_and_ties_stay() -> None:
    keys = [b"b", b"a\0\0x", b"a", b"a\0", b"\0\0\0\0\0\0\0\0\0\x01", b"", b"a\0\0x"]
    ordered = records.in_order(_block_of_keys(keys))
    found = [bytes(row[:10]) for row in np.split(ordered.view(np.uint8), len(keys))]
    assert found == sorted(key.ljust(10, b"\0") for key in keys)
    assert ordered["row"].tolist() == [5, 4, 2, 3, 1, 6, 0]


def test_joining_and_sorting_records_changes_no_byte_of_them() -> None:
    halves = [records.block_records(200, 2, half, 3) for half in (0, 1)]
    joined = records.joined(halves)
    assert joined.tobytes() == halves[0].tobytes() + halves[1].tobytes()
    ordered = records.in_order(joined)
    rows = {joined.tobytes()[i : i + 100] for i in range(0, 20_000, 100)}
    assert {ordered.tobytes()[i : i + 100] for i in range(0, 20_000, 100)} == rows


def test_the_checksum_sees_every_byte_but_not_the_order() -> None:
    block = records.block_records(300, 1, 0, 3)
    true = records.checksum(block)
    assert records.checksum(records.in_order(block)) == true
    for place in range(100):
        changed = block.copy()
        changed.view(np.uint8)[700 + place] ^= 1
        assert records.checksum(changed) != true
    swapped = block.copy()
    swapped["filler"][[0, 1]] = swapped["filler"][[1, 0]]  # the sum of all words is the same
    assert records.checksum(swapped) != true


def test_splitters_cut_the_sample_into_equal_parts() -> None:
    keys = np.array([f"{i:03d}" for i in range(100)], "S10")
    edges = records.splitters(keys[::-1], 4)
    assert edges.tolist() == [b"025", b"050", b"075"]
    assert np.bincount(records.partition_of(keys, edges)).tolist() == [25] * 4
    assert len(records.splitters(keys, 1)) == 0


def test_a_sample_of_too_few_keys_is_refused() -> None:
    with pytest.raises(ValueError, match="6 sampled keys do not tell 3 partitions apart"):
        records.splitters(np.array([b"a"] * 5 + [b"b"], "S10"), 3)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_sorting_reads_every_record_once(workers: int, tmp_path: Path) -> None:
    storage = directory_storage(tmp_path)
    dag = terasort.build(TINY, tmp_path)
    run = run_in_process(dag, workers, tmp_path, storage=storage)
    sort = next(stage for stage in dag.stages if stage.stage_id == "sort")
    made = {
        data.data_id: [storage.store.list(storage.bucket, data.prefix + "/")[0]]
        for data in sort.inputs
    }
    inputs = InputResolver(storage.store, storage.bucket).resolve(sort, workers, made)
    ranges = [file for share in inputs.shares for files in share.values() for file in files]
    assert len(ranges) == workers * TINY["blocks"]
    read = sum((file.end or 0) - (file.start or 0) for file in ranges)
    counts_bytes = 8 * TINY["blocks"] * TINY["partitions"]
    assert read == sum(map(len, run.read("sort"))) + counts_bytes


def test_a_missing_segment_is_not_passed_over(tmp_path: Path) -> None:
    def lose_last_segment(stage_id: str, content: bytes) -> bytes:
        if stage_id != "partition":
            return content
        last = int.from_bytes(content[32:40], "little")  # where the fifth segment starts
        return content[:40] + last.to_bytes(8, "little") + content[48:last]

    with pytest.raises(ValueError, match=r"zip\(\)"):
        run_in_process(terasort.build(TINY, tmp_path), 1, tmp_path, spoil=lose_last_segment)


@pytest.mark.parametrize(
    ("stage", "place", "problem"),
    [
        ("partition", -1, r"checksum is \w+, not"),
        ("sort", 50, r"checksum is \w+, not"),
        ("sort", 0, r"\d records are followed by one of a smaller key"),
    ],
)
def test_a_byte_that_changes_on_the_way_fails(
    stage: str, place: int, problem: str, tmp_path: Path
) -> None:
    def flip(stage_id: str, content: bytes) -> bytes:
        changed = bytearray(content)
        changed[place] ^= 0x80
        return bytes(changed) if stage_id == stage else content

    run = run_in_process(terasort.build(TINY, tmp_path), 2, tmp_path, spoil=flip)
    with pytest.raises(AssertionError, match=problem):
        terasort.check(terasort.answer(run), TINY)


def _with(answer: dict[str, Any], field: str, place: int, value: Any) -> dict[str, Any]:
    return answer | {field: [*answer[field][:place], value, *answer[field][place + 1 :]]}


def _moved(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer consistent in itself in which a record is in another partition."""
    counts = answer["part_records"]
    return answer | {"part_records": [counts[0] - 1, counts[1] + 1, *counts[2:]]}


def _swapped_checksums(answer: dict[str, Any]) -> dict[str, Any]:
    first, second, *others = answer["part_checksum"]
    return answer | {"part_checksum": [second, first, *others]}


SPOILED: dict[str, tuple[Any, str]] = {
    "no partition": (lambda a: a | {"part_records": []}, r"no partition answered"),
    "a record more": (lambda a: a | {"records": a["records"] + 1}, r"not the sum"),
    "an empty partition": (lambda a: _with(a, "part_records", 0, 0), r"partition 0 has 0"),
    "negative inversions": (lambda a: a | {"inversions": -1}, r"-1 inversions"),
    "a key fewer": (lambda a: a | {"part_last": a["part_last"][1:]}, r"part_last has 4"),
    "a key is short": (lambda a: _with(a, "part_first", 2, "ab"), r"'ab', not 20"),
    "another checksum": (lambda a: a | {"checksum": "0" * 16}, r"not the sum"),
    "the checksum is no number": (lambda a: a | {"checksum": "z" * 16}, r"not 16 hexa"),
    "unsorted": (lambda a: a | {"inversions": 1}, r"1 records are followed"),
    "a record in the wrong partition": (_moved, r"part_records of partition 0 is \d+, not"),
    "a smaller first key": (
        lambda a: _with(a, "part_first", 0, "0" * 20),
        r"part_first of partition 0 is 0+, not",
    ),
    "a greater last key": (
        lambda a: _with(a, "part_last", 4, "f" * 20),
        r"part_last of partition 4 is f+, not",
    ),
    "checksums of each other": (_swapped_checksums, r"part_checksum of partition 0"),
}


@pytest.mark.parametrize(("spoil", "problem"), SPOILED.values(), ids=SPOILED.keys())
def test_a_wrong_answer_fails_and_is_not_the_same(
    spoil: Any, problem: str, sound: dict[str, Any]
) -> None:
    assert_refused(terasort, spoil(copy.deepcopy(sound)), sound, TINY, problem)


@pytest.mark.parametrize("size", [{"records": 0}, {"blocks": 300}, {"records": 63}])
def test_knobs_that_do_not_go_together_are_refused(size: Any) -> None:
    with pytest.raises(ConfigurationError):
        terasort.build(size)
