"""Sorting records: generate (N workers) → sample (1) → partition (N) → sort (N) → validate (1).

The records are made in a fixed number of blocks and sorted in a fixed number of partitions, whose
bounds are taken from sampled keys, so that every stage writes the same for any number of workers.
Partitioning moves every record from the worker of its block to the worker of its partition: the
workflow is bound by what the object store and the workers' disks carry.
"""

from dags.terasort.oracle import check, same
from dags.terasort.workflow import answer, build, native, prepare

__all__ = ["answer", "build", "check", "native", "prepare", "same"]
