"""What the workers of the stock workflow run.

The functions without a context are the computation itself, used by the single-process version
too. Sums are written out column by column: a BLAS would add up in an order of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexecutor_energy.workflow.context import StageContext

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.floating[Any]]

SHARES_OF_PATHS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""At which shares of all paths quantiles are told."""

_TOGETHER = 4096  # paths; what is known of them fits in the cache


def estimate(context: StageContext) -> None:
    """Estimate drift and spread of the daily changes."""
    (path,) = context.get_input_paths("closes")
    model = estimated(Path(path).read_text(), context.get_param("window"))
    Path(context.next_output_path("stock/model")).write_text(json.dumps(model))


def forecast(context: StageContext) -> None:
    """Draw the paths of this worker's blocks and write what came of each."""
    import numpy as np

    model = json.loads(Path(context.get_input_paths("stock/model")[0]).read_text())
    paths, blocks, days, seed = (
        context.get_param(name) for name in ("paths", "blocks", "days", "seed")
    )
    for block in range(context.worker_id, blocks, context.num_workers):
        count = block_paths(paths, blocks, block)
        np.savez(
            context.next_output_path("stock/values"),
            block=block,
            values=block_values(model, count, days, seed, block),
        )


def quantiles(context: StageContext) -> None:
    """Put all paths together and write the answer."""
    import numpy as np

    values: dict[int, Floats] = {}
    for path in context.get_input_paths("stock/values"):
        with np.load(path) as part:
            values[int(part["block"])] = part["values"]
    model = json.loads(Path(context.get_input_paths("stock/model")[0]).read_text())
    answer = summary(model, values, context.get_param("blocks"), context.get_param("days"))
    Path(context.next_output_path("stock/answer")).write_text(json.dumps(answer))


def estimated(closes: str, window: int) -> dict[str, Any]:
    """Return the model of the last ``window`` daily changes.

    Parameters
    ----------
    closes : CSV text, a line for each day: date, then the close of each share

    Returns
    -------
    ``tickers``; ``drift``, the mean change of the logarithm of each close in a day; ``factors``,
    the lower triangle whose product with its transpose is the covariance of these changes.
    """
    import numpy as np

    head, *lines = closes.split()
    tickers = head.split(",")[1:]
    table = np.array([[float(text) for text in line.split(",")[1:]] for line in lines])
    changes = np.diff(np.log(table), axis=0)[-window:]
    drift = changes.mean(axis=0)
    off = changes - drift
    covariance = [
        [float((off[:, i] * off[:, j]).sum() / (window - 1)) for j in range(len(tickers))]
        for i in range(len(tickers))
    ]
    factors = np.linalg.cholesky(np.array(covariance))
    return {"tickers": tickers, "drift": drift.tolist(), "factors": factors.tolist()}


def block_paths(paths: int, blocks: int, block: int) -> int:
    """Return how many of the paths belong to a block; shares differ by one at most."""
    return paths * (block + 1) // blocks - paths * block // blocks


def block_values(model: Mapping[str, Any], paths: int, days: int, seed: int, block: int) -> Floats:
    """Draw the paths of a block, day by day.

    Returns
    -------
    Array (shares + 2, paths): the value of each share at the end, that of a portfolio with equal
    parts of each, and the lowest value of that portfolio at the end of any day; as multiples of
    the values at the start, in single precision, so that doubles add them up exactly.
    """
    import numpy as np

    # the child that SeedSequence(seed).spawn would give this block, without making the others
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(block,)))
    parts = [
        _drawn(generator, model, min(_TOGETHER, paths - start), days)
        for start in range(0, paths, _TOGETHER)
    ]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _drawn(
    generator: np.random.Generator, model: Mapping[str, Any], paths: int, days: int
) -> Floats:
    import numpy as np

    drift, factors = model["drift"], model["factors"]
    shares = len(drift)
    logs = np.zeros((shares, paths))
    lowest = np.ones(paths)
    for _ in range(days):
        normals = generator.standard_normal((shares, paths))
        for share, row in enumerate(factors):
            logs[share] += drift[share]
            for factor, normal in zip(row[: share + 1], normals, strict=False):
                logs[share] += factor * normal
        values = np.exp(logs)
        portfolio = values.sum(axis=0) / shares
        np.minimum(lowest, portfolio, out=lowest)
    return np.concatenate([values, portfolio[None], lowest[None]])


def summary(
    model: Mapping[str, Any], values: Mapping[int, Floats], blocks: int, days: int
) -> dict[str, Any]:
    """Return the answer from the values of all blocks.

    Raises
    ------
    ValueError
        The values of some block are missing.
    """
    import numpy as np

    missing = set(range(blocks)) - set(values)
    if missing:
        raise ValueError(f"no paths arrived of blocks {sorted(missing)}")
    means, told = {}, {}
    for row, name in enumerate([*model["tickers"], "portfolio", "lowest"]):
        column = np.concatenate([values[block][row] for block in range(blocks)])
        means[name] = float(column.sum(dtype=np.float64)) / len(column)
        cuts = np.quantile(column, SHARES_OF_PATHS, method="inverted_cdf")
        told[name] = cuts.tolist()
    return {"paths": len(column), "days": days, "means": means, "quantiles": told}
