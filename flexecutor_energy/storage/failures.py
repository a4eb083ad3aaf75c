"""What object stores complain about, in this project's own words and without a secret."""

import re
from typing import NamedTuple

from flexecutor_energy.errors import (
    BucketMissingError,
    InputMissingError,
    StorageAccessError,
    StorageError,
    StorageUnreachableError,
)
from flexecutor_energy.storage.location import StoreSpec

_ERROR_CODE = re.compile(r"<Code>(\w+)</Code>")
_HTTP_STATUS = re.compile(r"status code: (\d{3} [A-Za-z ]+)")
_BUCKET_CODES = frozenset({"NoSuchBucket", "ContainerNotFound"})
_KEY_CODES = frozenset({"NoSuchKey", "BlobNotFound"})
_ACCESS_CODES = frozenset(
    {
        "AccessDenied",
        "AuthenticationFailed",
        "AuthorizationHeaderMalformed",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "InvalidTokenId",
        "SignatureDoesNotMatch",
    }
)
_CONNECTION_SIGNS = ("error sending request", "kind: Connect", "TimedOut", "NameResolution")
_DISK_SIGNS = ("StorageFull", "No space left", "InsufficientStorage", "os error 28")


class Attempt(NamedTuple):
    """What was tried on a store: ``verb`` is what could not be done, such as ``read``."""

    spec: StoreSpec
    verb: str
    bucket: str
    key: str = ""


def translate(error: Exception, attempt: Attempt, bucket_exists: bool = True) -> StorageError:
    """Return the error of this project that says what ``error`` says.

    Parameters
    ----------
    error : what the store's client raised
    attempt : what was tried
    bucket_exists : whether the bucket is known to be there, which an answer without a body
        ("404") leaves open

    Returns
    -------
    StorageError
        A leaf of it where the cause is known. Raise it ``from cause_of(error, …)``.
    """
    text = str(error)
    code = error_code(error)
    status = (_HTTP_STATUS.search(text) or [""])[0].removeprefix("status code: ")
    name = code or status or type(error).__name__
    if code in _BUCKET_CODES or (isinstance(error, FileNotFoundError) and not bucket_exists):
        return BucketMissingError(describe(attempt, "the bucket does not exist", _bucket_remedy()))
    if code in _KEY_CODES or isinstance(error, FileNotFoundError):
        return InputMissingError(
            describe(attempt, "the object does not exist", "check the bucket and the prefix")
        )
    if code in _ACCESS_CODES or status[:3] in {"401", "403"} or _says_denied(error):
        return StorageAccessError(
            describe(
                attempt,
                f"the credentials were refused ({name})",
                "check the access key, the secret key and what they may do",
            )
        )
    if any(sign in text for sign in _CONNECTION_SIGNS) or _says_unreachable(error):
        return StorageUnreachableError(
            describe(
                attempt,
                f"no answer ({_connection_problem(text, name)})",
                "check that the server runs and that the endpoint is right",
            )
        )
    if any(sign in text for sign in _DISK_SIGNS):
        return StorageError(describe(attempt, f"the disk is full ({name})", "free some space"))
    detail = attempt.spec.redact(text.split("\n\nDebug source", 1)[0].strip())
    return StorageError(describe(attempt, f"{name}: {detail}", "see the cause above"))


def cause_of(error: Exception, spec: StoreSpec) -> Exception | None:
    """Return ``error`` to be chained as the cause, or None where its text shows a credential."""
    text = f"{error} {error!r}"
    return error if spec.redact(text) == text else None


def error_code(error: Exception) -> str:
    """Return the store's own code of an error, such as ``NoSuchKey``, or ""."""
    code = getattr(error, "code", None)
    if isinstance(code, str):
        return code
    found = _ERROR_CODE.search(str(error))
    return found.group(1) if found else ""


def describe(attempt: Attempt, problem: str, remedy: str) -> str:
    """Return the sentence of an error: what could not be done, where, why, and what helps."""
    target = attempt.spec.url(attempt.bucket, attempt.key) if attempt.bucket else "the store"
    return f"could not {attempt.verb} {target} at {attempt.spec.place}: {problem}; {remedy}"


def _bucket_remedy() -> str:
    return "create it, or check its name (setting S3_BUCKET)"


def _says_denied(error: Exception) -> bool:
    return type(error).__name__ in {"PermissionDeniedError", "UnauthenticatedError"} or isinstance(
        error, PermissionError
    )


def _says_unreachable(error: Exception) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"MaxRetryError", "NewConnectionError", "TimeoutError", "ConnectionError"})


def _connection_problem(text: str, name: str) -> str:
    if "dns" in text.lower() or "NameResolution" in text:
        return "unknown host"
    if "Connection refused" in text or "ConnectionRefused" in text:
        return "connection refused"
    if "TimedOut" in text or "timed out" in text:
        return "timed out"
    return name
