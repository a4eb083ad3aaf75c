"""Clients of the data path, one a bucket, opened in the process that uses them.

``obstore`` moves the data. It reads ``AWS_*`` variables on its own, which would mix the
credentials of one service with the endpoint of another: every setting that it would pick up
is therefore passed explicitly.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flexecutor_energy.errors import StorageError
from flexecutor_energy.storage.location import StoreSpec

if TYPE_CHECKING:
    from obstore.store import (
        AzureStore,
        ClientConfig,
        GCSStore,
        LocalStore,
        MemoryStore,
        RetryConfig,
        S3Store,
    )

    Client = AzureStore | GCSStore | LocalStore | MemoryStore | S3Store

# A refused or unknown endpoint fails after about 1 s, a silent one after about 10 s; a store
# that answers "slow down" gets the same patience.
_MAX_RETRIES = 5
_RETRY_TIMEOUT = timedelta(seconds=10)
_CONNECT_TIMEOUT = timedelta(seconds=3)
# A transfer may take long, but never stay silent for long.
_SILENCE_TIMEOUT = timedelta(seconds=30)
_TRANSFER_TIMEOUT = timedelta(hours=6)

# Moving data is the work of a thread pool that obstore keeps once a process and that does not
# survive a fork: a child would wait for it for ever. Hence this one fact about the process.
_runtime_pid: int | None = None


def claim_runtime() -> None:
    """Note that this process moves data itself.

    Raises
    ------
    StorageError
        This process was forked from one that has moved data already.
    """
    global _runtime_pid
    if _runtime_pid is None:
        _runtime_pid = os.getpid()
    elif _runtime_pid != os.getpid():
        raise StorageError(
            f"process {os.getpid()} was forked from process {_runtime_pid}, which has used the "
            "object store already; the transfer threads of a process do not survive a fork, so "
            "start workers as fresh interpreters or fork before the first transfer"
        )


def open_client(spec: StoreSpec, bucket: str) -> "Client":
    """Return a new client of one bucket; for kind ``memory``, a new and empty bucket."""
    claim_runtime()
    from obstore.store import AzureStore, GCSStore, LocalStore, MemoryStore

    match spec.kind:
        case "memory":
            return MemoryStore()
        case "file":
            return LocalStore(Path(spec.root or "") / bucket, automatic_cleanup=True)
        case "s3":
            return _open_s3(spec, bucket)
        case "gcs":
            return GCSStore(
                bucket,
                config=_given(service_account_key=spec.secret_key, base_url=spec.endpoint),
                client_options=_client_options(spec),
                retry_config=_retries(),
            )
        case "azure":
            return AzureStore(
                container_name=bucket,
                config=_given(
                    account_name=spec.access_key,
                    account_key=spec.secret_key,
                    token=spec.session_token,
                    endpoint=spec.endpoint,
                ),
                client_options=_client_options(spec),
                retry_config=_retries(),
            )


def _open_s3(spec: StoreSpec, bucket: str) -> "S3Store":
    from obstore.store import S3Store

    region = spec.region or "us-east-1"
    endpoint = spec.endpoint or f"https://s3.{region}.amazonaws.com"
    return S3Store(
        bucket,
        config={
            "endpoint": endpoint,
            "aws_endpoint_url_s3": endpoint,
            "region": region,
            "access_key_id": spec.access_key or "",
            "secret_access_key": spec.secret_key or "",
            "session_token": spec.session_token or "",
            "skip_signature": spec.access_key is None,
            "virtual_hosted_style_request": False,
            "s3_express": False,
        },
        client_options=_client_options(spec),
        retry_config=_retries(),
    )


def _client_options(spec: StoreSpec) -> "ClientConfig":
    options: ClientConfig = {
        "allow_http": spec.allow_http,
        "connect_timeout": _CONNECT_TIMEOUT,
        "read_timeout": _SILENCE_TIMEOUT,
        "timeout": _TRANSFER_TIMEOUT,
    }
    if spec.is_loopback:
        # A proxy of the network (HTTP_PROXY) cannot know this host's own servers. Naming one
        # that is never asked is the way to switch the environment's off.
        host = urlsplit(spec.endpoint or "").hostname or ""
        options["proxy_url"] = "http://127.0.0.1:9"
        options["proxy_excludes"] = host
    return options


def _retries() -> "RetryConfig":
    return {
        "max_retries": _MAX_RETRIES,
        "retry_timeout": _RETRY_TIMEOUT,
        "backoff": {
            "init_backoff": timedelta(milliseconds=100),
            "max_backoff": timedelta(seconds=2),
            "base": 2,
        },
    }


def _given(**settings: str | None) -> Any:
    return {name: value for name, value in settings.items() if value is not None}
