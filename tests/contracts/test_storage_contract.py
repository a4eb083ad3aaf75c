"""What every object store must do, run on each of them."""

import contextlib
import functools
import os
import pickle
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flexecutor_energy.errors import (
    BucketMissingError,
    ConfigurationError,
    InputMissingError,
    StorageAccessError,
    StorageError,
    StorageUnreachableError,
)
from flexecutor_energy.storage import admin
from flexecutor_energy.storage.store import ObjectStore
from flexecutor_energy.storage.transfers import download_all, upload_all
from tests.contracts.stores import BUCKET, KINDS, SERVER_KINDS, free_port, open_kind, remove_bucket

MISSING_BUCKET = "never-created"
TEN_MB = 10_000_000


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], ObjectStore]]:
    """Open each kind of store once, when a test first wants it."""
    with contextlib.ExitStack() as stack:

        @functools.cache
        def of_kind(kind: str) -> ObjectStore:
            return stack.enter_context(open_kind(kind, tmp_path_factory.mktemp(kind)))

        yield of_kind


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, stores: Callable[[str], ObjectStore]) -> ObjectStore:
    return stores(request.param)


@pytest.fixture(params=SERVER_KINDS)
def served(request: pytest.FixtureRequest, stores: Callable[[str], ObjectStore]) -> ObjectStore:
    return stores(request.param)


@pytest.fixture
def folder() -> str:
    """Return a key prefix of this test's own."""
    return f"{uuid.uuid4().hex}/"


def keys(store: ObjectStore, prefix: str) -> list[str]:
    return [ref.key for ref in store.list(BUCKET, prefix)]


def test_what_is_put_is_got_back(store: ObjectStore, folder: str) -> None:
    store.put(BUCKET, f"{folder}a", b"content \x00\xff")
    assert store.get(BUCKET, f"{folder}a") == b"content \x00\xff"


def test_put_list_and_head_describe_an_object_alike(store: ObjectStore, folder: str) -> None:
    put = store.put(BUCKET, f"{folder}a", b"12345")
    assert put.size_bytes == 5
    assert store.list(BUCKET, folder) == [put]
    assert store.head(BUCKET, f"{folder}a") == put


def test_an_object_is_replaced_whole(store: ObjectStore, folder: str) -> None:
    first = store.put(BUCKET, f"{folder}a", b"a long first version")
    second = store.put(BUCKET, f"{folder}a", b"short")
    assert store.get(BUCKET, f"{folder}a") == b"short"
    assert first.etag != second.etag


def test_an_empty_object_is_an_object(store: ObjectStore, folder: str, tmp_path: Path) -> None:
    assert store.put(BUCKET, f"{folder}empty", b"").size_bytes == 0
    assert store.get(BUCKET, f"{folder}empty") == b""
    assert store.download(BUCKET, f"{folder}empty", tmp_path / "empty") == 0
    assert (tmp_path / "empty").read_bytes() == b""
    assert keys(store, folder) == [f"{folder}empty"]


def test_ten_megabytes_survive_upload_and_download(
    store: ObjectStore, folder: str, tmp_path: Path
) -> None:
    content = os.urandom(TEN_MB)
    (tmp_path / "up").write_bytes(content)
    assert store.upload(tmp_path / "up", BUCKET, f"{folder}big").size_bytes == TEN_MB
    assert store.download(BUCKET, f"{folder}big", tmp_path / "down") == TEN_MB
    assert (tmp_path / "down").read_bytes() == content
    assert (
        store.get_range(BUCKET, f"{folder}big", 9_000_000, 9_000_010) == content[-1_000_000:][:10]
    )


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 10, b"0123456789"), (3, 5, b"34"), (9, 10, b"9"), (5, 50, b"56789"), (4, 4, b"")],
)
def test_a_range_gives_its_bytes(
    store: ObjectStore, folder: str, tmp_path: Path, start: int, end: int, expected: bytes
) -> None:
    store.put(BUCKET, f"{folder}digits", b"0123456789")
    assert store.get_range(BUCKET, f"{folder}digits", start, end) == expected
    size_bytes = store.download(BUCKET, f"{folder}digits", tmp_path / "part", (start, end))
    assert (tmp_path / "part").read_bytes() == expected
    assert size_bytes == len(expected)


def test_a_range_beyond_the_object_is_an_error(store: ObjectStore, folder: str) -> None:
    store.put(BUCKET, f"{folder}digits", b"0123456789")
    with pytest.raises(StorageError):
        store.get_range(BUCKET, f"{folder}digits", 50, 60)


def test_a_range_that_runs_backwards_is_refused(store: ObjectStore, folder: str) -> None:
    with pytest.raises(ConfigurationError, match="byte range"):
        store.get_range(BUCKET, f"{folder}digits", 5, 4)


@pytest.mark.parametrize(
    "name",
    ["ünï/日本語.txt", "emoji 😀", "a b", "50%25", "x=1&y", "a+b", "q?r#s", "[a]{b}~'\"*", "p:q"],
)
def test_keys_of_any_script_and_sign_are_kept(store: ObjectStore, folder: str, name: str) -> None:
    store.put(BUCKET, folder + name, name.encode())
    assert keys(store, folder) == [folder + name]
    assert store.get(BUCKET, folder + name) == name.encode()
    store.delete(BUCKET, [folder + name])
    assert keys(store, folder) == []


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "a/../b", ".", "a\\b", "a\nb", "a\x7f"])
def test_keys_that_some_store_would_change_are_refused(store: ObjectStore, key: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be the key"):
        store.put(BUCKET, key, b"")


def test_a_thousand_objects_are_listed_in_order_and_deleted(
    store: ObjectStore, folder: str, tmp_path: Path
) -> None:
    (tmp_path / "one").write_bytes(b"x")
    wanted = [f"{folder}{number:04d}" for number in range(1005)]
    upload_all(store, [(tmp_path / "one", BUCKET, key) for key in reversed(wanted)])
    assert keys(store, folder) == wanted
    assert store.delete_prefix(BUCKET, folder) == 1005
    assert keys(store, folder) == []


def test_a_prefix_is_text_and_a_slash_makes_it_a_folder(store: ObjectStore, folder: str) -> None:
    for name in ("run/1/a", "run/1/b/c", "run/10/a", "run-log", "other"):
        store.put(BUCKET, folder + name, b"x")
    assert keys(store, f"{folder}run/1") == [
        f"{folder}{name}" for name in ("run/1/a", "run/1/b/c", "run/10/a")
    ]
    assert keys(store, f"{folder}run/1/") == [f"{folder}run/1/a", f"{folder}run/1/b/c"]
    assert keys(store, f"{folder}ru")[0] == f"{folder}run-log"
    assert keys(store, f"{folder}none") == []
    assert keys(store, f"{folder}run-log") == [f"{folder}run-log"]


def test_an_empty_prefix_lists_the_bucket(store: ObjectStore, folder: str) -> None:
    store.put(BUCKET, f"{folder}a", b"x")
    assert f"{folder}a" in keys(store, "")


def test_deleting_a_folder_leaves_its_neighbours(store: ObjectStore, folder: str) -> None:
    for name in ("run/1/a", "run/10/a", "run-1"):
        store.put(BUCKET, folder + name, b"x")
    assert store.delete_prefix(BUCKET, f"{folder}run/1/") == 1
    assert keys(store, folder) == [f"{folder}run-1", f"{folder}run/10/a"]


@pytest.mark.parametrize("prefix", ["", "/", "run/1"])
def test_only_a_folder_can_be_deleted_whole(store: ObjectStore, prefix: str) -> None:
    with pytest.raises(ConfigurationError, match="end with a slash"):
        store.delete_prefix(BUCKET, prefix)


def test_deleting_what_is_not_there_is_no_error(store: ObjectStore, folder: str) -> None:
    store.put(BUCKET, f"{folder}a", b"x")
    store.delete(BUCKET, [f"{folder}missing", f"{folder}a", f"{folder}gone/b"])
    store.delete(BUCKET, [])
    assert keys(store, folder) == []


def test_deleting_a_name_leaves_the_folder_of_that_name(store: ObjectStore, folder: str) -> None:
    store.put(BUCKET, f"{folder}a/b", b"x")
    store.put(BUCKET, f"{folder}c", b"x")
    store.delete(BUCKET, [f"{folder}c"])
    assert keys(store, folder) == [f"{folder}a/b"]


def test_the_bucket_outlives_its_last_object(store: ObjectStore, folder: str) -> None:
    store.put(BUCKET, f"{folder}a", b"x")
    store.delete(BUCKET, keys(store, ""))
    assert store.has_bucket(BUCKET)
    assert keys(store, "") == []


def test_parallel_transfers_bring_every_file_and_range(
    store: ObjectStore, folder: str, tmp_path: Path
) -> None:
    contents = [os.urandom(10_000 + number) for number in range(40)]
    for number, content in enumerate(contents):
        (tmp_path / f"up{number}").write_bytes(content)
    refs = upload_all(
        store, [(tmp_path / f"up{number}", BUCKET, f"{folder}{number}") for number in range(40)]
    )
    assert [ref.key for ref in refs] == [f"{folder}{number}" for number in range(40)]
    ranges = [None if number % 2 else (10, 10 + number) for number in range(40)]
    moved_bytes = download_all(
        store,
        [
            (BUCKET, f"{folder}{number}", ranges[number], tmp_path / f"down{number}")
            for number in range(40)
        ],
    )
    expected = [
        content[slice(*wanted)] if wanted else content
        for content, wanted in zip(contents, ranges, strict=True)
    ]
    assert [(tmp_path / f"down{number}").read_bytes() for number in range(40)] == expected
    assert moved_bytes == sum(map(len, expected))


def test_parallel_transfers_report_the_failure_of_one(
    store: ObjectStore, folder: str, tmp_path: Path
) -> None:
    store.put(BUCKET, f"{folder}a", b"x")
    wanted = [
        (BUCKET, f"{folder}{name}", None, tmp_path / name) for name in ("a", "missing", "also")
    ]
    with pytest.raises(InputMissingError, match="does not exist"):
        download_all(store, wanted)


def test_a_missing_object_is_named_and_leaves_no_file(
    store: ObjectStore, folder: str, tmp_path: Path
) -> None:
    for read in (store.get, store.head):
        with pytest.raises(InputMissingError, match=f"{folder}missing"):
            read(BUCKET, f"{folder}missing")
    with pytest.raises(InputMissingError):
        store.get_range(BUCKET, f"{folder}missing", 0, 1)
    with pytest.raises(InputMissingError):
        store.download(BUCKET, f"{folder}missing", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_bucket_is_named_whatever_is_tried(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    attempts: list[Callable[[], object]] = [
        lambda: store.get(MISSING_BUCKET, "a"),
        lambda: store.get_range(MISSING_BUCKET, "a", 0, 1),
        lambda: store.head(MISSING_BUCKET, "a"),
        lambda: store.list(MISSING_BUCKET, ""),
        lambda: store.list(MISSING_BUCKET, "a/b"),
        lambda: store.put(MISSING_BUCKET, "a", b"x"),
        lambda: store.upload(tmp_path / "file", MISSING_BUCKET, "a"),
        lambda: store.delete(MISSING_BUCKET, ["a"]),
        lambda: store.download(MISSING_BUCKET, "a", tmp_path / "new"),
    ]
    for attempt in attempts:
        with pytest.raises(BucketMissingError, match=MISSING_BUCKET):
            attempt()
    assert not store.has_bucket(MISSING_BUCKET)


def test_a_bucket_is_created_once(store: ObjectStore) -> None:
    bucket = f"made-{uuid.uuid4().hex[:12]}"
    assert admin.ensure_bucket(store, bucket)
    assert not admin.ensure_bucket(store, bucket)
    store.put(bucket, "a", b"x")
    assert admin.bucket_exists(store, bucket)
    assert store.get(bucket, "a") == b"x"
    if store.spec.kind == "s3":
        remove_bucket(store, bucket)
        assert not store.has_bucket(bucket)


def test_a_bucket_with_an_impossible_name_is_refused(store: ObjectStore) -> None:
    for bucket in ("../Not A Bucket", "", "a", "a/b", "a..b", "-ab", "x" * 64):
        with pytest.raises(ConfigurationError, match="name of a bucket"):
            admin.ensure_bucket(store, bucket)


def test_a_local_file_that_is_missing_is_named(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"no-such-file.*No such file"):
        store.upload(tmp_path / "no-such-file", BUCKET, "a")


def test_a_folder_that_is_missing_is_named(
    store: ObjectStore, folder: str, tmp_path: Path
) -> None:
    store.put(BUCKET, f"{folder}a", b"x")
    with pytest.raises(StorageError, match=r"no-folder/file.*No such file"):
        store.download(BUCKET, f"{folder}a", tmp_path / "no-folder" / "file")


def test_a_usable_store_passes_its_check(store: ObjectStore) -> None:
    found = admin.check(store.spec)
    assert (found.reachable, found.authorized) == (True, True)


def test_a_pickled_store_opens_its_own_connections(store: ObjectStore, folder: str) -> None:
    if store.spec.kind == "memory":
        with pytest.raises(ConfigurationError, match="one process"):
            pickle.dumps(store)
        return
    store.put(BUCKET, f"{folder}a", b"x")
    copy: ObjectStore = pickle.loads(pickle.dumps(store))
    assert copy.get(BUCKET, f"{folder}a") == b"x"


def test_wrong_credentials_are_refused_without_being_shown(served: ObjectStore) -> None:
    wrong = "a-secret-that-is-wrong"
    for spec in (
        replace(served.spec, secret_key=wrong),
        replace(served.spec, access_key="unknown-access-key", secret_key=wrong),
    ):
        other = ObjectStore(spec)
        attempts: list[Callable[[], object]] = [
            functools.partial(other.get, BUCKET, "a"),
            functools.partial(other.head, BUCKET, "a"),
            functools.partial(other.list, BUCKET, ""),
            functools.partial(other.put, BUCKET, "a", b"x"),
            functools.partial(other.delete, BUCKET, ["a"]),
            functools.partial(other.has_bucket, BUCKET),
            functools.partial(admin.ensure_bucket, other, BUCKET),
        ]
        for attempt in attempts:
            with pytest.raises(StorageAccessError, match="credentials were refused") as caught:
                attempt()
            said = f"{caught.value} {caught.value.__cause__!r} {caught.value.__cause__}"
            assert wrong not in said
            assert str(served.spec.endpoint) in str(caught.value)
        found = admin.check(spec)
        assert (found.reachable, found.authorized) == (True, False)
        assert wrong not in found.detail


def test_missing_credentials_are_refused(served: ObjectStore) -> None:
    anonymous = ObjectStore(replace(served.spec, access_key=None, secret_key=None))
    with pytest.raises(StorageAccessError):
        anonymous.list(BUCKET, "")


def test_an_unreachable_endpoint_is_named_with_the_remedy(served: ObjectStore) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    nowhere = ObjectStore(replace(served.spec, endpoint=endpoint))
    for attempt in (
        lambda: nowhere.get(BUCKET, "a"),
        lambda: nowhere.list(BUCKET, ""),
    ):
        with pytest.raises(StorageUnreachableError, match="connection refused") as caught:
            attempt()
        assert endpoint in str(caught.value)
        assert "check that the server runs" in str(caught.value)
    assert not admin.check(nowhere.spec).reachable


def test_the_environment_changes_nothing(
    served: ObjectStore, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "of-another-service",
        "AWS_SECRET_ACCESS_KEY": "of-another-service",
        "AWS_SESSION_TOKEN": "of-another-service",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        "AWS_REGION": "eu-west-1",
        "AWS_SKIP_SIGNATURE": "true",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
        "AWS_S3_EXPRESS": "true",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    fresh = ObjectStore(served.spec)
    fresh.put(BUCKET, f"{folder}a", b"x")
    assert fresh.get(BUCKET, f"{folder}a") == b"x"
    assert admin.check(served.spec).authorized


def test_folder_markers_of_other_tools_are_no_inputs(served: ObjectStore, folder: str) -> None:
    import io

    with admin.administering(served.spec, "mark", BUCKET) as client:
        client.put_object(BUCKET, folder, io.BytesIO(b""), 0)
        client.put_object(BUCKET, f"{folder}sub/", io.BytesIO(b""), 0)
    served.put(BUCKET, f"{folder}sub/a", b"x")
    assert keys(served, folder) == [f"{folder}sub/a"]
    assert keys(served, folder.rstrip("/")) == [f"{folder}sub/a"]
    with admin.administering(served.spec, "unmark", BUCKET) as client:
        client.remove_object(BUCKET, f"{folder}sub/")
        client.remove_object(BUCKET, folder)
