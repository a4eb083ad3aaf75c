"""Keys, byte ranges and listings: what every kind of store agrees on."""

import re
from collections.abc import Iterator
from typing import Any

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.storage.location import ObjectRef

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")


def checked_bucket(bucket: str) -> str:
    """Return ``bucket`` if it can be the name of a bucket.

    Raises
    ------
    ConfigurationError
        No store takes it; some clients crash on it.
    """
    if not _BUCKET.fullmatch(bucket) or ".." in bucket:
        raise ConfigurationError(
            f"{bucket!r} cannot be the name of a bucket: it takes 3 to 63 letters, digits, "
            "hyphens and dots, with a letter or digit at both ends"
        )
    return bucket


def checked_key(key: str) -> str:
    """Return ``key`` if every kind of store can hold it under that name.

    Raises
    ------
    ConfigurationError
        Some store would refuse it, or silently change it.
    """
    parts = key.split("/")
    unprintable = any(ord(letter) < 32 or ord(letter) == 127 for letter in key)
    if unprintable or "\\" in key or any(part in {"", ".", ".."} for part in parts):
        raise ConfigurationError(
            f"{key!r} cannot be the key of an object: parts between slashes must not be empty, "
            "'.' or '..', and backslashes and control characters are not portable"
        )
    return key


def is_empty_range(start: int, end: int) -> bool:
    """Return whether the range from ``start`` to before ``end`` holds no byte.

    Raises
    ------
    ConfigurationError
        It is no range.
    """
    if not 0 <= start <= end:
        raise ConfigurationError(f"byte range ({start}, {end}) must have 0 <= start <= end")
    return start == end


def reference(bucket: str, meta: Any) -> ObjectRef:
    """Return the object that an entry of a listing describes."""
    return ObjectRef(bucket, meta["path"], meta["size"], etag_of(meta["e_tag"]))


def etag_of(quoted: str | None) -> str | None:
    """Return the fingerprint in a store's answer without the quotes around it."""
    return quoted.strip('"') if quoted else None


def without_markers(refs: list[ObjectRef]) -> list[ObjectRef]:
    """Drop the empty objects whose key is the folder of another: some tools make them."""
    folders = {ref.key[:cut] for ref in refs for cut in _slashes(ref.key)}
    return [ref for ref in refs if ref.size_bytes or ref.key not in folders]


def _slashes(key: str) -> Iterator[int]:
    return (place for place, letter in enumerate(key) if letter == "/")
