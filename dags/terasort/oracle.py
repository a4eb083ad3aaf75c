"""What an answer of the sorting workflow must be.

The records are made again, and each is counted in the partition that its key belongs to; nothing
is sorted or moved for that. What is sorted and holds as many records with the same checksum is
the sorted input.
"""

import re
from typing import Any

import numpy as np

from dags.answers import require, require_fields, require_type, same_when_sound
from dags.sizes import Size, resolve
from dags.terasort import records
from dags.terasort.knobs import PRESETS, Knobs

_FIELDS = {
    "records": int,
    "checksum": str,
    "inversions": int,
    "part_records": list,
    "part_first": list,
    "part_last": list,
    "part_checksum": list,
}
_KEY_DIGITS, _CHECKSUM_DIGITS = 20, 16


def same(a: Any, b: Any) -> bool:
    """Return whether two answers are sound in themselves and equal."""
    return same_when_sound(a, b, _require_sound)


def check(answer: Any, size: Size) -> None:
    """Raise an AssertionError that names what is wrong with an answer of this size."""
    knobs = resolve(size, PRESETS)
    _require_sound(answer)
    parts = len(answer["part_records"])
    require(parts == knobs.partitions, f"{parts} partitions answered, not {knobs.partitions}")
    inversions = answer["inversions"]
    require(inversions == 0, f"{inversions} records are followed by one of a smaller key")
    for name, true in unsorted_answer(knobs).items():
        found = answer[name]
        if isinstance(true, list):
            place = next((i for i in range(parts) if found[i] != true[i]), 0)
            name, found, true = f"{name} of partition {place}", found[place], true[place]
        require(found == true, f"{name} is {found}, not {true}")


def unsorted_answer(knobs: Knobs) -> dict[str, Any]:
    """Return what the input says the answer must be, from one look at each block."""
    edges = _splitters(knobs)
    counts, checksums = [0] * knobs.partitions, [0] * knobs.partitions
    keys: list[list[bytes]] = [[] for _ in counts]
    for number in range(knobs.blocks):
        block = _block(knobs, number)
        where = records.partition_of(block["key"], edges)
        for part in range(knobs.partitions):
            own = block[where == part]
            if len(own):
                counts[part] += len(own)
                checksums[part] += records.checksum(own)
                own_keys = own["key"].tolist()
                keys[part] += [min(own_keys), max(own_keys)]
    return {
        "records": sum(counts),
        "checksum": records.checksum_text(sum(checksums)),
        "part_records": counts,
        "part_first": [records.key_text(min(ends)) for ends in keys],
        "part_last": [records.key_text(max(ends)) for ends in keys],
        "part_checksum": [records.checksum_text(part) for part in checksums],
    }


def _block(knobs: Knobs, number: int) -> records.Records:
    return records.block_records(knobs.records, knobs.blocks, number, knobs.seed)


def _splitters(knobs: Knobs) -> records.Keys:
    picked = [
        records.sampled_keys(_block(knobs, number), knobs.partitions)
        for number in range(knobs.blocks)
    ]
    return records.splitters(np.concatenate(picked), knobs.partitions)


def _require_sound(answer: Any) -> None:
    require_fields(answer, _FIELDS)
    counts = answer["part_records"]
    require(len(counts) > 0, "no partition answered")
    for part, count in enumerate(counts):
        require_type(f"the records of partition {part}", count, int)
        require(count > 0, f"partition {part} has {count} records")
    total = answer["records"]
    require(total == sum(counts), f"{total} records are not the sum of the partitions'")
    require(answer["inversions"] >= 0, f"{answer['inversions']} inversions cannot be")
    for name, digits in (
        ("part_first", _KEY_DIGITS),
        ("part_last", _KEY_DIGITS),
        ("part_checksum", _CHECKSUM_DIGITS),
    ):
        require(len(answer[name]) == len(counts), f"{name} has {len(answer[name])} entries")
        for part, text in enumerate(answer[name]):
            _require_digits(f"{name} of partition {part}", text, digits)
    _require_digits("checksum", answer["checksum"], _CHECKSUM_DIGITS)
    checksums = sum(int(text, 16) for text in answer["part_checksum"])
    require(
        answer["checksum"] == records.checksum_text(checksums),
        f"the checksum {answer['checksum']} is not the sum of the partitions'",
    )


def _require_digits(what: str, text: Any, digits: int) -> None:
    require_type(what, text, str)
    fits = re.fullmatch(f"[0-9a-f]{{{digits}}}", text)
    require(fits is not None, f"{what} is {text!r}, not {digits} hexadecimal digits")
