"""What the workers of the sorting workflow run."""

import json
from pathlib import Path

import numpy as np

from dags.shuffle import read_segments, shares, write_block
from dags.terasort.records import (
    RECORD,
    block_of,
    block_records,
    in_order,
    joined,
    sampled_keys,
    segments,
    splitters,
    summary,
)
from flexecutor_energy.workflow.context import StageContext


def block_id(block: int) -> str:
    """Return the name of the data that holds a partitioned block."""
    return f"terasort/shuffle/{block:03d}"


def generate(context: StageContext) -> None:
    """Make this worker's blocks, and pick keys of each."""
    total, blocks = context.get_param("records"), context.get_param("blocks")
    for number in shares(blocks, context.num_workers, context.worker_id):
        block = block_records(total, blocks, number, context.get_param("seed"))
        block.tofile(context.next_output_path("terasort/records"))
        keys = sampled_keys(block, context.get_param("partitions"))
        keys.tofile(context.next_output_path("terasort/keys"))


def sample(context: StageContext) -> None:
    """Choose the bounds of the partitions from the keys picked."""
    picked = [np.fromfile(path, "S10") for path in context.get_input_paths("terasort/keys")]
    edges = splitters(np.concatenate(picked), context.get_param("partitions"))
    np.save(context.next_output_path("terasort/splitters"), edges)


def partition(context: StageContext) -> None:
    """Put the records of each of this worker's blocks in the order of their partitions."""
    edges = np.load(context.get_input_paths("terasort/splitters")[0])
    total, blocks = context.get_param("records"), context.get_param("blocks")
    for path in context.get_input_paths("terasort/records"):
        block = np.fromfile(path, RECORD)
        number = block_of(total, blocks, int(block["row"][0]))
        parts = [part.tobytes() for part in segments(block, edges)]
        write_block(context.next_output_path(block_id(number)), parts)


def sort(context: StageContext) -> None:
    """Sort this worker's partitions, one after another, into one file each."""
    blocks = [
        read_segments(path)
        for number in range(context.get_param("blocks"))
        for path in context.get_input_paths(block_id(number))
    ]
    partitions = context.get_param("partitions")
    mine = shares(partitions, context.num_workers, context.worker_id)
    for _, *parts in zip(mine, *blocks, strict=True):
        ordered = in_order(joined(np.frombuffer(part, RECORD) for part in parts))
        ordered.tofile(context.next_output_path("terasort/sorted"))


def validate(context: StageContext) -> None:
    """Look at all sorted records, a partition at a time, and write what they are."""
    paths = context.get_input_paths("terasort/sorted")
    answer = summary(np.memmap(path, RECORD, mode="r") for path in paths)
    Path(context.next_output_path("terasort/answer")).write_text(json.dumps(answer))
