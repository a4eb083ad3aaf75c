"""What stores complain about, in this project's words."""

import pytest

from flexecutor_energy.errors import (
    BucketMissingError,
    InputMissingError,
    StorageAccessError,
    StorageError,
    StorageUnreachableError,
)
from flexecutor_energy.storage.failures import Attempt, cause_of, translate
from flexecutor_energy.storage.location import StoreSpec

SPEC = StoreSpec(
    kind="s3", endpoint="http://minio:9000", access_key="some-access-key", secret_key="hush-hush"
)
ATTEMPT = Attempt(SPEC, "read", "bucket", "a/key")


def answer(status: str, code: str = "") -> Exception:
    """Return an error that reads like those of the data path."""
    body = f"<Error><Code>{code}</Code><Message>words</Message></Error>" if code else ""
    return OSError(f"Error performing GET - Server returned non-2xx status code: {status}: {body}")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (answer("404 Not Found", "NoSuchBucket"), BucketMissingError),
        (answer("404 Not Found", "NoSuchKey"), InputMissingError),
        (answer("403 Forbidden", "SignatureDoesNotMatch"), StorageAccessError),
        (answer("400 Bad Request", "ExpiredToken"), StorageAccessError),
        (answer("403 Forbidden"), StorageAccessError),
        (answer("401 Unauthorized"), StorageAccessError),
        (PermissionError("no"), StorageAccessError),
        (FileNotFoundError("nothing there"), InputMissingError),
        (
            OSError("error sending request: Connection refused"),
            StorageUnreachableError,
        ),
        (ConnectionError("reset"), StorageUnreachableError),
        (TimeoutError("slow"), StorageUnreachableError),
        (answer("507 Insufficient Storage", "XMinioStorageFull"), StorageError),
        (OSError("No space left on device"), StorageError),
        (ValueError("anything else"), StorageError),
    ],
)
def test_each_complaint_becomes_the_error_that_says_so(
    error: Exception, kind: type[StorageError]
) -> None:
    translated = translate(error, ATTEMPT)
    assert type(translated) is kind
    assert "s3://bucket/a/key" in str(translated)
    assert "http://minio:9000" in str(translated)


def test_a_bare_not_found_is_about_the_bucket_where_that_is_missing() -> None:
    error = FileNotFoundError("404")
    assert type(translate(error, ATTEMPT, bucket_exists=False)) is BucketMissingError


def test_the_store_s_own_code_is_shown() -> None:
    text = str(translate(answer("403 Forbidden", "InvalidAccessKeyId"), ATTEMPT))
    assert "InvalidAccessKeyId" in text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("error sending request: dns error: failed to lookup", "unknown host"),
        ("error sending request: Connection refused", "connection refused"),
        ("error sending request: TimedOut", "timed out"),
    ],
)
def test_an_unreachable_store_says_why(text: str, problem: str) -> None:
    assert f"no answer ({problem})" in str(translate(OSError(text), ATTEMPT))


def test_the_remedy_for_a_full_disk_is_named() -> None:
    assert "free some space" in str(translate(OSError("StorageFull"), ATTEMPT))


def test_secrets_that_a_store_repeats_reach_neither_message_nor_cause() -> None:
    error = ValueError("the token hush-hush of some-access-key is malformed")
    assert "hush-hush" not in str(translate(error, ATTEMPT))
    assert "some-access-key" not in str(translate(error, ATTEMPT))
    assert cause_of(error, SPEC) is None


def test_a_complaint_without_secrets_stays_as_the_cause() -> None:
    error = ValueError("harmless")
    assert cause_of(error, SPEC) is error


def test_the_inner_debug_text_of_the_data_path_is_left_out() -> None:
    error = ValueError("short words\n\nDebug source:\nGeneric { long }")
    assert "long" not in str(translate(error, ATTEMPT))
    assert "short words" in str(translate(error, ATTEMPT))
