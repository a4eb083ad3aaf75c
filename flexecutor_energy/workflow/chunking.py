"""Cutting one object into pieces that workers can process on their own.

A piece is a byte range, so nothing is copied or uploaded again: a worker downloads its range
only. A strategy is a function of an object (its size, and a way to read a few bytes of it) and
of the number of pieces wanted. It returns ranges that cover the object once; it may return fewer
than asked for, and then fewer workers run.
"""

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from flexecutor_energy.errors import ConfigurationError

_SCAN_BYTES = 64 * 1024


class ChunkerType(Enum):
    """When data is cut: before the run by byte ranges, or by dataplug on the fly."""

    STATIC = 1
    DYNAMIC = 2


ChunkerTypeEnum = ChunkerType  # Flexecutor's name


class ChunkSource(Protocol):
    """An object that is to be cut."""

    @property
    def size_bytes(self) -> int:
        """Size of the object."""

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from ``start`` up to, not including, ``end``."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes ``start`` to ``end`` (exclusive), preceded by the first ``header_bytes`` bytes.

    The header is what every piece needs to be read alone, such as the names line of a CSV file.
    """

    start: int
    end: int
    header_bytes: int = 0


ChunkingStrategy = Callable[[ChunkSource, int], Sequence[ByteRange]]


def fixed_size(source: ChunkSource, pieces: int, *, record_bytes: int = 1) -> list[ByteRange]:
    """Cut into equal pieces, each a whole number of records of ``record_bytes`` bytes."""
    if record_bytes < 1:
        raise ConfigurationError(f"record_bytes must be at least 1, got {record_bytes}")
    records = -(-source.size_bytes // record_bytes)
    cuts = [records * i // pieces * record_bytes for i in range(pieces + 1)]
    cuts[-1] = source.size_bytes
    return _ranges(cuts)


def text_lines(source: ChunkSource, pieces: int) -> list[ByteRange]:
    """Cut after line ends only, near equal sizes; a line is never split."""
    return _ranges(_line_cuts(source, 0, pieces))


def csv_rows(source: ChunkSource, pieces: int) -> list[ByteRange]:
    """Cut a CSV file with one header line between rows; every piece starts with the header.

    Rows must not hold line ends inside quotes.
    """
    if not source.size_bytes:
        return []
    header = _next_line(source, 0)
    ranges = _ranges(_line_cuts(source, header, pieces))
    if not ranges:  # a header without rows is one piece, so that a worker sees the empty table
        return [ByteRange(header, header, header)]
    return [ByteRange(r.start, r.end, header) for r in ranges]


def _line_cuts(source: ChunkSource, first: int, pieces: int) -> list[int]:
    length = source.size_bytes - first
    wanted = [first + length * i // pieces for i in range(1, pieces)]
    inner = [_next_line(source, max(cut - 1, first)) for cut in wanted]
    return [first, *inner, source.size_bytes]


def _next_line(source: ChunkSource, start: int) -> int:
    """Return the offset just after the first line end at or after ``start``."""
    while start < source.size_bytes:
        end = min(start + _SCAN_BYTES, source.size_bytes)
        found = source.read(start, end).find(b"\n")
        if found >= 0:
            return start + found + 1
        start = end
    return source.size_bytes


def _ranges(cuts: Sequence[int]) -> list[ByteRange]:
    edges = sorted(set(cuts))
    return [ByteRange(a, b) for a, b in itertools.pairwise(edges)]


_BY_NAME: dict[str, ChunkingStrategy] = {
    "fixed": fixed_size,
    "lines": text_lines,
    "text": text_lines,
    "csv": csv_rows,
}


@dataclass(frozen=True, slots=True, init=False)
class Chunker:
    """How the objects of one input are cut.

    Parameters
    ----------
    chunker_type : ``ChunkerType.STATIC``; ``DYNAMIC`` needs dataplug and is not available yet
    chunking_strategy : ``"lines"``, ``"csv"``, ``"fixed"`` or a function of
        (source, pieces) that returns byte ranges
    pieces : a fixed number of pieces for the whole input; None cuts one for each worker.
        A fixed number makes the answer of a workflow independent of the worker count where
        the function treats the ends of a piece specially.
    record_bytes : for ``"fixed"``: pieces hold whole records of this many bytes
    strategy : the name that early Flexecutor versions gave to ``chunking_strategy``
    """

    chunker_type: ChunkerType
    chunking_strategy: ChunkingStrategy
    pieces: int | None

    def __init__(
        self,
        chunker_type: ChunkerType = ChunkerType.STATIC,
        chunking_strategy: ChunkingStrategy | str | None = None,
        *,
        pieces: int | None = None,
        record_bytes: int = 1,
        strategy: ChunkingStrategy | str | None = None,
    ) -> None:
        chosen = chunking_strategy if chunking_strategy is not None else strategy
        if chunker_type is not ChunkerType.STATIC:
            raise ConfigurationError(
                "dynamic chunking (dataplug) is not available; use ChunkerType.STATIC with "
                "'lines', 'csv', 'fixed' or a function of your own"
            )
        if isinstance(chosen, str):
            chosen = _named(chosen)
        if chosen is None or not callable(chosen):
            raise ConfigurationError(
                "a chunker needs a chunking_strategy: 'lines', 'csv', 'fixed' or a function"
            )
        if pieces is not None and pieces < 1:
            raise ConfigurationError(f"pieces must be at least 1, got {pieces}")
        if record_bytes != 1:
            if chosen is not fixed_size:
                raise ConfigurationError("record_bytes goes with the strategy 'fixed' only")
            chosen = functools.partial(fixed_size, record_bytes=record_bytes)
        object.__setattr__(self, "chunker_type", chunker_type)
        object.__setattr__(self, "chunking_strategy", chosen)
        object.__setattr__(self, "pieces", pieces)

    def cut(self, source: ChunkSource, pieces: int) -> list[ByteRange]:
        """Return the byte ranges of one object, without empty or overlapping ones.

        Raises
        ------
        ConfigurationError
            The strategy returned ranges outside the object or overlapping each other.
        """
        ranges = list(self.chunking_strategy(source, pieces))
        reached = 0
        for piece in ranges:
            inside = reached <= piece.start <= piece.end <= source.size_bytes
            if not inside or not 0 <= piece.header_bytes <= piece.start:
                raise ConfigurationError(
                    f"the chunking strategy returned bytes {piece.start}–{piece.end} of an object "
                    f"of {source.size_bytes} bytes after reaching {reached}, with "
                    f"{piece.header_bytes} bytes of header; ranges must follow each other inside "
                    "the object, and headers lie before them"
                )
            reached = piece.end
        return ranges


def _named(name: str) -> ChunkingStrategy:
    try:
        return _BY_NAME[name]
    except KeyError:
        raise ConfigurationError(
            f"unknown chunking strategy {name!r}; known: {', '.join(sorted(_BY_NAME))}"
        ) from None
