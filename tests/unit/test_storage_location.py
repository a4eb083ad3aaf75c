"""A store's description: what it accepts, and that it never shows a credential."""

import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.storage.location import ObjectRef, StoreSpec

SECRETS = ("AKIAACCESS", "s3cr3t/with+signs", "session==token")
SPEC = StoreSpec(
    kind="s3",
    endpoint="http://minio.example:9000/",
    region="us-east-1",
    access_key=SECRETS[0],
    secret_key=SECRETS[1],
    session_token=SECRETS[2],
    description="a store",
)


def test_no_way_of_printing_a_spec_shows_its_credentials() -> None:
    for text in (repr(SPEC), str(SPEC), f"{SPEC}", f"{SPEC!r}", SPEC.place, SPEC.url("b", "k")):
        assert not any(secret in text for secret in SECRETS)
    assert "secret_key=***" in repr(SPEC)
    assert "minio.example" in repr(SPEC)


def test_credentials_are_taken_out_of_any_text() -> None:
    encoded = "s3cr3t%2Fwith%2Bsigns"
    text = SPEC.redact(f"key {SECRETS[0]}, secret {SECRETS[1]} or {encoded}, {SECRETS[2]}, rest")
    assert text == "key ***, secret *** or ***, ***, rest"


def test_a_text_is_left_alone_where_there_are_no_credentials() -> None:
    assert StoreSpec(kind="s3").redact("any text") == "any text"


def test_a_spec_travels_in_a_pickle_with_its_credentials() -> None:
    copy: StoreSpec = pickle.loads(pickle.dumps(SPEC))
    assert copy == SPEC
    assert copy.secret_key == SECRETS[1]


def test_a_spec_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        SPEC.secret_key = "other"  # type: ignore[misc]


def test_an_endpoint_without_tls_is_allowed_by_being_written_so() -> None:
    assert SPEC.allow_http
    assert not replace(SPEC, endpoint="https://minio.example", allow_http=False).allow_http


def test_the_slash_after_an_endpoint_is_dropped() -> None:
    assert SPEC.endpoint == "http://minio.example:9000"


@pytest.mark.parametrize("endpoint", ["minio:9000", "ftp://minio", "http://", "", "http:/minio"])
def test_an_endpoint_that_is_no_address_is_refused(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match="must look like"):
        StoreSpec(kind="s3", endpoint=endpoint)


@pytest.mark.parametrize("endpoint", ["http://key:hidden@minio:9000", "key:hidden@minio"])
def test_credentials_in_an_endpoint_are_refused_and_not_repeated(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match="holds credentials") as caught:
        StoreSpec(kind="s3", endpoint=endpoint)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("root", [None, "", "relative/folder"])
def test_a_folder_must_be_absolute(root: str | None) -> None:
    with pytest.raises(ConfigurationError, match="absolute"):
        StoreSpec(kind="file", root=root)


def test_an_unknown_kind_is_refused_with_those_that_exist() -> None:
    kind: Any = "tape"
    with pytest.raises(ConfigurationError, match="s3, gcs, azure, file, memory"):
        StoreSpec(kind=kind)


@pytest.mark.parametrize(
    ("spec", "reach"),
    [
        (StoreSpec(kind="memory"), "process"),
        (StoreSpec(kind="file", root="/data"), "host"),
        (StoreSpec(kind="s3", endpoint="http://127.0.0.1:9000"), "host"),
        (StoreSpec(kind="s3", endpoint="http://localhost:9000"), "host"),
        (StoreSpec(kind="s3", endpoint="http://[::1]:9000"), "host"),
        (SPEC, "network"),
        (StoreSpec(kind="s3"), "network"),
        (StoreSpec(kind="gcs"), "network"),
    ],
)
def test_a_spec_knows_who_can_reach_the_store(spec: StoreSpec, reach: str) -> None:
    assert spec.reach == reach


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        (SPEC, "http://minio.example:9000"),
        (StoreSpec(kind="s3", region="eu-west-1"), "AWS S3 (eu-west-1)"),
        (StoreSpec(kind="gcs"), "Google Cloud Storage"),
        (StoreSpec(kind="file", root="/data"), "folder /data"),
        (StoreSpec(kind="memory"), "memory of this process"),
    ],
)
def test_a_spec_says_where_it_is(spec: StoreSpec, place: str) -> None:
    assert spec.place == place


@pytest.mark.parametrize(
    ("kind", "url"), [("s3", "s3://b/k"), ("gcs", "gs://b/k"), ("azure", "az://b/k")]
)
def test_an_address_is_written_the_usual_way(kind: Any, url: str) -> None:
    assert StoreSpec(kind=kind).url("b", "k") == url
    assert StoreSpec(kind=kind).url("b") == url.removesuffix("/k")


def test_an_object_is_a_value() -> None:
    assert ObjectRef("b", "k", 3, "tag") == ObjectRef("b", "k", 3, "tag")
    assert pickle.loads(pickle.dumps(ObjectRef("b", "k", 3))) == ObjectRef("b", "k", 3)
