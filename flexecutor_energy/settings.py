"""Settings from the environment. No other module reads environment variables.

Which object store is used, in this order:

1. ``FLEXECUTOR_ENERGY_STORAGE``: ``embedded``, ``file``, ``file:///folder``, ``memory``, ``s3``,
   ``s3://bucket`` or ``http://host:port``.
2. An endpoint: ``S3_ENDPOINT``, ``MINIO_ENDPOINT``, ``AWS_ENDPOINT_URL_S3`` or
   ``AWS_ENDPOINT_URL``.
3. AWS credentials *together with* a bucket (``FLEXECUTOR_ENERGY_BUCKET`` or ``S3_BUCKET``). AWS
   credentials alone choose nothing: a laptop that happens to have some must not upload to AWS
   by surprise.
4. The Lithops configuration file named by ``LITHOPS_CONFIG_FILE``, if it names a store.
5. Nothing: the embedded server.

Where energy is read: ``FLEXECUTOR_ENERGY_HOST_ROOT`` is the root of a file system that holds the
host's powercap folder, such as the place where a container has its host mounted;
``FLEXECUTOR_ENERGY_PERF`` is how perf is called.
"""

import shlex
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_BUCKET = "flexecutor"
DEFAULT_REGION = "us-east-1"


class Credentials(NamedTuple):
    """Keys that belong together; they are shown as stars."""

    access_key: SecretStr
    secret_key: SecretStr
    session_token: SecretStr | None = None


def _variable(*names: str) -> Any:
    """Return a field that holds the first of these variables that is set."""
    return Field(default=None, validation_alias=AliasChoices(*names))


class Settings(BaseSettings):
    """What the environment says, validated once and not changed afterwards.

    Fields are None where their variable is unset or empty. Only the variables named here count,
    not those that are called like a field: ``WORKSPACE`` is Jenkins's.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    workspace: Path | None = _variable("FLEXECUTOR_ENERGY_WORKSPACE")
    storage: str | None = _variable("FLEXECUTOR_ENERGY_STORAGE")
    bucket: str | None = _variable("FLEXECUTOR_ENERGY_BUCKET", "S3_BUCKET")
    lithops_config_file: Path | None = _variable("LITHOPS_CONFIG_FILE")
    host_root: Path | None = _variable("FLEXECUTOR_ENERGY_HOST_ROOT")
    perf: str | None = _variable("FLEXECUTOR_ENERGY_PERF")
    database_url: SecretStr | None = _variable("FLEXECUTOR_ENERGY_DATABASE_URL", "POSTGRES_URL")

    s3_endpoint: str | None = _variable("S3_ENDPOINT", "MINIO_ENDPOINT")
    aws_endpoint: str | None = _variable("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    aws_region: str | None = _variable("AWS_REGION", "AWS_DEFAULT_REGION")
    minio_access_key: SecretStr | None = _variable("MINIO_ACCESS_KEY")
    minio_secret_key: SecretStr | None = _variable("MINIO_SECRET_KEY")
    minio_root_user: SecretStr | None = _variable("MINIO_ROOT_USER")
    minio_root_password: SecretStr | None = _variable("MINIO_ROOT_PASSWORD")
    aws_access_key_id: SecretStr | None = _variable("AWS_ACCESS_KEY_ID")
    aws_secret_access_key: SecretStr | None = _variable("AWS_SECRET_ACCESS_KEY")
    aws_session_token: SecretStr | None = _variable("AWS_SESSION_TOKEN")

    @property
    def perf_command(self) -> tuple[str, ...]:
        """How perf is called, as a list of arguments."""
        return tuple(shlex.split(self.perf or "perf"))

    @property
    def endpoint(self) -> str | None:
        """URL of an S3 service; without a scheme, ``http://`` is put before it."""
        endpoint = self.s3_endpoint or self.aws_endpoint
        return f"http://{endpoint}" if endpoint and "://" not in endpoint else endpoint

    @property
    def region(self) -> str:
        """Region that requests are signed for."""
        return self.aws_region or DEFAULT_REGION

    @property
    def chooses_aws(self) -> bool:
        """Whether AWS S3 is asked for without being named: its credentials *and* a bucket."""
        return self.endpoint is None and self.bucket is not None and self._aws_keys() is not None

    def credentials(self, endpoint: str | None) -> Credentials | None:
        """Return the keys meant for ``endpoint`` (None: AWS), or None where there are none.

        A pair is never mixed from two families. At AWS, and at an endpoint that an ``AWS_*``
        variable names, only or first the AWS keys count; elsewhere MinIO's come first.
        """
        minio = _pair(self.minio_access_key, self.minio_secret_key) or _pair(
            self.minio_root_user, self.minio_root_password
        )
        if endpoint is None or _is_aws(endpoint):
            return self._aws_keys()
        if self.s3_endpoint is None and self.aws_endpoint is not None:
            return self._aws_keys() or minio
        return minio or self._aws_keys()

    def _aws_keys(self) -> Credentials | None:
        pair = _pair(self.aws_access_key_id, self.aws_secret_access_key)
        return pair and pair._replace(session_token=self.aws_session_token)


def _pair(access_key: SecretStr | None, secret_key: SecretStr | None) -> Credentials | None:
    if access_key is None or secret_key is None:
        return None
    return Credentials(access_key, secret_key)


def _is_aws(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))
