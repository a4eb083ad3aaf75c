"""DuckDB, held to what a worker may use."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from flexecutor_energy.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

Tables = Mapping[str, Sequence[Path]]
"""Names of tables, each with the Parquet files that hold its rows."""

_OWN_MB = 68
"""What DuckDB holds beside the memory that it manages: its code, a connection, what it writes.

Measured at scale 1: with 12 MB to manage, reading the sales takes 73 MB more than an idle worker.
"""


def require_duckdb() -> None:
    """Raise a MissingExtraError unless DuckDB and its TPC-DS extension are installed."""
    for module in ("duckdb", "duckdb_extension_tpcds"):
        if find_spec(module) is None:
            raise MissingExtraError(module.replace("_", "-"), "sql", "the workflow 'tpcds'")


@contextlib.contextmanager
def opened(tables: Tables, cpu: float = 1.0, memory_mb: int = 0) -> Iterator[DuckDBPyConnection]:
    """Open DuckDB on some tables.

    Parameters
    ----------
    tables : what queries may name; what does not fit into memory goes beside the first file
    cpu : cores it may use; it runs as many threads, rounded up
    memory_mb : memory of the worker, of which it manages all but what it needs itself; 0 means
        no limit

    Raises
    ------
    MemoryError
        What has to be in memory does not fit there.
    """
    import duckdb

    with connected(next(iter(tables.values()))[0].parent, cpu, memory_mb) as connection:
        for name, files in tables.items():
            connection.read_parquet([str(file) for file in files]).create_view(name)
        try:
            yield connection
        except duckdb.OutOfMemoryException as error:
            reason, *_advice = str(error).splitlines()
            raise MemoryError(
                f"of {memory_mb} MB, {_OWN_MB} are DuckDB's own: {reason}"
            ) from error


def connected(
    folder: Path, cpu: float = 1.0, memory_mb: int = 0, database: Path | None = None
) -> DuckDBPyConnection:
    """Return a connection to DuckDB, to be closed.

    Parameters
    ----------
    folder : where it puts what does not fit into memory
    cpu, memory_mb : as for ``opened``
    database : file of a database; None keeps it in memory
    """
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": max(1, math.ceil(cpu)),
        "temp_directory": str(folder / "spilled"),
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if memory_mb:
        settings["memory_limit"] = f"{max(1, memory_mb - _OWN_MB)}MB"
    return duckdb.connect(str(database or ":memory:"), config=settings)


def partitioned(
    connection: DuckDBPyConnection, query: str, partitions: int
) -> Iterator[DuckDBPyRelation]:
    """Yield the rows of a query by the hash of their first column, the number of the order."""
    rows = connection.sql(query)
    part = f"(hash({rows.columns[0]}) % {partitions})::INTEGER AS part"
    rows.project(f"*, {part}").to_table("partitioned")
    for number in range(partitions):
        of_one = connection.table("partitioned").filter(f"part = {number}")
        yield of_one.project("* EXCLUDE (part)")


def load_generator(connection: DuckDBPyConnection) -> None:
    """Load the TPC-DS extension from the package that brings it; nothing is downloaded.

    Raises
    ------
    ConfigurationError
        It is of another version than DuckDB.
    """
    import duckdb

    found = find_spec("duckdb_extension_tpcds")
    places = (found.submodule_search_locations if found else None) or [""]
    file = Path(places[0], "extensions", f"v{duckdb.__version__}", "tpcds.duckdb_extension")
    if not file.is_file():
        raise ConfigurationError(
            f"duckdb {duckdb.__version__} and duckdb-extension-tpcds are of different versions; "
            "install both with: pip install 'flexecutor-energy[sql]'"
        )
    connection.load_extension(str(file))
