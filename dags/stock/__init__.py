"""What shares may be worth: estimate (1) → forecast paths (N workers) → quantiles (1).

Drift, spread and correlation of four shares are estimated from their daily closes; paths of a
geometric Brownian motion start from there. The paths belong to a fixed number of blocks, each
with its own branch of the random sequence, so that their values are the same for any number of
workers. Most of the work is drawing random numbers, which workers share evenly.

The closes are those of ``bokeh-sampledata`` (extra ``stock``): in the public domain, to March
2013.
"""

from dags.stock.oracle import check, same
from dags.stock.workflow import answer, build, native, prepare

__all__ = ["answer", "build", "check", "native", "prepare", "same"]
