"""π by throwing darts: sample (N workers) → reduce (1).

The darts belong to a fixed number of tasks, each with its own branch of the random sequence, so
that workers share tasks and the hits are the same for any number of workers. No input is read.
"""

from dags.pi.oracle import check, same
from dags.pi.workflow import answer, build, native, prepare

__all__ = ["answer", "build", "check", "native", "prepare", "same"]
