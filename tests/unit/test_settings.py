"""Settings: which variables count, which keys belong together, and what they choose."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from flexecutor_energy.settings import Settings

AWS = {"AWS_ACCESS_KEY_ID": "aws-id", "AWS_SECRET_ACCESS_KEY": "aws-secret"}
MINIO = {"MINIO_ACCESS_KEY": "minio-id", "MINIO_SECRET_KEY": "minio-secret"}
ROOT = {"MINIO_ROOT_USER": "root-id", "MINIO_ROOT_PASSWORD": "root-secret"}


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields.values():
        alias = field.validation_alias
        for name in getattr(alias, "choices", ()):
            monkeypatch.delenv(name, raising=False)


def settings(monkeypatch: pytest.MonkeyPatch, *variables: Mapping[str, str]) -> Settings:
    for group in variables:
        for name, value in group.items():
            monkeypatch.setenv(name, value)
    return Settings()


def keys_for(found: Settings, endpoint: str | None) -> tuple[str, str, str | None] | None:
    credentials = found.credentials(endpoint)
    if credentials is None:
        return None
    token = credentials.session_token
    return (
        credentials.access_key.get_secret_value(),
        credentials.secret_key.get_secret_value(),
        token.get_secret_value() if token else None,
    )


def test_an_empty_environment_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch)
    assert set(found.model_dump().values()) == {None}
    assert found.endpoint is None
    assert found.credentials(None) is None
    assert not found.chooses_aws
    assert found.region == "us-east-1"


def test_every_variable_has_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(
        monkeypatch,
        {
            "FLEXECUTOR_ENERGY_WORKSPACE": "/work place",
            "FLEXECUTOR_ENERGY_STORAGE": "memory",
            "FLEXECUTOR_ENERGY_BUCKET": "mine",
            "FLEXECUTOR_ENERGY_DATABASE_URL": "postgresql://user:hidden@db/x",
            "LITHOPS_CONFIG_FILE": "/etc/lithops.yaml",
            "AWS_REGION": "eu-west-1",
        },
    )
    assert found.workspace == Path("/work place")
    assert (found.storage, found.bucket, found.region) == ("memory", "mine", "eu-west-1")
    assert found.lithops_config_file == Path("/etc/lithops.yaml")
    assert found.database_url is not None
    assert found.database_url.get_secret_value() == "postgresql://user:hidden@db/x"


@pytest.mark.parametrize(
    ("variables", "endpoint"),
    [
        ({"S3_ENDPOINT": "https://one"}, "https://one"),
        ({"MINIO_ENDPOINT": "http://two:9000"}, "http://two:9000"),
        ({"AWS_ENDPOINT_URL": "http://three"}, "http://three"),
        (
            {"AWS_ENDPOINT_URL": "http://three", "AWS_ENDPOINT_URL_S3": "http://four"},
            "http://four",
        ),
        ({"S3_ENDPOINT": "http://one", "AWS_ENDPOINT_URL": "http://three"}, "http://one"),
        ({"MINIO_ENDPOINT": "two:9000"}, "http://two:9000"),
        ({"S3_ENDPOINT": ""}, None),
    ],
)
def test_an_endpoint_is_found_under_its_names(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], endpoint: str | None
) -> None:
    assert settings(monkeypatch, variables).endpoint == endpoint


def test_variables_of_other_programs_that_are_called_like_fields_do_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = settings(
        monkeypatch,
        {"WORKSPACE": "/jenkins", "STORAGE": "tape", "BUCKET": "theirs", "DATABASE_URL": "x://"},
    )
    assert set(found.model_dump().values()) == {None}


def test_the_more_specific_name_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(
        monkeypatch,
        {
            "S3_BUCKET": "general",
            "FLEXECUTOR_ENERGY_BUCKET": "ours",
            "POSTGRES_URL": "general://",
            "FLEXECUTOR_ENERGY_DATABASE_URL": "ours://",
        },
    )
    assert found.bucket == "ours"
    assert found.database_url is not None
    assert found.database_url.get_secret_value() == "ours://"


def test_no_way_of_printing_settings_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(
        monkeypatch,
        AWS,
        MINIO,
        ROOT,
        {"AWS_SESSION_TOKEN": "aws-token", "POSTGRES_URL": "p:hidden"},
    )
    text = f"{found} {found!r} {found.credentials(None)} {found.model_dump()}"
    for secret in ("aws-id", "aws-secret", "aws-token", "minio-secret", "root-secret", "hidden"):
        assert secret not in text


@pytest.mark.parametrize("endpoint", [None, "https://s3.eu-west-1.amazonaws.com"])
def test_aws_gets_the_aws_keys_and_no_others(
    monkeypatch: pytest.MonkeyPatch, endpoint: str | None
) -> None:
    found = settings(monkeypatch, AWS, MINIO, {"AWS_SESSION_TOKEN": "aws-token"})
    assert keys_for(found, endpoint) == ("aws-id", "aws-secret", "aws-token")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert keys_for(Settings(), endpoint) is None


def test_a_server_gets_its_own_keys_first(monkeypatch: pytest.MonkeyPatch) -> None:
    here = {"S3_ENDPOINT": "http://minio:9000"}
    found = settings(monkeypatch, here, AWS, ROOT, {"AWS_SESSION_TOKEN": "aws-token"})
    assert keys_for(found, found.endpoint) == ("root-id", "root-secret", None)
    found = settings(monkeypatch, MINIO)
    assert keys_for(found, found.endpoint) == ("minio-id", "minio-secret", None)


def test_an_endpoint_of_aws_variables_gets_the_aws_keys_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = settings(monkeypatch, {"AWS_ENDPOINT_URL": "http://ceph"}, AWS, MINIO)
    assert keys_for(found, found.endpoint) == ("aws-id", "aws-secret", None)


def test_half_a_pair_is_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(
        monkeypatch, {"MINIO_ACCESS_KEY": "minio-id", "AWS_SECRET_ACCESS_KEY": "aws-secret"}
    )
    assert found.credentials("http://minio:9000") is None


def test_aws_keys_alone_choose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not settings(monkeypatch, AWS).chooses_aws


def test_aws_keys_with_a_bucket_choose_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch, AWS, {"S3_BUCKET": "mine"}).chooses_aws
    assert not settings(monkeypatch, {"S3_ENDPOINT": "http://minio:9000"}).chooses_aws


def test_a_bucket_alone_does_not_choose_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not settings(monkeypatch, {"S3_BUCKET": "mine"}).chooses_aws


def test_settings_do_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch)
    with pytest.raises(ValueError, match="frozen"):
        found.storage = "memory"
