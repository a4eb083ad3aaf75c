"""The Mandelbrot set: tile (N workers) → stitch (1).

The picture is cut into a fixed number of bands of rows, which workers share out among themselves.
A point takes as many steps as it stays near, so that bands cost between nothing and the limit:
the workflow is bound by arithmetic, and unevenly so. No input is read.
"""

from dags.mandelbrot.oracle import check, same
from dags.mandelbrot.workflow import answer, build, native, prepare

__all__ = ["answer", "build", "check", "native", "prepare", "same"]
