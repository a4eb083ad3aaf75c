import copy
import gzip
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dags import stock
from dags.stock import closes, oracle, stages
from dags.stock.closes import TICKERS, Knobs
from flexecutor_energy.errors import ConfigurationError
from tests.unit.dag_runs import assert_refused, directory_storage, run_in_process

TINY = {"paths": 3_001, "days": 10, "blocks": 5}


@pytest.fixture(scope="module")
def sound() -> dict[str, Any]:
    return stock.native(TINY)


def test_the_small_answer_passes_its_oracle() -> None:
    stock.check(stock.native("small"), "small")


def test_another_seed_gives_other_paths(sound: dict[str, Any]) -> None:
    assert not stock.same(stock.native({**TINY, "seed": 1}), sound)


@pytest.mark.parametrize(("paths", "blocks"), [(7, 7), (10, 3), (1_003, 32)])
def test_blocks_share_all_paths_almost_evenly(paths: int, blocks: int) -> None:
    shares = [stages.block_paths(paths, blocks, block) for block in range(blocks)]
    assert sum(shares) == paths
    assert max(shares) - min(shares) <= 1


def test_the_closes_are_those_of_the_package() -> None:
    import bokeh_sampledata.stocks as shipped

    head, *lines = closes.closes_csv().split()
    assert head == "date,AAPL,GOOG,IBM,MSFT"
    assert len(lines) == closes.DAYS_KNOWN
    assert (lines[0][:10], lines[-1][:10]) == ("2004-08-19", "2013-03-01")
    for column, ticker in enumerate(TICKERS, start=1):
        known = getattr(shipped, ticker)
        expected = dict(zip(known["date"], known["adj_close"], strict=True))
        for line in lines:
            parts = line.split(",")
            assert float(parts[column]) == expected[parts[0]]


@pytest.mark.parametrize("content", [None, b"Ticker,Date,Adj Close\nAAPL,2000-03-01,4.2\n"])
def test_other_data_than_the_known_are_refused(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / "_data").mkdir()
        (tmp_path / "_data" / "stocks.csv.gz").write_bytes(gzip.compress(content))
    spec = ModuleSpec("bokeh_sampledata", None)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(closes, "find_spec", lambda _name: spec)
    with pytest.raises(ConfigurationError, match=r"pip install 'bokeh-sampledata==\d+\.\d+'"):
        stock.prepare("small", tmp_path, directory_storage(tmp_path / "store"))


def test_reading_the_closes_does_not_import_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bokeh_sampledata.stocks", None)  # importing it would fail
    assert closes.closes_csv()


def _csv(logs: Any) -> str:
    lines = [f"day{i},{','.join(map(repr, np.exp(row).tolist()))}" for i, row in enumerate(logs)]
    return "\n".join(["date,A,B", *lines])


def test_the_estimate_is_that_of_numpy_over_the_last_days() -> None:
    changes = np.random.default_rng(1).multivariate_normal([0.1, 0], [[4, 1], [1, 2]], 300) / 100
    logs = np.concatenate([np.zeros((1, 2)), changes.cumsum(axis=0)])
    model = stages.estimated(_csv(logs), 250)
    assert model["tickers"] == ["A", "B"]
    assert model["drift"] == pytest.approx(changes[-250:].mean(axis=0))
    factors = np.array(model["factors"])
    assert factors[0, 1] == 0
    assert factors @ factors.T == pytest.approx(np.cov(changes[-250:], rowvar=False))


def test_the_paths_have_the_drift_and_covariance_of_the_model() -> None:
    model = {"drift": [0.001, -0.002], "factors": [[0.02, 0.0], [0.012, 0.016]]}
    values = stages.block_values(model, 40_000, 8, 1, 0)
    assert values.shape == (4, 40_000)
    logs = np.log(values[:2].astype(float))
    noise = 5 * 0.02 * np.sqrt(8 / 40_000)
    assert logs.mean(axis=1) == pytest.approx([0.008, -0.016], abs=noise)
    expected = 8 * np.array([[4e-4, 2.4e-4], [2.4e-4, 4e-4]])
    assert np.cov(logs) == pytest.approx(expected, rel=0.05)
    assert values[2] == pytest.approx(values[:2].mean(axis=0), rel=1e-6)
    assert (values[3] <= np.minimum(values[2], 1)).all()
    assert (values[3] < np.minimum(values[2], 1)).any()


def test_the_values_of_a_day_without_spread_are_known() -> None:
    model = {"drift": [0.5, -0.5], "factors": [[0.0, 0.0], [0.0, 0.0]]}
    values = stages.block_values(model, 3, 2, 1, 0)
    end = [np.exp(1), np.exp(-1)]
    lowest = 1.0  # the portfolio gains from the first day on
    expected = np.array([[*end, sum(end) / 2, lowest]] * 3).T
    assert values == pytest.approx(expected, rel=1e-6)


def test_quantiles_are_values_that_came_up() -> None:
    halves = {0: np.zeros((3, 60), np.float32), 1: np.zeros((3, 40), np.float32)}
    halves[0][0], halves[1][0] = np.arange(100, 40, -1), np.arange(40, 0, -1)
    answer = stages.summary({"tickers": ["A"]}, halves, 2, 5)
    assert answer["quantiles"]["A"] == [1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0]
    assert answer["means"] == {"A": 50.5, "portfolio": 0.0, "lowest": 0.0}
    assert (answer["paths"], answer["days"]) == (100, 5)


def test_a_missing_block_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match=r"no paths arrived of blocks \[1\]"):
        stages.summary({"tickers": []}, {0: np.zeros((2, 1))}, 2, 5)


def test_the_closed_forms_are_those_of_a_lognormal_value() -> None:
    shares, portfolio, sigma = oracle.closed_forms(Knobs(**TINY))
    drawn = np.random.default_rng(2).normal(size=100_000)
    for value in (*shares.values(), portfolio):
        ends = np.exp(value.drift + np.sqrt(value.variance) * drawn)
        assert value.mean == pytest.approx(ends.mean(), rel=0.001)
        assert value.share_below(1.05) == pytest.approx((ends < 1.05).mean(), abs=0.008)
    assert portfolio.mean == pytest.approx(np.mean([v.mean for v in shares.values()]))
    assert sigma < max(v.mean * np.sqrt(np.expm1(v.variance)) for v in shares.values())


def test_a_share_whose_spread_is_misjudged_fails(tmp_path: Path) -> None:
    def calm(stage_id: str, content: bytes) -> bytes:
        return content.replace(b'"factors": [[0.0', b'"factors": [[0.00')

    storage = directory_storage(tmp_path)
    stock.prepare(TINY, tmp_path, storage)
    dag = stock.build(TINY, tmp_path)
    run = run_in_process(dag, 2, tmp_path, storage=storage, spoil=calm)
    with pytest.raises(AssertionError, match="of paths are said to have AAPL below"):
        stock.check(stock.answer(run), TINY)


def _with(answer: dict[str, Any], field: str, name: str, value: Any) -> dict[str, Any]:
    return answer | {field: answer[field] | {name: value}}


def _shifted(answer: dict[str, Any], name: str, by: float) -> dict[str, Any]:
    """Return an answer consistent in itself with another mean of a share."""
    means = answer["means"] | {name: answer["means"][name] + by}
    means["portfolio"] = sum(means[ticker] for ticker in TICKERS) / len(TICKERS)
    return answer | {"means": means}


def _moved(answer: dict[str, Any], name: str, factor: float) -> dict[str, Any]:
    return _with(answer, "quantiles", name, [cut * factor for cut in answer["quantiles"][name]])


SPOILED: dict[str, tuple[Any, str]] = {
    "no paths": (lambda a: a | {"paths": 0}, r"0 paths were drawn"),
    "a mean is negative": (lambda a: _with(a, "means", "IBM", -1.0), r"mean of IBM is -1"),
    "a mean of no shares": (lambda a: _with(a, "means", "portfolio", 1.5), r"of its shares"),
    "a quantile fewer": (lambda a: _with(a, "quantiles", "IBM", [1.0] * 6), r"6 quantiles"),
    "a quantile is zero": (
        lambda a: _with(a, "quantiles", "IBM", [0.0, *a["quantiles"]["IBM"][1:]]),
        r"a quantile of IBM is 0",
    ),
    "a quantile that no path reaches": (
        lambda a: _with(a, "quantiles", "IBM", [*a["quantiles"]["IBM"][:-1], 1e9]),
        r"a quantile of IBM, 1e\+09, is .* standard deviations out",
    ),
    "a lowest value that no path reaches": (
        lambda a: _with(a, "quantiles", "lowest", [1e-9, *a["quantiles"]["lowest"][1:]]),
        r"a quantile of lowest, 1e-09, is .* out",
    ),
    "quantiles fall": (
        lambda a: _with(a, "quantiles", "IBM", a["quantiles"]["IBM"][::-1]),
        r"quantiles of IBM do not rise",
    ),
    "a lowest value above the end": (
        lambda a: _moved(a, "lowest", 1.2),
        r"a lowest value of \S+ lies above",
    ),
    "a mean of a share": (
        lambda a: _shifted(a, "MSFT", 0.02),
        r"the mean of MSFT, .* standard deviations",
    ),
    "quantiles of a share": (
        lambda a: _moved(a, "IBM", 1.02),
        r"of paths are said to have IBM below",
    ),
    "quantiles of the portfolio": (
        lambda a: _moved(a, "portfolio", 1.02),
        r"of paths are said to have portfolio below",
    ),
    "lowest values": (
        lambda a: _moved(a, "lowest", 0.98),
        r"of paths are said to have lowest below",
    ),
    "the mean of lowest values": (
        lambda a: _with(a, "means", "lowest", 0.99),
        r"the mean of lowest is 0\.99",
    ),
}


@pytest.mark.parametrize(("spoil", "problem"), SPOILED.values(), ids=SPOILED.keys())
def test_a_wrong_answer_fails_and_is_not_the_same(
    spoil: Any, problem: str, sound: dict[str, Any]
) -> None:
    assert_refused(stock, spoil(copy.deepcopy(sound)), sound, TINY, problem)


@pytest.mark.parametrize("size", [{"paths": 0}, {"window": 2_148}, {"days": 253}])
def test_knobs_that_do_not_go_together_are_refused(size: Any) -> None:
    with pytest.raises(ConfigurationError):
        stock.build(size)
