"""The sorting workflow, its answer, and the same computation in one process."""

import functools
from pathlib import Path
from typing import Any

import numpy as np

from dags.answers import FinishedRun, final_answer
from dags.shuffle import cut_between_partitions
from dags.sizes import Size, resolve
from dags.terasort import records, stages
from dags.terasort.knobs import PRESETS, Knobs
from flexecutor_energy import DAG, Chunker, FlexData, ReadStrategy, Stage


def build(size: Size = "small", workspace: Path | str | None = None) -> DAG:
    """Return the workflow generate → sample → partition → sort → validate."""
    knobs = resolve(size, PRESETS)
    generate, sample, partition, sort, validate = _stages(knobs)
    generate >> [sample, partition]
    sample >> partition >> sort >> validate
    dag = DAG("terasort", workspace=workspace)
    dag.add_stages([generate, sample, partition, sort, validate])
    return dag


def prepare(
    size: Size = "small", workspace: Path | str | None = None, storage: Any = None
) -> None:
    """Check the size; the records are made by the first stage."""
    del workspace, storage
    resolve(size, PRESETS)


def answer(run: FinishedRun) -> dict[str, Any]:
    """Return count, order and checksum of the sorted records, in all and by partition."""
    return final_answer(run, "validate")


def native(size: Size = "small", workspace: Path | str | None = None) -> dict[str, Any]:
    """Return the answer, computed in this process alone, by one sort of all records."""
    del workspace
    knobs = resolve(size, PRESETS)
    blocks = [
        records.block_records(knobs.records, knobs.blocks, block, knobs.seed)
        for block in range(knobs.blocks)
    ]
    picked = [records.sampled_keys(block, knobs.partitions) for block in blocks]
    edges = records.splitters(np.concatenate(picked), knobs.partitions)
    ordered = records.in_order(records.joined(blocks))
    cuts = np.searchsorted(ordered["key"], edges, side="left")
    return records.summary(np.split(ordered, cuts))


def _stages(knobs: Knobs) -> tuple[Stage, Stage, Stage, Stage, Stage]:
    made = FlexData("terasort/records", suffix=".dat")
    keys = FlexData("terasort/keys", suffix=".dat")
    edges = FlexData("terasort/splitters", read_strategy=ReadStrategy.BROADCAST, suffix=".npy")
    strategy = functools.partial(cut_between_partitions, partitions=knobs.partitions)
    shuffled = [
        FlexData(
            stages.block_id(block), chunker=Chunker(chunking_strategy=strategy), suffix=".dat"
        )
        for block in range(knobs.blocks)
    ]
    ordered = FlexData("terasort/sorted", suffix=".dat")
    answers = FlexData("terasort/answer", suffix=".json")
    blocks = {"records": knobs.records, "blocks": knobs.blocks}
    partitions = {"partitions": knobs.partitions}
    return (
        Stage("generate", stages.generate, [], [made, keys],
              {**blocks, **partitions, "seed": knobs.seed}, max_concurrency=knobs.blocks),
        Stage("sample", stages.sample, [keys], [edges], partitions, max_concurrency=1),
        Stage("partition", stages.partition, [made, edges], shuffled, blocks,
              max_concurrency=knobs.blocks),
        Stage("sort", stages.sort, shuffled, [ordered],
              {**partitions, "blocks": knobs.blocks}, max_concurrency=knobs.partitions),
        Stage("validate", stages.validate, [ordered], [answers], max_concurrency=1),
    )  # fmt: skip
