"""Sorting records: generate (N workers) → sample (1) → partition (N) → sort (N) → validate (1).

The records are made in a fixed number of blocks and sorted in a fixed number of partitions, whose
bounds are taken from sampled keys, so that every stage writes the same for any number of workers.
Partitioning moves every record from the worker of its block to the worker of its partition.

Data: none is read; the first stage makes 50 MB of records of 100 bytes, with random keys of ten.

What it is bound by: what the object store and the workers' disks carry. All 50 MB are written and
read three times, and read once more. On two cores of a shared host the functions took 1.9 s of
CPU with one worker and about the same with four, of which sort 0.8 and partition 0.5; memory falls
from 130 MB a worker to 80 with four.

Oracle: the records are made again and counted in the partition of their key: sorted output with as
many records of the same checksum is the sorted input.
"""

from dags.terasort.oracle import check, same
from dags.terasort.workflow import answer, build, native, prepare

__all__ = ["DATA", "EXTRAS", "answer", "build", "check", "native", "prepare", "same"]

DATA = "made: records of 100 bytes"
EXTRAS: tuple[str, ...] = ()
