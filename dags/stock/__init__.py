"""What shares may be worth: estimate (1) → forecast paths (N workers) → quantiles (1).

Drift, spread and correlation of four shares are estimated from their daily closes; paths of a
geometric Brownian motion start from there, a quarter of a year long. The paths belong to a fixed
number of blocks, each with its own branch of the random sequence, so that their values are the
same for any number of workers. quantiles says how each share, an even portfolio of them, and the
lowest value of that portfolio are spread.

Data: daily closes of AAPL, GOOG, IBM and MSFT from August 2004 to March 2013, which come with
``bokeh-sampledata`` 2026.1 (extra ``stock``; in the public domain), read by name and checksum.

What it is bound by: drawing random numbers, which workers share evenly. On two cores of a shared
host forecast took 1.9 s of CPU with one worker, 2.1 with two and 2.2 with four, and a second core
of one worker is no help. It writes 7 MB, which quantiles reads and sorts in 0.2 s; estimate takes
0.1 s.

Oracle: means and quantiles of each share agree with the closed form of its distribution, those of
the portfolio with a close approximation.
"""

from dags.stock.oracle import check, same
from dags.stock.workflow import answer, build, native, prepare

__all__ = ["DATA", "EXTRAS", "answer", "build", "check", "native", "prepare", "same"]

DATA = "daily closes of four shares, 2004-2013 (public domain)"
EXTRAS = ("stock",)
