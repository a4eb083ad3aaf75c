"""The Mandelbrot set: tile (N workers) → stitch (1).

The picture is cut into a fixed number of bands of rows, which workers share out among themselves
in turn. Counts of steps come together in one array, whose checksum is the answer; a picture of
them is written too.

Data: none is read.

What it is bound by: arithmetic, and unevenly so. A point takes as many steps as it stays near, so
that bands cost between nothing and the limit. On two cores of a shared host tile took 2.0 s of
CPU with one worker, 2.0 with two and 2.2 with four, in 40 MB; it moves 1.4 MB. stitch takes
0.13 s.

Oracle: the set is symmetric, and the points of its two largest disks are known; the rest of one
half is calculated again, and the whole array has to be the same to the bit.
"""

from dags.mandelbrot.oracle import check, same
from dags.mandelbrot.workflow import answer, build, native, prepare

__all__ = ["DATA", "EXTRAS", "answer", "build", "check", "native", "prepare", "same"]

DATA = "none: points of the plane"
EXTRAS: tuple[str, ...] = ()
