"""The records: how they are made, where they belong, and what is said of sorted ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

Records = npt.NDArray[np.void]
Keys = npt.NDArray[np.bytes_]

# NumPy takes the NULs at the end of a text for padding, which changes nothing in the order of
# keys of one length
RECORD = np.dtype([("key", "S10"), ("row", ">u8"), ("filler", "V82")])
_RAW = np.dtype(f"V{RECORD.itemsize}")
_WORDS = RECORD.itemsize // 4
_WEIGHTS = np.random.SeedSequence(100).generate_state(_WORDS, np.uint64) | np.uint64(1)
_MODULUS = 1 << 64
_SAMPLED = 256  # keys of each block, or as many as there are partitions


def block_rows(records: int, blocks: int, block: int) -> range:
    """Return the numbers of the records of a block; blocks differ by one record at most."""
    return range(records * block // blocks, records * (block + 1) // blocks)


def block_of(records: int, blocks: int, row: int) -> int:
    """Return the block that holds the record of this number."""
    return ((row + 1) * blocks - 1) // records


def block_records(records: int, blocks: int, block: int, seed: int) -> Records:
    """Make a block: random keys and fillers, and the number of each record."""
    rows = block_rows(records, blocks, block)
    # the child that SeedSequence(seed).spawn would give this block, without making the others
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(block,)))
    words = generator.integers(0, 1 << 32, len(rows) * _WORDS, dtype=np.uint32)
    made: Records = words.astype("<u4", copy=False).view(RECORD)
    made["row"] = np.arange(rows.start, rows.stop)
    return made


def sampled_keys(block: Records, partitions: int) -> Keys:
    """Return the keys of a block's first records; as keys are random, these are a fair sample."""
    return np.ascontiguousarray(block["key"][: max(_SAMPLED, partitions)])


def splitters(sampled: Keys, partitions: int) -> Keys:
    """Return the least key of each partition but the first: quantiles of sampled keys.

    Raises
    ------
    ValueError
        The sample has too few keys for so many partitions.
    """
    ordered = np.sort(sampled)
    places = np.arange(1, partitions) * len(ordered) // partitions
    edges = ordered[places]
    if not bool((np.concatenate([ordered[:1], edges[:-1]]) < edges).all()):
        raise ValueError(f"{len(ordered)} sampled keys do not tell {partitions} partitions apart")
    return edges


def partition_of(keys: Keys, edges: Keys) -> npt.NDArray[np.intp]:
    """Return the partition of each key."""
    return np.searchsorted(edges, keys, side="right")


def segments(block: Records, edges: Keys) -> list[Records]:
    """Return the records of each partition, in the order in which they came."""
    where = partition_of(block["key"], edges)
    order = np.argsort(where, kind="stable")
    grouped = _taken(block, order)
    cuts = np.searchsorted(where[order], np.arange(1, len(edges) + 1))
    return np.split(grouped, cuts)


def joined(parts: Iterable[Records]) -> Records:
    """Return records one after another, byte by byte.

    Joined as records of several fields, NumPy would turn numbers into the byte order of the host.
    """
    raw = np.concatenate([part.view(_RAW) for part in parts])
    together: Records = raw.view(RECORD)
    return together


def in_order(records: Records) -> Records:
    """Return records by key; records of one key stay in the order in which they came."""
    return _taken(records, np.argsort(records["key"], kind="stable"))


def _taken(records: Records, order: npt.NDArray[np.intp]) -> Records:
    """Return records in an order, each copied as a whole and not field by field."""
    taken: Records = records.view(_RAW)[order].view(RECORD)
    return taken


def checksum(records: Records) -> int:
    """Return the sum of 64-bit hashes of all records, whatever their order."""
    words = np.ascontiguousarray(records).view("<u4").reshape(-1, _WORDS)
    hashes = words.astype(np.uint64) @ _WEIGHTS
    hashes ^= hashes >> np.uint64(32)
    hashes *= np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ over the golden ratio, as in Fibonacci hashing
    hashes ^= hashes >> np.uint64(29)
    return int(hashes.sum(dtype=np.uint64))


def summary(parts: Iterable[Records]) -> dict[str, Any]:
    """Return the answer from the sorted partitions, in order, each looked at once."""
    counts, firsts, lasts, checksums = [], [], [], []
    inversions = 0
    for part in parts:
        keys = part["key"]
        inversions += int(np.count_nonzero(keys[1:] < keys[:-1]))
        counts.append(len(part))
        firsts.append(key_text(keys[0]))
        lasts.append(key_text(keys[-1]))
        checksums.append(checksum(part))
    inversions += sum(last > first for last, first in zip(lasts[:-1], firsts[1:], strict=True))
    return {
        "records": sum(counts),
        "checksum": checksum_text(sum(checksums)),
        "inversions": inversions,
        "part_records": counts,
        "part_first": firsts,
        "part_last": lasts,
        "part_checksum": [checksum_text(part) for part in checksums],
    }


def key_text(key: bytes) -> str:
    """Return a key in hexadecimal digits, which are in the order of the keys."""
    return key.ljust(10, b"\0").hex()


def checksum_text(total: int) -> str:
    """Return a checksum, or a sum of them, in hexadecimal digits."""
    return f"{total % _MODULUS:016x}"
