"""A picture of the counts, as a PNG file: compressed indices into a table of colours."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_INDEXED = 3  # colour type


def png(counts: npt.NDArray[np.uint16], limit: int) -> bytes:
    """Return the picture: black where points stay, coloured by the logarithm of their steps.

    Parameters
    ----------
    counts : array (height, width), steps from 0 to ``limit``
    """
    import numpy as np

    colour_of = 1 + (254 * np.log1p(np.arange(limit + 1)) / np.log1p(limit)).astype(np.uint8)
    colour_of[limit] = 0
    height, width = counts.shape
    filters = np.zeros((height, 1), dtype=np.uint8)  # before each row: its bytes are as they are
    rows = np.hstack([filters, colour_of[counts]]).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, _INDEXED, 0, 0, 0)
    return b"".join(
        [
            _SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", _colours()),
            _chunk(b"IDAT", zlib.compress(rows)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def _colours() -> bytes:
    """Return 256 colours: black, then from dark blue over white to dark brown."""
    import numpy as np

    t = np.linspace(0.02, 0.98, 255)[:, None]
    colours = 255 * np.sin(np.pi * t ** np.array([1.4, 1.0, 0.6])) ** 2
    table: bytes = colours.astype(np.uint8).tobytes()
    return bytes(3) + table
