"""The query as a workflow, its inputs, its answer, and the same query in one process."""

import functools
from pathlib import Path
from typing import Any

from dags.answers import FinishedRun, final_answer
from dags.inputs import InputSet, upload_once
from dags.shuffle import cut_between_partitions
from dags.sizes import Size, resolve
from dags.tpcds import engine, queries, stages, tables
from dags.tpcds.knobs import PRESETS, Knobs
from flexecutor_energy import DAG, Chunker, ConfigSpace, FlexData, ReadStrategy, Stage, StageConfig

_EVERYONE = ReadStrategy.BROADCAST
_ENOUGH_MB, _SCARCE_MB = 512, 80

SPACE = ConfigSpace.of(
    [
        *ConfigSpace(cpu=[0.5, 1], memory=[_ENOUGH_MB], workers=[1, 2, 4]),
        StageConfig(cpu=2, memory=_ENOUGH_MB, workers=1),
        StageConfig(cpu=1, memory=_SCARCE_MB, workers=1),
    ]
)
"""What is worth trying: with 80 MB, DuckDB keeps 12 to join with, and join_orders fails."""


def build(size: Size = "small", workspace: Path | str | None = None) -> DAG:
    """Return the workflow, of the same shape as Jolteon's.

    Raises
    ------
    MissingExtraError
        DuckDB or its TPC-DS extension is not installed.
    """
    knobs = resolve(size, PRESETS)
    engine.require_duckdb()
    made = {stage.stage_id: stage for stage in (*_scans(knobs), *_joins(knobs))}
    made["scan_warehouses"] >> made["split_orders"] >> made["join_orders"]
    [made["scan_sales"], made["scan_returns"]] >> made["join_orders"]
    [made["join_orders"], made["scan_addresses"]] >> made["join_places"] >> made["total"]
    dag = DAG("tpcds", workspace=workspace)
    dag.add_stages(made.values())
    return dag


def prepare(
    size: Size = "small", workspace: Path | str | None = None, storage: Any = None
) -> None:
    """Generate the tables and upload their pieces, each unless they are there already.

    Generating takes half a minute for each step of the scale, and is done once in a workspace.
    """
    knobs = resolve(size, PRESETS)
    engine.require_duckdb()
    upload_once(
        inputs(knobs),
        lambda: tables.objects(tables.folder_of(knobs.scale, workspace), knobs),
        workspace=workspace,
        storage=storage,
    )


def answer(run: FinishedRun) -> dict[str, Any]:
    """Return how many orders there are, what shipping them cost, and the profit on them."""
    return final_answer(run, "total")


def native(size: Size = "small", workspace: Path | str | None = None) -> dict[str, Any]:
    """Return the answer of the query as a whole, asked in this process alone, on one thread."""
    knobs = resolve(size, PRESETS)
    engine.require_duckdb()
    folder = tables.folder_of(knobs.scale, workspace)
    with engine.opened(tables.tables_in(folder)) as connection:
        return stages.answer_of(connection.sql(queries.WHOLE).fetchone())


def inputs(knobs: Knobs) -> InputSet:
    """Return where the pieces of the tables lie."""
    return InputSet("tpcds", f"v1-scale{knobs.scale}-pieces{knobs.pieces}")


def _scans(knobs: Knobs) -> list[Stage]:
    sales, returns, addresses = (
        _table(knobs, name) for name in ("web_sales", "web_returns", "customer_address")
    )
    found = FlexData("tpcds/addresses", read_strategy=_EVERYONE, suffix=".parquet")
    many, few = knobs.pieces, knobs.small_pieces
    parts = {"partitions": knobs.partitions}
    return [
        Stage("scan_warehouses", stages.scan_warehouses, [sales],
              _shuffled(knobs, "warehouses", many), {**parts, "pieces": many}),
        Stage("scan_sales", stages.scan_sales, [sales],
              _shuffled(knobs, "sales", many), {**parts, "pieces": many}),
        Stage("scan_returns", stages.scan_returns, [returns],
              _shuffled(knobs, "returns", few), {**parts, "pieces": few}),
        Stage("scan_addresses", stages.scan_addresses, [addresses], [found]),
    ]  # fmt: skip


def _joins(knobs: Knobs) -> list[Stage]:
    many, few = knobs.pieces, knobs.small_pieces
    warehouses = _shuffled(knobs, "warehouses", many)
    rows = [*_shuffled(knobs, "sales", many), *_shuffled(knobs, "returns", few)]
    split, shipped, delivered = (
        FlexData(f"tpcds/{name}", suffix=".parquet")
        for name in ("split_orders", "shipped", "delivered")
    )
    addresses = FlexData("tpcds/addresses", read_strategy=_EVERYONE, suffix=".parquet")
    dates, sites = (_table(knobs, name, _EVERYONE) for name in ("date_dim", "web_site"))
    answers = FlexData("tpcds/answer", suffix=".json")
    parts = {"partitions": knobs.partitions}
    return [
        Stage("split_orders", stages.split_orders, warehouses, [split],
              {**parts, "warehouses_blocks": many}),
        Stage("join_orders", stages.join_orders, [*rows, split, dates], [shipped],
              {**parts, "sales_blocks": many, "returns_blocks": few}),
        Stage("join_places", stages.join_places, [shipped, addresses, sites], [delivered]),
        Stage("total", stages.total, [delivered], [answers], max_concurrency=1),
    ]  # fmt: skip


def _table(knobs: Knobs, name: str, strategy: ReadStrategy = ReadStrategy.SCATTER) -> FlexData:
    return FlexData(inputs(knobs).prefix(name), custom_data_id=name, read_strategy=strategy)


def _shuffled(knobs: Knobs, table: str, blocks: int) -> list[FlexData]:
    strategy = functools.partial(cut_between_partitions, partitions=knobs.partitions)
    return [
        FlexData(stages.block_id(table, block), chunker=Chunker(chunking_strategy=strategy))
        for block in range(blocks)
    ]
