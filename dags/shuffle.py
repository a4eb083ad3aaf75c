"""How rows get from the worker that read them to the worker of their partition.

Scattering gives each worker neighbouring pieces of an input, and objects are in the order of the
workers that wrote them: with all of them in one input, the pieces of a partition would lie far
apart. So what is written for all partitions by one piece of the input, a *block*, is data of its
own with one object: an index, then one segment for each partition. That object is cut between
segments into as many pieces as there are workers, all blocks at the same partitions. Each worker
gets the same pieces of all blocks, which is all of its partitions, and each byte is downloaded
once. Data with one object for each partition, in order, are scattered alike.
"""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from flexecutor_energy.workflow.chunking import ByteRange, ChunkSource

_NUMBER = 8  # bytes of an offset in the index, and of the length before a segment


def shares(pieces: int, workers: int, worker: int) -> range:
    """Return the numbers of the pieces, or partitions, that one worker gets."""
    return range(pieces * worker // workers, pieces * (worker + 1) // workers)


def write_block(path: str, segments: Sequence[bytes]) -> None:
    """Write a block: where each segment starts and the last ends, then the segments.

    Each begins with its length, so that no piece of the object is ever empty.
    """
    index_bytes = _NUMBER * (len(segments) + 1)
    sizes = (_NUMBER + len(segment) for segment in segments)
    with Path(path).open("wb") as file:
        for offset in itertools.accumulate(sizes, initial=index_bytes):
            file.write(offset.to_bytes(_NUMBER, "little"))
        for segment in segments:
            file.write(len(segment).to_bytes(_NUMBER, "little"))
            file.write(segment)


def cut_between_partitions(
    source: ChunkSource, pieces: int, *, partitions: int
) -> list[ByteRange]:
    """Cut a block for ``pieces`` workers: a chunking strategy."""
    index = source.read(0, _NUMBER * (partitions + 1))
    offsets = [
        int.from_bytes(index[place : place + _NUMBER], "little")
        for place in range(0, len(index), _NUMBER)
    ]
    workers = min(pieces, partitions)
    own = [shares(partitions, workers, worker) for worker in range(workers)]
    return [ByteRange(offsets[share.start], offsets[share.stop]) for share in own]


def read_segments(path: str) -> Iterator[bytes]:
    """Yield the segments of a piece, each read when it is asked for.

    Raises
    ------
    ValueError
        The piece ends within a segment.
    """
    with Path(path).open("rb") as file:
        while head := file.read(_NUMBER):
            length = int.from_bytes(head, "little")
            segment = file.read(length)
            if len(head) < _NUMBER or len(segment) < length:
                raise ValueError(f"{path} ends within a segment of {length} bytes")
            yield segment
