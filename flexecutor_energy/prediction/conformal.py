"""Intervals and bounds from held-out errors, without assuming how errors are distributed.

Errors are ratios measured/predicted, in logarithms, so that no interval goes below zero.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.prediction.rows import FloatArray
from flexecutor_energy.quantities import Interval

# Where nothing was measured twice in a whole workflow, no spread can be told from data. Then a
# run may be this many times longer or shorter: the widest held-out ratio, rounded up, on the
# reference profiles in profiles/reference (benchmarks/prediction.py prints it).
UNMEASURED_RATIO = 2.5
# With fewer runs than this, not even a 90 % bound has a rank of its own.
FEW_RUNS = 9
# the level for which errors of few configurations are widened
_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Bound:
    """A factor that a prediction times it should not be exceeded by.

    Attributes
    ----------
    factor : at least 1
    runs : held-out runs it rests on
    enough : whether that many runs can support the confidence asked for; if not, ``factor`` is
        the widest that was seen
    """

    factor: float
    runs: int
    enough: bool


@dataclass(frozen=True, slots=True)
class Band:
    """An interval for a single run.

    Attributes
    ----------
    interval : where the run should lie
    runs : held-out runs it rests on
    enough : whether that many runs can support its level; if not, it is the widest there is
    """

    interval: Interval
    runs: int
    enough: bool


def check_confidence(confidence: float) -> None:
    """Raise ConfigurationError unless a confidence lies between 0 and 1."""
    if not 0 < confidence < 1:
        raise ConfigurationError(f"confidence must lie between 0 and 1, got {confidence!r}")


def needed_runs(level: float) -> int:
    """Return how many held-out runs a bound at this level needs: 9 for 90 %, 19 for 95 %."""
    return math.ceil(level / (1 - level) - 1e-9)


def stretch_of_few(configurations: int) -> float:
    """Return by what power held-out ratios are widened where they come from so few.

    Repetitions share the error of their configuration, so what counts is how many of these there
    are. Were logarithms of errors normal about zero, the 95 % interval of the next of m
    configurations would be Student's t with m degrees of freedom times √(1 + 1/m), and not the
    normal one: 2.7 times as wide for two, 1.9 for three, 1.2 for nine. From the 19 on that
    support 95 % by themselves it is 1.
    """
    m = configurations
    if not 2 <= m < needed_runs(_LEVEL):
        return 1.0
    quantile = (1 + _LEVEL) / 2
    return float(stdtrit(m, quantile) * math.sqrt(1 + 1 / m) / ndtri(quantile))


def upper_bound(ratios: FloatArray, level: float) -> Bound:
    """Return the factor that measured/predicted stays below with probability ``level``.

    The ⌈(m + 1)·level⌉-th smallest of m held-out ratios (split conformal prediction: Vovk,
    Gammerman and Shafer, Algorithmic Learning in a Random World, 2005), never below 1.
    """
    known = np.sort(ratios[~np.isnan(ratios)])
    if len(known) == 0:
        return Bound(UNMEASURED_RATIO, 0, enough=False)
    rank = math.ceil((len(known) + 1) * level - 1e-9)
    enough = rank <= len(known)
    factor = float(known[min(rank, len(known)) - 1])
    return Bound(max(factor, 1.0), len(known), enough)


def band(mean: float, base: FloatArray, drawn: FloatArray, level: float) -> Band:
    """Return the interval that should hold one run.

    The jackknife+ of Barber, Candès, Ramdas and Tibshirani (Annals of Statistics, 2021) in
    logarithms: each held-out run puts its error around the prediction of *the models that did
    not see it*, so that the band widens where those disagree.

    Parameters
    ----------
    mean : prediction of the model fitted on everything
    base : array (runs,), predictions of the same point by the models that did not see each run
    drawn : array (runs,), the same with the errors of that run; NaN where unmeasured
    level : share of runs that the interval should hold
    """
    known = ~np.isnan(base) & ~np.isnan(drawn)
    if not mean > 0:
        return Band(Interval.exact(mean, level), 0, enough=True)
    if not np.any(known):
        guess = Interval(mean, mean / UNMEASURED_RATIO, mean * UNMEASURED_RATIO, level)
        return Band(guess, 0, enough=False)
    center, away = np.log(base[known]), np.abs(np.log(drawn[known] / base[known]))
    count = len(center)
    rank = math.ceil((count + 1) * level - 1e-9)
    enough = rank <= count
    rank = min(rank, count)
    low = np.sort(center - away)[count - rank]
    high = np.sort(center + away)[rank - 1]
    interval = Interval(mean, min(math.exp(low), mean), max(math.exp(high), mean), level)
    return Band(interval, count, enough)
