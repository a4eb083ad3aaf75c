"""What the workers of the query run: each reads its files, asks DuckDB, and writes Parquet.

The tables of a worker are its share of the rows, so what a stage asks is a part of the query.
Sums of money are sums of decimals: exact, in whatever order they are added up.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dags.shuffle import read_segments, shares, write_block
from dags.tpcds import engine, queries
from flexecutor_energy.workflow.context import StageContext


def block_id(table: str, block: int) -> str:
    """Return the name of the data that holds a block of a shuffled table."""
    return f"tpcds/{table}/{block:03d}"


def scan_warehouses(context: StageContext) -> None:
    """Read from which warehouses each order went out."""
    _scan(context, "web_sales", queries.WAREHOUSES, "warehouses")


def scan_sales(context: StageContext) -> None:
    """Read what was sold: where to, when, and for how much."""
    _scan(context, "web_sales", queries.SALES, "sales")


def scan_returns(context: StageContext) -> None:
    """Read of which orders something came back."""
    _scan(context, "web_returns", queries.RETURNS, "returns")


def scan_addresses(context: StageContext) -> None:
    """Find the addresses in the state asked for."""
    tables = {"customer_address": _files(context, "customer_address")}
    with engine.opened(tables, context.cpu, context.memory) as connection:
        found = connection.sql(queries.ADDRESSES)
        found.write_parquet(context.next_output_path("tpcds/addresses"))


def split_orders(context: StageContext) -> None:
    """Join warehouses with themselves, to find the orders that went out from more than one."""
    tables = {"warehouses": _segments(context, "warehouses")}
    _join(context, tables, queries.SPLIT_ORDERS, "tpcds/split_orders")


def join_orders(context: StageContext) -> None:
    """Keep the sales of split orders, of which something came back, shipped when asked for."""
    tables = {
        "sales": _segments(context, "sales"),
        "returns": _segments(context, "returns"),
        "split_orders": _files(context, "tpcds/split_orders"),
        "date_dim": _files(context, "date_dim"),
    }
    _join(context, tables, queries.SHIPPED, "tpcds/shipped")


def join_places(context: StageContext) -> None:
    """Keep those sent to the state and sold on the sites asked for; add up each order."""
    tables = {
        "shipped": _files(context, "tpcds/shipped"),
        "addresses": _files(context, "tpcds/addresses"),
        "web_site": _files(context, "web_site"),
    }
    with engine.opened(tables, context.cpu, context.memory) as connection:
        delivered = connection.sql(queries.DELIVERED)
        delivered.write_parquet(context.next_output_path("tpcds/delivered"))


def total(context: StageContext) -> None:
    """Count the orders, add up what they cost, and write the answer."""
    tables = {"delivered": _files(context, "tpcds/delivered")}
    with engine.opened(tables, context.cpu, context.memory) as connection:
        answer = answer_of(connection.sql(queries.TOTAL).fetchone())
    Path(context.next_output_path("tpcds/answer")).write_text(json.dumps(answer))


def answer_of(row: tuple[Any, ...] | None) -> dict[str, Any]:
    """Return the answer that stands in the only row of the query's result.

    Raises
    ------
    ValueError
        There is no such row, or no order in it.
    """
    if row is None or None in row:
        raise ValueError(f"the query found no order: {row}")
    orders, cost, profit = row
    return {"orders": orders, "shipping_cost": float(cost), "net_profit": float(profit)}


def _scan(context: StageContext, source: str, query: str, table: str) -> None:
    """Ask each of this worker's pieces of a table; write the rows of each by partition."""
    files = _files(context, source)
    blocks = shares(context.get_param("pieces"), context.num_workers, context.worker_id)
    partitions = context.get_param("partitions")
    for block, file in zip(blocks, files, strict=True):
        with engine.opened({source: [file]}, context.cpu, context.memory) as connection:
            segments = []
            for rows in engine.partitioned(connection, query, partitions):
                rows.write_parquet(f"{file}.segment")
                segments.append(Path(f"{file}.segment").read_bytes())
        write_block(context.next_output_path(block_id(table, block)), segments)


def _join(context: StageContext, tables: engine.Tables, query: str, data_id: str) -> None:
    """Ask this worker's partitions; write the rows of each into a file of its own."""
    partitions = context.get_param("partitions")
    mine = shares(partitions, context.num_workers, context.worker_id)
    with engine.opened(tables, context.cpu, context.memory) as connection:
        parts = list(engine.partitioned(connection, query, partitions))
        for part in mine:
            parts[part].write_parquet(context.next_output_path(data_id))


def _files(context: StageContext, data_id: str) -> list[Path]:
    return [Path(path) for path in context.get_input_paths(data_id)]


def _segments(context: StageContext, table: str) -> list[Path]:
    """Put each segment of this worker's partitions of a table into a file of its own."""
    files = []
    for block in range(context.get_param(f"{table}_blocks")):
        (piece,) = _files(context, block_id(table, block))
        for number, segment in enumerate(read_segments(str(piece))):
            files.append(piece.with_name(f"{piece.name}.{number}"))
            files[-1].write_bytes(segment)
    return files
