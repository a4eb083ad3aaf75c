"""How records get from the worker of their block to the worker of their partition.

Scattering gives each worker neighbouring pieces of an input, and objects are in the order of the
workers that wrote them. With all blocks in one input, the pieces of a partition would lie far
apart. So every block is an input of its own, with one object: an index, then one segment for each
partition. That object is cut between segments into as many pieces as there are workers, all
blocks at the same partitions. Each worker gets the same pieces of all blocks, which is all of its
partitions, and every record is downloaded once.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dags.terasort.records import RECORD, Records
from flexecutor_energy.workflow.chunking import ByteRange, ChunkSource

_NUMBER = 8  # bytes of an offset in the index, and of the count before a segment


def data_id(block: int) -> str:
    """Return the name of the data that holds a partitioned block."""
    return f"terasort/shuffle/{block:03d}"


def shares(partitions: int, workers: int, worker: int) -> range:
    """Return the partitions of one worker."""
    return range(partitions * worker // workers, partitions * (worker + 1) // workers)


def write_block(path: str, segments: list[Records]) -> None:
    """Write a block: where each segment starts and the last ends, then the segments.

    Each begins with its number of records, so that no piece of the object is ever empty.
    """
    index_bytes = _NUMBER * (len(segments) + 1)
    sizes = [_NUMBER + segment.nbytes for segment in segments]
    offsets = itertools.accumulate(sizes, initial=index_bytes)
    with Path(path).open("wb") as file:
        file.write(np.array(list(offsets), dtype="<u8").tobytes())
        for segment in segments:
            file.write(len(segment).to_bytes(_NUMBER, "little"))
            file.write(segment.tobytes())


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


def read_segments(path: str) -> Iterator[Records]:
    """Yield the segments of a piece, none of which is in memory before it is looked at."""
    content = np.memmap(path, dtype=np.uint8, mode="r")
    place = 0
    while place < len(content):
        count = int.from_bytes(content[place : place + _NUMBER].tobytes(), "little")
        start, place = place + _NUMBER, place + _NUMBER + count * RECORD.itemsize
        yield content[start:place].view(RECORD)
