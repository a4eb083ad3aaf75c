"""The tables: generated once by DuckDB's TPC-DS extension and kept in the workspace."""

import hashlib
import json
import logging
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from dags.shuffle import shares
from dags.tpcds import engine, queries
from dags.tpcds.knobs import Knobs
from flexecutor_energy.settings import Settings
from flexecutor_energy.workspace import Workspace

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_log = logging.getLogger(__name__)

_MANIFEST = "manifest.json"
_GENERATOR_MB = 512  # that DuckDB manages; the generator itself takes as much again and more
_ROWS_TOGETHER = 16_384  # in a row group of a piece, so that several threads can share one

_places: dict[int, Path] = {}
"""Where this process has found the tables of a scale: an oracle is not told the workspace."""


def folder_of(scale: int, workspace: Path | str | None = None) -> Path:
    """Return the folder of the tables of a scale, which are generated unless they are there.

    That takes 25 s of CPU and 0.3 GB of disk for each step of the scale, once, and 1.1 GB of
    memory at scale 1, 1.5 GB at scale 3; 10 MB stay on disk for each step.

    Parameters
    ----------
    scale : TPC-DS scale factor
    workspace : where they are kept; None takes where this process has found them before, else
        the workspace of the settings, else the current folder
    """
    known = _places.get(scale)
    if workspace is None and known is not None and _is_sound(known):
        return known
    kept = Workspace.of(workspace or Settings().workspace).state / "tpcds"
    kept.mkdir(parents=True, exist_ok=True)
    folder = kept / f"v1-scale{scale}"
    with FileLock(kept / f"{folder.name}.lock"):
        if not _is_sound(folder):
            with tempfile.TemporaryDirectory(dir=kept, prefix=".generating-") as made:
                _generate(scale, Path(made))
                folder.mkdir(exist_ok=True)
                for file in (*_files(Path(made)).values(), Path(made, _MANIFEST)):
                    file.replace(folder / file.name)  # the manifest last
    _places[scale] = folder
    return folder


def tables_in(folder: Path) -> engine.Tables:
    """Return all tables of a folder, each whole."""
    return {name: [file] for name, file in _files(folder).items()}


def generators_answer(folder: Path) -> tuple[int, Decimal, Decimal]:
    """Return the result of the generator's own text of the query on the tables of a folder."""
    orders, cost, profit = json.loads((folder / _MANIFEST).read_text())["answer"]
    return int(orders), Decimal(cost), Decimal(profit)


def objects(folder: Path, knobs: Knobs) -> dict[str, bytes]:
    """Return the tables as they lie in the object store: pieces, by ``table/piece``."""
    cut = {
        "web_sales": knobs.pieces,
        "web_returns": knobs.small_pieces,
        "customer_address": knobs.small_pieces,
    }
    contents: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as scratch, engine.opened(tables_in(folder)) as connection:
        for name, file in _files(folder).items():
            for piece, content in enumerate(
                _pieces(connection, file, cut.get(name, 1), Path(scratch, "piece"))
            ):
                contents[f"{name}/{piece:03d}.parquet"] = content
    return contents


def _pieces(
    connection: "DuckDBPyConnection", file: Path, count: int, scratch: Path
) -> Iterator[bytes]:
    """Yield a table in pieces of as many rows, each the content of a Parquet file."""
    rows = connection.read_parquet(str(file), file_row_number=True)
    total = len(rows)
    for piece in range(count):
        own = shares(total, count, piece)
        some = rows.filter(f"file_row_number BETWEEN {own.start} AND {own.stop - 1}")
        some = some.project("* EXCLUDE (file_row_number)")
        some.write_parquet(str(scratch), row_group_size=_ROWS_TOGETHER)
        yield scratch.read_bytes()


def _generate(scale: int, folder: Path) -> None:
    """Generate the tables into a folder; only the columns that the query looks at are kept."""
    _log.info("generating the tables of TPC-DS at scale %d, about %d s", scale, 25 * scale)
    database = folder / "all.duckdb"
    with engine.connected(folder, memory_mb=_GENERATOR_MB, database=database) as connection:
        engine.load_generator(connection)
        connection.execute(f"CALL dsdgen(sf = {scale})")
        answer = connection.execute("PRAGMA tpcds(95)").fetchone()
        for name, file in _files(folder).items():
            connection.table(name).project(queries.COLUMNS[name]).write_parquet(str(file))
    checksums = {file.name: _checksum(file) for file in _files(folder).values()}
    manifest = {"answer": [str(value) for value in answer or ()], "sha256": checksums}
    (folder / _MANIFEST).write_text(json.dumps(manifest, indent=1))


def _files(folder: Path) -> dict[str, Path]:
    return {name: folder / f"{name}.parquet" for name in queries.COLUMNS}


def _is_sound(folder: Path) -> bool:
    """Tell whether all tables are there, with the checksums that they were written with."""
    try:
        promised = json.loads((folder / _MANIFEST).read_text())["sha256"]
        return all(promised[f.name] == _checksum(f) for f in _files(folder).values())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _checksum(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
