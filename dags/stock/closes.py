"""The data: daily closes of four shares, and how many paths are drawn from them."""

import csv
import gzip
import hashlib
import io
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from dags.sizes import check_whole
from flexecutor_energy.errors import ConfigurationError, MissingExtraError

TICKERS = ("AAPL", "GOOG", "IBM", "MSFT")  # FB has been listed for too few days
DAYS_KNOWN = 2148
"""Days with closes of all four: from 2004-08-19, when GOOG was listed, to 2013-03-01."""

_RELEASE = "bokeh-sampledata==2026.1"
_SHA256 = "e73fe05d106b7da1abe8f947264c514afd02cef5c9db4864b9437c84d6bd6069"  # unpacked


@dataclass(frozen=True, slots=True)
class Knobs:
    """Size of the forecast.

    Attributes
    ----------
    paths : paths drawn in all
    days : trading days that each path lasts
    blocks : shares of the paths that workers divide among themselves; more workers do not help
    window : daily changes from which to estimate, the last of the data
    seed : root of the random sequences of all blocks
    """

    paths: int
    days: int = 63  # a quarter
    blocks: int = 32
    window: int = 1_000
    seed: int = 2013

    def __post_init__(self) -> None:
        check_whole("blocks", self.blocks, least=1, most=10_000)
        check_whole("paths", self.paths, least=max(self.blocks, 1_000))
        check_whole("days", self.days, least=1, most=252)
        check_whole("window", self.window, least=250, most=DAYS_KNOWN - 1)
        check_whole("seed", self.seed, least=0)


PRESETS = {"small": Knobs(paths=300_000), "medium": Knobs(paths=6_000_000)}


def require_data() -> None:
    """Raise a MissingExtraError unless the package that brings the data is installed."""
    if find_spec("bokeh_sampledata") is None:
        raise MissingExtraError("bokeh-sampledata", "stock", "the workflow 'stock'")


def closes_csv() -> str:
    """Return the closes on all days that have one of every share: date, then a column each.

    They are adjusted for dividends and splits, so that their changes are what an owner gained.
    """
    columns: dict[str, dict[str, str]] = {ticker: {} for ticker in TICKERS}
    for row in csv.DictReader(io.StringIO(_shipped())):
        if row["Ticker"] in columns:
            columns[row["Ticker"]][row["Date"]] = row["Adj Close"]
    days = sorted(set.intersection(*(set(column) for column in columns.values())))
    lines = [",".join(["date", *TICKERS])]
    lines += [",".join([day, *(columns[ticker][day] for ticker in TICKERS)]) for day in days]
    return "\n".join(lines) + "\n"


def _shipped() -> str:
    """Return the file of daily prices, read directly: importing its package brings pandas."""
    require_data()
    found = find_spec("bokeh_sampledata")  # a top-level package is found without importing it
    places = (found.submodule_search_locations if found else None) or [""]
    file = Path(places[0], "_data", "stocks.csv.gz")
    content = gzip.decompress(file.read_bytes()) if file.is_file() else b""
    if hashlib.sha256(content).hexdigest() != _SHA256:
        raise ConfigurationError(
            f"{file} does not hold the closes that the workflow 'stock' is checked against; "
            f"install them with: pip install '{_RELEASE}'"
        )
    return content.decode()
