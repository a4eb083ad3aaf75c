"""What an answer of the stock workflow must be.

The value of a share after T days is log-normal, so its mean and its quantiles have a closed form,
and so has the mean of the portfolio. Its quantiles are compared with those of the log-normal
value with the same mean and variance (Fenton and Wilkinson's approximation of a sum), and its
lowest value with the reflection principle for that value, the barrier shifted because it is
looked at once a day (Broadie, Glasserman and Kou, 1997).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dags.answers import require, require_fields, require_type, same_when_sound
from dags.sizes import Size, resolve
from dags.stock.closes import PRESETS, TICKERS, Knobs, closes_csv
from dags.stock.stages import SHARES_OF_PATHS

_FIELDS = {"paths": int, "days": int, "means": dict, "quantiles": dict}
_NAMES = (*TICKERS, "portfolio", "lowest")
_MEAN_SIGMAS = 4.0
_QUANTILE_SIGMAS = 5.0  # there are 28 of them
_FAR_SIGMAS = 8.0  # no path of as many as a computer draws ends further out
_SHIFT = 0.5826  # −ζ(1/2)/√(2π), of the barrier in standard deviations of a day
_ROUNDING = 1e-6  # values are kept in single precision


@dataclass(frozen=True, slots=True)
class Lognormal:
    """A value whose logarithm is normal, as a multiple of today's.

    Attributes
    ----------
    drift, variance : of the logarithm, after all days
    days : how many these are
    """

    drift: float
    variance: float
    days: int

    @property
    def mean(self) -> float:
        """Expected value."""
        return math.exp(self.drift + self.variance / 2)

    def sigmas(self, value: float) -> float:
        """Return how far out a value is, in standard deviations of its logarithm."""
        return (math.log(value) - self.drift) / math.sqrt(self.variance)

    def share_below(self, value: float) -> float:
        """Return the probability of a value of at most this."""
        return _normal_share(self.sigmas(value))

    def share_with_lower(self, value: float) -> float:
        """Return the probability, to a few hundredths, of at most this at the end of some day."""
        sigma = math.sqrt(self.variance)
        barrier = math.log(value) - _SHIFT * sigma / math.sqrt(self.days)
        reflected = math.exp(2 * self.drift * barrier / self.variance)
        return _normal_share((barrier - self.drift) / sigma) + reflected * _normal_share(
            (barrier + self.drift) / sigma
        )


def same(a: Any, b: Any) -> bool:
    """Return whether two answers are sound in themselves and equal."""
    return same_when_sound(a, b, _require_sound)


def check(answer: Any, size: Size) -> None:
    """Raise an AssertionError that names what is wrong with an answer of this size."""
    knobs = resolve(size, PRESETS)
    _require_sound(answer)
    for name in ("paths", "days"):
        true = getattr(knobs, name)
        require(answer[name] == true, f"{answer[name]} {name} were drawn, not {true}")
    shares, portfolio, sigma = closed_forms(knobs)
    for name, value in shares.items():
        spread = value.mean * math.sqrt(math.expm1(value.variance))
        _require_mean(answer, name, value.mean, spread)
        _require_quantiles(answer, name, value, 0.0)
    _require_mean(answer, "portfolio", portfolio.mean, sigma)
    _require_quantiles(answer, "portfolio", portfolio, 0.01)
    _require_lowest(answer, portfolio)


def closed_forms(knobs: Knobs) -> tuple[dict[str, Lognormal], Lognormal, float]:
    """Return the value of each share, that of the portfolio, and its standard deviation."""
    lines = closes_csv().split()[1:]
    closes = np.array([line.split(",")[1:] for line in lines], dtype=float)
    changes = np.diff(np.log(closes[-knobs.window - 1 :]), axis=0)
    drift = changes.mean(axis=0) * knobs.days
    covariance = np.cov(changes, rowvar=False) * knobs.days
    means = np.exp(drift + np.diag(covariance) / 2)
    mean = float(means.mean())
    variance = float((np.outer(means, means) * np.expm1(covariance)).mean())
    log_variance = math.log1p(variance / mean**2)
    portfolio = Lognormal(math.log(mean) - log_variance / 2, log_variance, knobs.days)
    shares = {
        ticker: Lognormal(float(drift[i]), float(covariance[i, i]), knobs.days)
        for i, ticker in enumerate(TICKERS)
    }
    return shares, portfolio, math.sqrt(variance)


def _require_mean(answer: Any, name: str, mean: float, sigma: float) -> None:
    found = answer["means"][name]
    sigmas = abs(found - mean) / (sigma / math.sqrt(answer["paths"]))
    require(
        sigmas < _MEAN_SIGMAS,
        f"the mean of {name}, {found:.6g}, is {sigmas:.1f} standard deviations from the "
        f"{mean:.6g} expected, more than {_MEAN_SIGMAS:g}",
    )


def _require_quantiles(answer: Any, name: str, value: Lognormal, margin: float) -> None:
    for share, cut in zip(SHARES_OF_PATHS, answer["quantiles"][name], strict=True):
        _require_reached(name, cut, value)
        _require_share(answer, name, share, (cut, value.share_below(cut)), margin)


def _require_lowest(answer: Any, portfolio: Lognormal) -> None:
    """Compare what is known of the lowest value, which is 1 where the portfolio only gains."""
    margin = 0.01 + 0.15 / portfolio.days
    for share, cut in zip(SHARES_OF_PATHS, answer["quantiles"]["lowest"], strict=True):
        _require_reached("lowest", cut, portfolio)
        expected = portfolio.share_with_lower(cut)
        if cut < 1.0 or share < expected:
            _require_share(answer, "lowest", share, (cut, expected), margin)
    steps = (np.arange(1_000) + 0.5) / 1_000
    mean = 1.0 - sum(portfolio.share_with_lower(step) for step in steps.tolist()) / len(steps)
    found = answer["means"]["lowest"]
    near = abs(found - mean) < 0.2 * (1.0 - mean)
    require(near, f"the mean of lowest is {found:.6g}, far from the {mean:.6g} expected")


def _require_reached(name: str, cut: float, value: Lognormal) -> None:
    """Refuse what no path reaches: of few paths, the outer quantiles alone say little."""
    far = abs(value.sigmas(cut))
    require(
        far < _FAR_SIGMAS,
        f"a quantile of {name}, {cut:.6g}, is {far:.1f} standard deviations out, which no path is",
    )


def _require_share(
    answer: Any, name: str, share: float, found: tuple[float, float], margin: float
) -> None:
    cut, expected = found
    noise = _QUANTILE_SIGMAS * math.sqrt(share * (1 - share) / answer["paths"])
    require(
        abs(expected - share) < noise + margin + 1 / answer["paths"],
        f"{share:.0%} of paths are said to have {name} below {cut:.6g}, where "
        f"{expected:.2%} are expected",
    )


def _normal_share(z: float) -> float:
    return math.erfc(-z / math.sqrt(2)) / 2


def _require_sound(answer: Any) -> None:
    require_fields(answer, _FIELDS)
    for count in ("paths", "days"):
        require(answer[count] > 0, f"{answer[count]} {count} were drawn")
    means, quantiles = answer["means"], answer["quantiles"]
    require_fields(means, dict.fromkeys(_NAMES, float))
    require_fields(quantiles, dict.fromkeys(_NAMES, list))
    for name in _NAMES:
        require(means[name] > 0, f"the mean of {name} is {means[name]}")
        cuts = quantiles[name]
        told = len(cuts)
        require(told == len(SHARES_OF_PATHS), f"{told} quantiles of {name} are told")
        for cut in cuts:
            require_type(f"a quantile of {name}", cut, float)
        require(cuts[0] > 0, f"a quantile of {name} is {cuts[0]}")
        require(cuts == sorted(cuts), f"the quantiles of {name} do not rise")
    parts = [means[ticker] for ticker in TICKERS]
    mean = sum(parts) / len(parts)
    near = abs(means["portfolio"] - mean) < _ROUNDING * mean
    require(near, f"the mean of the portfolio is {means['portfolio']}, of its shares {mean}")
    for low, end in zip(quantiles["lowest"], quantiles["portfolio"], strict=True):
        require(low <= min(end, 1.0), f"a lowest value of {low} lies above {min(end, 1.0)}")
