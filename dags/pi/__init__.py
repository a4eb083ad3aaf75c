"""π by throwing darts: sample (N workers) → reduce (1).

The darts belong to a fixed number of tasks, each with its own branch of the random sequence, so
that workers share tasks and the hits are the same for any number of workers.

Data: none is read; the darts are drawn by NumPy's generator.

What it is bound by: the processor, and evenly so: sample draws random numbers and keeps a few
megabytes of them at a time, reads nothing and writes a line. On two cores of a shared host it
took 1.6 s of CPU with one worker, 1.7 with two and 1.8 with four, each of which imports NumPy
(0.1 s); a second core of one worker is no help, as NumPy draws on one thread. Starting workers
outweighs reduce.

Oracle: the hits of each task lie within five standard deviations of what the area says, and all
together within three.
"""

from dags.pi.oracle import check, same
from dags.pi.workflow import SPACE, answer, build, native, prepare

__all__ = ["DATA", "EXTRAS", "SPACE", "answer", "build", "check", "native", "prepare", "same"]

DATA = "none: random darts"
EXTRAS: tuple[str, ...] = ()
