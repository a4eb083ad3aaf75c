"""How the objects of a stage's inputs are shared out among its workers."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexecutor_energy.errors import BucketMissingError, InputMissingError
from flexecutor_energy.execution.inputs import InputResolver, _pieces_each
from flexecutor_energy.storage.location import ObjectRef
from flexecutor_energy.storage.store import ObjectStore
from flexecutor_energy.workflow.chunking import Chunker
from flexecutor_energy.workflow.context import StageContext
from flexecutor_energy.workflow.data import FlexData, ReadStrategy
from flexecutor_energy.workflow.stage import Stage
from tests.execution_support import BUCKET, folder_store


def nothing(context: StageContext) -> None:
    """Do nothing."""


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return folder_store(tmp_path)


def keys(shares: object, data_id: str) -> list[list[str]]:
    assert isinstance(shares, tuple)
    return [[file.key for file in share[data_id]] for share in shares]


def test_objects_are_shared_out_in_order_and_evenly(store: ObjectStore) -> None:
    for number in range(7):
        store.put(BUCKET, f"in/{number}", b"x")
    stage = Stage("a", nothing, [FlexData("in")])
    found = InputResolver(store, BUCKET).resolve(stage, 3, {})
    assert keys(found.shares, "in") == [
        ["in/0", "in/1"],
        ["in/2", "in/3"],
        ["in/4", "in/5", "in/6"],
    ]
    assert found.size_bytes == 7


def test_a_prefix_finds_its_folder_and_no_neighbour(store: ObjectStore) -> None:
    for key in ("in/x", "input/y", "in2", "in.txt"):
        store.put(BUCKET, key, b"x")
    found = InputResolver(store, BUCKET).resolve(Stage("a", nothing, [FlexData("in")]), 4, {})
    assert keys(found.shares, "in") == [["in/x"]]


def test_a_prefix_can_be_a_single_object(store: ObjectStore) -> None:
    store.put(BUCKET, "in/table.csv", b"x")
    stage = Stage("a", nothing, [FlexData("in/table.csv")])
    found = InputResolver(store, BUCKET).resolve(stage, 4, {})
    assert keys(found.shares, "in/table.csv") == [["in/table.csv"]]


def test_the_scattered_input_with_the_fewest_pieces_sets_the_workers(store: ObjectStore) -> None:
    for number in range(4):
        store.put(BUCKET, f"many/{number}", b"x")
        store.put(BUCKET, f"few/{number % 2}", b"x")
        store.put(BUCKET, "one/x", b"x")
    inputs = [
        FlexData("many"),
        FlexData("few"),
        FlexData("one", read_strategy=ReadStrategy.BROADCAST),
    ]
    found = InputResolver(store, BUCKET).resolve(Stage("a", nothing, inputs), 8, {})
    assert found.num_workers == 2
    assert [len(share["many"]) for share in found.shares] == [2, 2]
    assert [len(share["one"]) for share in found.shares] == [1, 1]


def test_a_stage_without_inputs_runs_as_many_workers_as_asked(store: ObjectStore) -> None:
    found = InputResolver(store, BUCKET).resolve(Stage("a", nothing), 5, {})
    assert (found.num_workers, found.size_bytes) == (5, 0)
    assert found.shares == ({},) * 5


def test_data_that_a_stage_made_is_not_looked_for(store: ObjectStore) -> None:
    store.put(BUCKET, "mid/old", b"of another run")
    made = {"mid": [ObjectRef(BUCKET, "mid/run/0", 3), ObjectRef(BUCKET, "mid/run/1", 4)]}
    found = InputResolver(store, BUCKET).resolve(Stage("a", nothing, [FlexData("mid")]), 2, made)
    assert keys(found.shares, "mid") == [["mid/run/0"], ["mid/run/1"]]
    assert found.size_bytes == 7


def test_what_is_missing_is_named(store: ObjectStore) -> None:
    resolver = InputResolver(store, BUCKET)
    with pytest.raises(InputMissingError, match=r"'a' reads 'in'.*below 'in/'"):
        resolver.resolve(Stage("a", nothing, [FlexData("in")]), 1, {})
    with pytest.raises(BucketMissingError, match="elsewhere"):
        resolver.resolve(Stage("a", nothing, [FlexData("in", bucket="elsewhere")]), 1, {})
    with pytest.raises(InputMissingError, match="wrote no object"):
        resolver.resolve(Stage("a", nothing, [FlexData("mid")]), 1, {"mid": []})


def test_large_objects_are_cut_into_more_pieces_than_small_ones(store: ObjectStore) -> None:
    store.put(BUCKET, "in/large", b"x\n" * 300)
    store.put(BUCKET, "in/small", b"x\n" * 100)
    store.put(BUCKET, "in/empty", b"")
    data = FlexData("in", chunker=Chunker(strategy="lines"))
    found = InputResolver(store, BUCKET).resolve(Stage("a", nothing, [data]), 4, {})
    assert found.num_workers == 4
    pieces = [file for share in found.shares for file in share["in"]]
    assert [file.key for file in pieces] == ["in/large"] * 3 + ["in/small"]
    assert [(file.start, file.end) for file in pieces[:2]] == [(0, 200), (200, 400)]


@given(sizes=st.lists(st.integers(0, 1000), min_size=1, max_size=20), wanted=st.integers(1, 100))
@settings(deadline=None)
def test_every_object_gets_a_piece_and_larger_ones_no_fewer(sizes: list[int], wanted: int) -> None:
    refs = [ObjectRef(BUCKET, str(number), size) for number, size in enumerate(sizes)]
    counts = _pieces_each(refs, wanted)
    assert min(counts) >= 1
    assert wanted <= sum(counts) or sum(sizes) == 0
    assert sum(counts) < wanted + len(sizes)
    ideal = [wanted * size / (sum(sizes) or 1) for size in sizes]
    assert all(abs(count - max(1, share)) <= 1 for count, share in zip(counts, ideal, strict=True))
