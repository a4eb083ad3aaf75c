import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from dags.inputs import InputSet, place, upload_once
from flexecutor_energy.errors import BucketMissingError, StorageError
from flexecutor_energy.storage.location import StoreSpec
from flexecutor_energy.storage.select import open_storage
from flexecutor_energy.storage.store import ObjectStore

BUCKET = "tests"
INPUTS = InputSet("story", "v1-short")
OBJECTS = {"text/a.txt": b"once upon", "text/b.txt": b"a time", "names/c.txt": b"Ada"}


class Maker:
    """Makes the objects, and counts how often it was asked to."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> dict[str, bytes]:
        self.calls += 1
        return dict(OBJECTS)


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    opened = ObjectStore(StoreSpec(kind="file", root=str(tmp_path / "store")))
    opened.make_bucket(BUCKET)
    return opened


def stored(store: ObjectStore) -> dict[str, bytes]:
    root = f"{INPUTS.root}/"
    return {
        ref.key.removeprefix(root): store.get(BUCKET, ref.key)
        for ref in store.list(BUCKET, root)
        if not ref.key.endswith("manifest.json")
    }


def test_the_first_upload_puts_every_object_and_says_so(
    store: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "dags.inputs"):
        assert place(store, BUCKET, INPUTS, Maker())
    assert stored(store) == OBJECTS
    assert "uploaded 3 of 3 inputs of story below " in caplog.text


def test_the_progress_of_many_objects_is_told_a_few_times(
    store: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "dags.inputs"):
        place(store, BUCKET, INPUTS, lambda: {f"text/{i:02d}": b"a" * 10**4 for i in range(23)})
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 5
    assert told[-1].startswith("uploaded 23 of 23 inputs of story below ")
    assert told[-1].endswith(": 0.23 MB")


def test_stages_see_no_manifest_in_their_folders(store: ObjectStore) -> None:
    place(store, BUCKET, INPUTS, Maker())
    keys = [ref.key for ref in store.list(BUCKET, INPUTS.prefix("text") + "/")]
    assert keys == [INPUTS.prefix("text/a.txt"), INPUTS.prefix("text/b.txt")]


def test_a_second_upload_neither_makes_nor_moves_anything(
    store: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    maker = Maker()
    place(store, BUCKET, INPUTS, maker)
    with caplog.at_level(logging.INFO, "dags.inputs"):
        assert not place(store, BUCKET, INPUTS, maker)
    assert maker.calls == 1
    assert "inputs of story are in place" in caplog.text
    assert "uploaded" not in caplog.text


def _drop_object(store: ObjectStore) -> None:
    store.delete(BUCKET, [INPUTS.prefix("text/b.txt")])


def _change_object(store: ObjectStore) -> None:
    store.put(BUCKET, INPUTS.prefix("text/b.txt"), b"A TIME")  # of the same size


def _drop_manifest(store: ObjectStore) -> None:
    store.delete(BUCKET, [f"{INPUTS.root}/manifest.json"])


def _break_manifest(store: ObjectStore) -> None:
    store.put(BUCKET, f"{INPUTS.root}/manifest.json", b'{"text/a.txt": ')


def _empty_manifest(store: ObjectStore) -> None:
    store.put(BUCKET, f"{INPUTS.root}/manifest.json", json.dumps([]).encode())


@pytest.mark.parametrize(
    "damage", [_drop_object, _change_object, _drop_manifest, _break_manifest, _empty_manifest]
)
def test_damaged_inputs_are_uploaded_again(
    damage: Callable[[ObjectStore], None], store: ObjectStore
) -> None:
    place(store, BUCKET, INPUTS, Maker())
    damage(store)
    assert place(store, BUCKET, INPUTS, Maker())
    assert stored(store) == OBJECTS
    assert not place(store, BUCKET, INPUTS, Maker())


@pytest.mark.parametrize("uploaded_before", [True, False])
def test_objects_of_others_among_the_inputs_are_named(
    uploaded_before: bool, store: ObjectStore
) -> None:
    if uploaded_before:
        place(store, BUCKET, INPUTS, Maker())
    store.put(BUCKET, INPUTS.prefix("text/z.txt"), b"mine")
    with pytest.raises(StorageError, match=r"text/z\.txt .* remove it"):
        place(store, BUCKET, INPUTS, Maker())
    assert store.get(BUCKET, INPUTS.prefix("text/z.txt")) == b"mine"


def test_another_version_is_kept_apart(store: ObjectStore) -> None:
    place(store, BUCKET, INPUTS, Maker())
    assert place(store, BUCKET, InputSet("story", "v2-short"), Maker())
    assert not place(store, BUCKET, INPUTS, Maker())


def test_a_missing_bucket_is_an_error_not_an_empty_one(store: ObjectStore) -> None:
    with pytest.raises(BucketMissingError):
        place(store, "elsewhere", INPUTS, Maker())


def test_uploading_into_a_store_creates_its_bucket(tmp_path: Path) -> None:
    place_of_store = f"file://{tmp_path}/objects"
    upload_once(INPUTS, Maker(), workspace=tmp_path, storage=place_of_store)
    with open_storage(place_of_store, tmp_path) as opened:
        assert opened.store.get(opened.bucket, INPUTS.prefix("text/a.txt")) == b"once upon"
        maker = Maker()
        upload_once(INPUTS, maker, workspace=tmp_path, storage=opened)
        assert maker.calls == 0
