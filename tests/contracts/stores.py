"""The stores that the contract suite runs on, each with one bucket to work in."""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flexecutor_energy.errors import StorageError
from flexecutor_energy.settings import Settings
from flexecutor_energy.storage.admin import administering, ensure_bucket
from flexecutor_energy.storage.location import StoreSpec
from flexecutor_energy.storage.select import open_storage
from flexecutor_energy.storage.server import EmbeddedServer
from flexecutor_energy.storage.store import ObjectStore
from flexecutor_energy.workspace import Workspace

BUCKET = "contract-suite"
KINDS = ("embedded", "file", "memory", "minio")
SERVER_KINDS = ("embedded", "minio")


@contextlib.contextmanager
def open_kind(kind: str, folder: Path) -> Iterator[ObjectStore]:
    """Open a store of one kind; skip the test where there is no MinIO to be had."""
    with contextlib.ExitStack() as stack:
        match kind:
            case "embedded":
                spec = stack.enter_context(EmbeddedServer(Workspace.of(folder))).spec
            case "file":
                spec = StoreSpec(kind="file", root=str(folder))
            case "memory":
                spec = StoreSpec(kind="memory")
            case _:
                spec = stack.enter_context(_minio(folder))
        store = ObjectStore(spec)
        ensure_bucket(store, BUCKET)
        yield store
        if spec.kind == "s3":  # it may be a server of the user's
            remove_bucket(store, BUCKET)


def remove_bucket(store: ObjectStore, bucket: str) -> None:
    """Remove a bucket of a server with all that it holds."""
    store.delete(bucket, [ref.key for ref in store.list(bucket)])
    with administering(store.spec, "remove", bucket) as client:
        client.remove_bucket(bucket)


@contextlib.contextmanager
def _minio(folder: Path) -> Iterator[StoreSpec]:
    settings = Settings()
    if settings.s3_endpoint:
        with open_storage(None, folder, settings) as storage:
            yield storage.spec
        return
    binary = shutil.which("minio") or shutil.which("minio", path=Path("~/go/bin").expanduser())
    if binary is None:
        pytest.skip("no MinIO: set S3_ENDPOINT and its keys, or put a minio binary on the PATH")
    with _started_minio(binary, folder) as spec:
        yield spec


@contextlib.contextmanager
def _started_minio(binary: str, folder: Path) -> Iterator[StoreSpec]:
    user, password = f"suite{secrets.token_hex(6)}", secrets.token_urlsafe(24)
    address, console = (f"127.0.0.1:{free_port()}" for _ in range(2))
    log = folder / "minio.log"
    data = folder / "data"
    command = [binary, "server", str(data), "--address", address, "--console-address", console]
    private = {"MINIO_ROOT_USER": user, "MINIO_ROOT_PASSWORD": password, "MINIO_UPDATE": "off"}
    kept = {"HOME": str(folder), "PATH": os.defpath}
    spec = StoreSpec(
        kind="s3",
        endpoint=f"http://{address}",
        access_key=user,
        secret_key=password,
        description="MinIO of the test suite",
    )
    with log.open("wb") as output:
        server = subprocess.Popen(command, env=kept | private, stdout=output, stderr=output)
        try:
            _await_answer(spec, server, log)
            yield spec
        finally:
            server.terminate()
            server.wait(timeout=30)


def _await_answer(spec: StoreSpec, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(StorageError):
            ObjectStore(spec).has_bucket(BUCKET)
            return
    raise RuntimeError(f"MinIO did not come up:\n{log.read_text()[-2000:]}")


def free_port() -> int:
    """Return a port of this host that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
