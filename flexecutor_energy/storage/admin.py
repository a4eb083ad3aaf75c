"""Buckets and health of a store: the ``minio`` client for servers, folders for kind ``file``.

This is the driver's side. Workers never load it: the client costs 0.25 s of CPU to import.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flexecutor_energy.errors import (
    BucketMissingError,
    ConfigurationError,
    StorageAccessError,
    StorageError,
)
from flexecutor_energy.storage.failures import Attempt, cause_of, describe, translate
from flexecutor_energy.storage.location import StoreSpec
from flexecutor_energy.storage.store import ObjectStore

if TYPE_CHECKING:
    from minio import Minio
    from urllib3 import PoolManager

_CONNECT_TIMEOUT_S = 3.0
_READ_TIMEOUT_S = 15.0
_RETRIES = 2


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """Whether a store can be used.

    Attributes
    ----------
    place : its endpoint or folder
    reachable : whether it answered
    authorized : whether it accepted the credentials; None if that could not be found out
    buckets : how many buckets were seen; None where they may not be listed
    detail : what was found, in one line and without a secret
    """

    place: str
    reachable: bool
    authorized: bool | None
    buckets: int | None
    detail: str


def bucket_exists(store: ObjectStore, bucket: str) -> bool:
    """Return whether a bucket exists.

    Raises
    ------
    StorageError
        The store does not answer, or refuses the credentials.
    """
    return store.has_bucket(bucket)


def ensure_bucket(store: ObjectStore, bucket: str) -> bool:
    """Create a bucket unless it exists, and return whether it was created.

    Raises
    ------
    BucketMissingError
        It is missing, and stores of this kind cannot be administered from here.
    ConfigurationError
        Its name is not one that the store takes.
    StorageError
        The store does not answer, or refuses.
    """
    if store.has_bucket(bucket):
        return False
    if store.spec.kind in {"file", "memory"}:
        store.make_bucket(bucket)
        return True
    if store.spec.kind != "s3":
        attempt = Attempt(store.spec, "use", bucket)
        raise BucketMissingError(
            describe(attempt, "the bucket does not exist", "create it with its provider's tools")
        )
    try:
        with administering(store.spec, "create", bucket) as client:
            client.make_bucket(bucket)
    except StorageError:
        if store.has_bucket(bucket):  # another process was quicker
            return False
        raise
    return True


def check(spec: StoreSpec) -> StoreCheck:
    """Return whether a store answers and takes the credentials; never raises for either."""
    if spec.kind in {"file", "memory"}:
        return StoreCheck(spec.place, True, True, None, f"{spec.place} needs no server")
    if spec.kind != "s3":
        return StoreCheck(spec.place, False, None, None, "stores of this kind are not checked")
    try:
        with administering(spec, "list the buckets of") as client:
            count = len(client.list_buckets())
    except StorageAccessError as error:
        return StoreCheck(spec.place, True, False, None, str(error))
    except StorageError as error:
        return StoreCheck(spec.place, False, None, None, str(error))
    return StoreCheck(spec.place, True, True, count, f"{spec.place} answers, {count} bucket(s)")


@contextlib.contextmanager
def administering(spec: StoreSpec, verb: str, bucket: str = "") -> "Iterator[Minio]":
    """Lend a ``minio`` client whose complaints leave this block as errors of this project.

    ``verb`` says what is being done, such as ``create``, for the message of an error.
    """
    import urllib3
    from minio.error import MinioException

    timeout = urllib3.Timeout(connect=_CONNECT_TIMEOUT_S, read=_READ_TIMEOUT_S)
    retries = urllib3.Retry(
        total=_RETRIES, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504)
    )
    with urllib3.PoolManager(timeout=timeout, retries=retries) as pool:
        try:
            yield _client(spec, pool)
        except (MinioException, urllib3.exceptions.HTTPError) as error:
            problem = translate(error, Attempt(spec, verb, bucket))
            raise problem from cause_of(error, spec)
        except ValueError as error:  # how the client says that a bucket's name is not allowed
            raise ConfigurationError(
                f"could not {verb} {spec.url(bucket)}: {spec.redact(str(error))}"
            ) from cause_of(error, spec)


def _client(spec: StoreSpec, pool: "PoolManager") -> "Minio":
    from minio import Minio

    region = spec.region or "us-east-1"
    parts = urlsplit(spec.endpoint or f"https://s3.{region}.amazonaws.com")
    return Minio(
        parts.netloc,
        access_key=spec.access_key,
        secret_key=spec.secret_key,
        session_token=spec.session_token,
        secure=parts.scheme == "https",
        region=region,
        http_client=pool,
    )
