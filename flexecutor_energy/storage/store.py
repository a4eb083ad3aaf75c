"""One object store, reached the same way whatever it is."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexecutor_energy.errors import (
    BucketMissingError,
    ConfigurationError,
    FlexecutorEnergyError,
    StorageError,
)
from flexecutor_energy.storage.clients import claim_runtime, open_client
from flexecutor_energy.storage.failures import (
    Attempt,
    cause_of,
    describe,
    error_code,
    translate,
)
from flexecutor_energy.storage.keys import (
    checked_bucket,
    checked_key,
    etag_of,
    is_empty_range,
    reference,
    without_markers,
)
from flexecutor_energy.storage.location import ObjectRef, StoreSpec

if TYPE_CHECKING:
    from flexecutor_energy.storage.clients import Client

Refs = list[ObjectRef]

# Parts of a large upload: at most _PART_BYTES × _PARTS_AT_ONCE of memory a transfer.
_PART_BYTES = 8 * 2**20
_PARTS_AT_ONCE = 4
_READ_BYTES = 4 * 2**20
_PROBE_KEY = ".flexecutor-probe"


class ObjectStore:
    """Reads and writes objects of any bucket of a store.

    It opens its connections at their first use and once a process: pickled or forked before
    that, it opens its own. Objects are named by ``bucket`` and ``key``; a key has no empty part,
    no ``.`` or ``..``, no backslash, and neither starts nor ends with a slash. A key should not
    also be the folder of another (``a`` beside ``a/b``): directories cannot hold both.

    Every method raises ``StorageError`` or one of its leaves: ``BucketMissingError``,
    ``InputMissingError`` (no such object), ``StorageAccessError``, ``StorageUnreachableError``;
    and ``ConfigurationError`` for a key that no store takes.

    Parameters
    ----------
    spec : where the store is, and with which credentials
    """

    def __init__(self, spec: StoreSpec) -> None:
        self.spec = spec
        self._clients: dict[str, Client] = {}
        self._pid = os.getpid()

    def __repr__(self) -> str:
        return f"ObjectStore({self.spec!r})"

    def __reduce__(self) -> tuple[type["ObjectStore"], tuple[StoreSpec]]:
        if self.spec.kind == "memory":
            raise ConfigurationError(
                "storage in memory lives in one process; use 'file' or a server to share objects"
            )
        return ObjectStore, (self.spec,)

    def get(self, bucket: str, key: str) -> bytes:
        """Return the content of an object."""
        with self._doing("read", bucket, key) as client:
            return bytes(client.get(checked_key(key)).bytes())

    def get_range(self, bucket: str, key: str, start: int, end: int) -> bytes:
        """Return the bytes from ``start`` up to, not including, ``end``.

        A range that ends beyond the object gives what there is; one that starts beyond it is an
        error. An empty range is answered without asking the store.
        """
        if is_empty_range(start, end):
            return b""
        with self._doing("read", bucket, key) as client:
            return bytes(client.get_range(checked_key(key), start=start, end=end))

    def put(self, bucket: str, key: str, data: bytes | bytearray | memoryview) -> ObjectRef:
        """Write an object in one step, replacing the one there was."""
        with self._doing("write", bucket, key) as client:
            return self._put(client, bucket, key, data, memoryview(data).nbytes)

    def head(self, bucket: str, key: str) -> ObjectRef:
        """Return size and fingerprint of an object."""
        with self._doing("look up", bucket, key) as client:
            return reference(bucket, client.head(checked_key(key)))

    def list(self, bucket: str, prefix: str = "") -> Refs:
        """Return the objects whose key starts with ``prefix``, sorted by key.

        The prefix is plain text, as in S3: ``run/1`` also finds ``run/10/x``; end it with a
        slash to mean a folder. Empty objects that only mark a folder are left out.
        """
        with self._doing("list", bucket, prefix) as client:
            found = client.list(prefix.rpartition("/")[0] or None).collect()
        refs = sorted((reference(bucket, meta) for meta in found), key=lambda ref: ref.key)
        return [ref for ref in without_markers(refs) if ref.key.startswith(prefix)]

    def download(
        self, bucket: str, key: str, path: Path | str, byte_range: tuple[int, int] | None = None
    ) -> int:
        """Write an object, or the bytes ``(start, end)`` of it, to a file.

        Returns
        -------
        int
            Bytes written. After an error there is no file.
        """
        target = Path(path)
        if byte_range is not None and is_empty_range(*byte_range):
            return _write_file(target, [])
        options: Any = {"range": byte_range} if byte_range is not None else None
        with self._doing("read", bucket, key) as client:
            result = client.get(checked_key(key), options=options)
            size_bytes = _write_file(target, result.stream(min_chunk_size=_READ_BYTES))
            start, end = result.range
        if size_bytes != end - start:
            target.unlink()
            attempt = Attempt(self.spec, "read", bucket, key)
            problem = f"{size_bytes} of {end - start} bytes came"
            raise StorageError(describe(attempt, problem, "try again"))
        return size_bytes

    def upload(self, path: Path | str, bucket: str, key: str) -> ObjectRef:
        """Write a file's content to an object, replacing the one there was."""
        source = Path(path)
        try:
            size_bytes = source.stat().st_size
        except OSError as error:
            raise StorageError(f"could not read {source}: {error.strerror}") from error
        with self._doing("write", bucket, key) as client:
            return self._put(client, bucket, key, source, size_bytes)

    def delete(self, bucket: str, keys: Iterable[str]) -> None:
        """Remove objects; those that are not there are no error."""
        wanted = [checked_key(key) for key in keys]
        if not wanted:
            return
        with self._doing("delete from", bucket) as client:
            if self.spec.kind in {"s3", "memory"}:
                client.delete(wanted)
            else:
                for key in wanted:
                    self._delete_one(client, bucket, key)

    def delete_prefix(self, bucket: str, prefix: str) -> int:
        """Remove everything in a folder and return how many objects that was.

        ``prefix`` ends with a slash, so that ``run/1`` cannot take ``run/10`` with it.
        """
        if not prefix.endswith("/") or prefix == "/":
            raise ConfigurationError(f"the folder to delete must end with a slash: {prefix!r}")
        keys = [ref.key for ref in self.list(bucket, prefix)]
        self.delete(bucket, keys)
        return len(keys)

    def has_bucket(self, bucket: str) -> bool:
        """Return whether the bucket exists, at the price of one small request."""
        if self.spec.kind == "file":
            return self._folder(bucket).is_dir()
        if self.spec.kind == "memory":
            return bucket in self._own_clients()
        client = self._client(bucket)
        attempt = Attempt(self.spec, "look up", bucket)
        try:
            client.get(_PROBE_KEY)
        except _store_errors() as error:
            problem = translate(error, attempt)
            if isinstance(problem, BucketMissingError):
                return False
            if isinstance(error, FileNotFoundError):
                return True
            raise problem from cause_of(error, self.spec)
        return True

    def make_bucket(self, bucket: str) -> None:
        """Create a bucket of kind ``file`` or ``memory``; servers are asked by ``admin``."""
        if self.spec.kind == "memory":
            self._own_clients().setdefault(bucket, open_client(self.spec, checked_bucket(bucket)))
        elif self.spec.kind == "file":
            folder = self._folder(bucket)
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StorageError(f"could not create {folder}: {error.strerror}") from error
        else:
            raise ConfigurationError(f"buckets at {self.spec.place} are created by its server")

    def _put(
        self, client: "Client", bucket: str, key: str, data: Any, size_bytes: int
    ) -> ObjectRef:
        result = client.put(
            checked_key(key), data, chunk_size=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE
        )
        return ObjectRef(bucket, key, size_bytes, etag_of(result["e_tag"]))

    def _delete_one(self, client: "Client", bucket: str, key: str) -> None:
        try:
            client.delete(key)
        except FileNotFoundError:
            if not self.has_bucket(bucket):
                raise

    @contextlib.contextmanager
    def _doing(self, verb: str, bucket: str, key: str = "") -> Iterator["Client"]:
        try:
            yield self._client(bucket)
        except FlexecutorEnergyError:
            raise
        except _store_errors() as error:
            unclear = isinstance(error, FileNotFoundError) and not error_code(error)
            exists = not unclear or self.has_bucket(bucket)
            problem = translate(error, Attempt(self.spec, verb, bucket, key), exists)
            raise problem from cause_of(error, self.spec)

    def _client(self, bucket: str) -> "Client":
        clients = self._own_clients()
        if bucket not in clients:
            if self.spec.kind in {"file", "memory"} and not self.has_bucket(bucket):
                attempt = Attempt(self.spec, "open", bucket)
                raise BucketMissingError(describe(attempt, "no such bucket", "create it first"))
            clients[bucket] = open_client(self.spec, checked_bucket(bucket))
        return clients[bucket]

    def _own_clients(self) -> "dict[str, Client]":
        if self._pid != os.getpid():
            claim_runtime()
            self._clients, self._pid = {}, os.getpid()
        return self._clients

    def _folder(self, bucket: str) -> Path:
        return Path(self.spec.root or "") / checked_bucket(bucket)


def _store_errors() -> tuple[type[Exception], ...]:
    from obstore.exceptions import BaseError

    return (BaseError, OSError, ValueError)


def _write_file(path: Path, chunks: Iterable[bytes]) -> int:
    """Write chunks to a file; leave none behind when they stop coming or the disk is full."""
    size_bytes = 0
    try:
        with _local_errors(path), path.open("wb") as file:
            for chunk in chunks:
                size_bytes += file.write(chunk)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return size_bytes


@contextlib.contextmanager
def _local_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno is None:  # not of this disk: a transfer that broke off
            raise
        raise StorageError(f"could not write {path}: {error.strerror}") from error
