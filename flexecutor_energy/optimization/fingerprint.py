"""A hash of plain data, so that a proof or a plan names what it is about."""

import hashlib
import json
from typing import Any


def fingerprint(data: Any) -> str:
    """Return the SHA-256 of the canonical JSON of plain data (no NaN, no infinity)."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
