"""The stock workflow, its input, its answer, and the same computation in one process."""

from pathlib import Path
from typing import Any

from dags.answers import FinishedRun, final_answer
from dags.inputs import InputSet, upload_once
from dags.sizes import Size, resolve
from dags.stock import stages
from dags.stock.closes import PRESETS, Knobs, closes_csv, require_data
from flexecutor_energy import DAG, FlexData, ReadStrategy, Stage

_INPUTS = InputSet("stock", "v1")  # the same for all sizes


def build(size: Size = "small", workspace: Path | str | None = None) -> DAG:
    """Return the workflow estimate → forecast → quantiles, which needs the model too.

    Raises
    ------
    MissingExtraError
        The package that brings the closes is not installed.
    """
    knobs = resolve(size, PRESETS)
    require_data()
    estimate, forecast, quantiles = _stages(knobs)
    estimate >> [forecast, quantiles]
    forecast >> quantiles
    dag = DAG("stock", workspace=workspace)
    dag.add_stages([estimate, forecast, quantiles])
    return dag


def prepare(
    size: Size = "small", workspace: Path | str | None = None, storage: Any = None
) -> None:
    """Upload the closes, unless they are there already."""
    resolve(size, PRESETS)
    upload_once(
        _INPUTS,
        lambda: {"closes/closes.csv": closes_csv().encode()},
        workspace=workspace,
        storage=storage,
    )


def answer(run: FinishedRun) -> dict[str, Any]:
    """Return means and quantiles, over all paths, of each share and of a portfolio of them."""
    return final_answer(run, "quantiles")


def native(size: Size = "small", workspace: Path | str | None = None) -> dict[str, Any]:
    """Return the answer, computed in this process alone."""
    del workspace
    knobs = resolve(size, PRESETS)
    model = stages.estimated(closes_csv(), knobs.window)
    values = {}
    for block in range(knobs.blocks):
        paths = stages.block_paths(knobs.paths, knobs.blocks, block)
        values[block] = stages.block_values(model, paths, knobs.days, knobs.seed, block)
    return stages.summary(model, values, knobs.blocks, knobs.days)


def _stages(knobs: Knobs) -> tuple[Stage, Stage, Stage]:
    closes = FlexData(_INPUTS.prefix("closes"), custom_data_id="closes")
    model = FlexData("stock/model", read_strategy=ReadStrategy.BROADCAST, suffix=".json")
    values = FlexData("stock/values", suffix=".npz")
    answers = FlexData("stock/answer", suffix=".json")
    drawn = {"blocks": knobs.blocks, "days": knobs.days}
    return (
        Stage("estimate", stages.estimate, [closes], [model], {"window": knobs.window},
              max_concurrency=1),
        Stage("forecast", stages.forecast, [model], [values],
              {**drawn, "paths": knobs.paths, "seed": knobs.seed}, max_concurrency=knobs.blocks),
        Stage("quantiles", stages.quantiles, [values, model], [answers], drawn,
              max_concurrency=1),
    )  # fmt: skip
