import copy
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dags import tpcds
from dags.inputs import place
from dags.tpcds import engine, queries, stages, tables, workflow
from dags.tpcds.knobs import PRESETS, Knobs
from flexecutor_energy.errors import ConfigurationError, MissingExtraError
from tests.unit.dag_runs import assert_refused, directory_storage, run_in_process

pytestmark = pytest.mark.timeout(600)  # the first test that generates tables on a busy machine

TINY: dict[str, Any] = {"pieces": 5, "partitions": 3}
SOUND = {"orders": 68, "shipping_cost": 100592.32, "net_profit": -18202.9}

# 2,000 sales of 400 orders in the shape of the standard's tables, some with unknown places; most
# of them qualify, so that an answer of this query depends on every row of every table
MADE_TABLES = {
    "web_sales": """
        SELECT i // 5 AS ws_order_number,
               CASE WHEN i % 13 > 0 THEN (i * 7 + i // 11) % 3 END AS ws_warehouse_sk,
               CASE WHEN i % 29 > 0 THEN 2451211 + i % 70 END AS ws_ship_date_sk,
               CASE WHEN i % 31 > 0 THEN (i // 5) % 40 END AS ws_ship_addr_sk,
               CASE WHEN i % 37 > 0 THEN (i // 5) % 7 END AS ws_web_site_sk,
               (i % 97 + 0.25)::DECIMAL(7,2) AS ws_ext_ship_cost,
               CASE WHEN i % 41 > 0 THEN (i % 89 - 60.5)::DECIMAL(7,2) END AS ws_net_profit
        FROM range(2000) made(i)""",
    "web_returns": "SELECT i * 3 % 451 AS wr_order_number FROM range(300) made(i)",
    "customer_address": """
        SELECT i AS ca_address_sk, CASE WHEN i % 3 < 2 THEN 'IL' ELSE 'WA' END AS ca_state
        FROM range(40) made(i)""",
    "date_dim": """
        SELECT 2451211 + i AS d_date_sk, DATE '1999-02-01' - 3 + i::INTEGER AS d_date
        FROM range(70) made(i)""",
    "web_site": """
        SELECT i AS web_site_sk, CASE WHEN i < 5 THEN 'pri' ELSE 'able' END AS web_company_name
        FROM range(7) made(i)""",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with small tables."""
    folder = tmp_path_factory.mktemp("tables")
    with duckdb.connect() as connection:
        for name, query in MADE_TABLES.items():
            connection.sql(query).write_parquet(str(folder / f"{name}.parquet"))
    return folder


@pytest.fixture(scope="module")
def whole(made: Path) -> dict[str, Any]:
    """The answer of the query as a whole on the small tables."""
    with engine.opened(tables.tables_in(made)) as connection:
        return stages.answer_of(connection.sql(queries.WHOLE).fetchone())


@pytest.mark.parametrize(("workers", "cpu"), [(1, 2.0), (2, 0.5), (3, 1.0), (9, 1.0)])
def test_any_number_of_workers_and_cores_gives_the_answer_of_the_whole_query(
    workers: int, cpu: float, made: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    storage = directory_storage(tmp_path)
    knobs = Knobs(scale=1, **TINY)
    place(
        storage.store, storage.bucket, workflow.inputs(knobs), lambda: tables.objects(made, knobs)
    )
    run = run_in_process(tpcds.build(TINY, tmp_path), workers, tmp_path, storage=storage, cpu=cpu)
    assert tpcds.answer(run) == whole
    assert whole["orders"] > 50
    by_piece, by_part = min(workers, 5), min(workers, 3)
    assert run.workers == {
        "scan_warehouses": by_piece,
        "scan_sales": by_piece,
        "scan_returns": 1,
        "scan_addresses": 1,
        "split_orders": by_part,
        "join_orders": by_part,
        "join_places": by_part,
        "total": 1,
    }


@pytest.mark.parametrize("table", MADE_TABLES)
def test_every_table_matters(
    table: str, made: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    lacking = tmp_path / "lacking.parquet"
    with duckdb.connect() as connection:
        read = connection.read_parquet(str(made / f"{table}.parquet"))
        read.limit(len(read) // 2).write_parquet(str(lacking))
    with engine.opened({**tables.tables_in(made), table: [lacking]}) as connection:
        assert stages.answer_of(connection.sql(queries.WHOLE).fetchone()) != whole


def test_the_workflow_has_the_shape_of_jolteons() -> None:
    assert set(tpcds.build().edges) == {
        ("scan_warehouses", "split_orders"),
        ("split_orders", "join_orders"),
        ("scan_sales", "join_orders"),
        ("scan_returns", "join_orders"),
        ("join_orders", "join_places"),
        ("scan_addresses", "join_places"),
        ("join_places", "total"),
    }


def test_pieces_hold_all_rows_in_their_order(made: Path, tmp_path: Path) -> None:
    objects = tables.objects(made, Knobs(scale=1, pieces=9))
    names = [name for name in objects if name.startswith("web_sales/")]
    assert len(names) == 9
    for name in names:
        (tmp_path / Path(name).name).write_bytes(objects[name])
    with duckdb.connect() as connection:
        order = connection.read_parquet(sorted(map(str, tmp_path.glob("*.parquet")))).fetchall()
        assert order == connection.read_parquet(str(made / "web_sales.parquet")).fetchall()


# --- at scale 1, as the standard generates it ---


def test_the_query_finds_what_the_generators_own_text_finds(workflow_data: Path) -> None:
    known = tables.generators_answer(tables.folder_of(1, workflow_data))
    assert known == (68, Decimal("100592.32"), Decimal("-18202.90"))
    found = tpcds.native("small", workflow_data)
    assert found == SOUND
    tpcds.check(found, "small")


def test_a_scale_without_a_known_answer_is_checked_against_its_tables(
    workflow_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tables.folder_of(1, workflow_data)
    monkeypatch.setattr(tables, "_places", {2: folder})
    tpcds.check(SOUND, {"scale": 2})
    with pytest.raises(AssertionError, match="orders is 69, not 68, at scale 2"):
        tpcds.check(SOUND | {"orders": 69}, {"scale": 2})


def test_tables_are_generated_again_only_if_they_changed(
    workflow_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(workflow_data, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(tables, "_generate", _refuse_to_generate)
    monkeypatch.setattr(tables, "_places", {})
    folder = tables.folder_of(1, tmp_path)
    table = folder / "web_site.parquet"
    table.write_bytes(table.read_bytes()[:-1])
    with pytest.raises(NotImplementedError):
        tables.folder_of(1, tmp_path)
    assert sorted(folder.parent.glob(".generating-*")) == []


def _refuse_to_generate(scale: int, folder: Path) -> None:
    raise NotImplementedError


def test_the_space_holds_a_memory_that_is_too_small_for_one_stage() -> None:
    memories = {config.memory for config in tpcds.SPACE.for_stage("join_orders")}
    assert min(memories) == 80
    assert max(memories) >= 512


# --- DuckDB, held to what a worker may use ---


@pytest.mark.parametrize(("cpu", "threads"), [(0.25, 1), (1.0, 1), (1.5, 2), (2.0, 2)])
def test_duckdb_uses_the_cores_and_the_memory_of_its_worker(
    cpu: float, threads: int, made: Path
) -> None:
    with engine.opened(tables.tables_in(made), cpu, 168) as connection:
        settings = connection.execute(
            "SELECT current_setting('threads'), current_setting('memory_limit'), "
            "current_setting('temp_directory')"
        ).fetchone()
    assert settings == (threads, "95.3 MiB", str(made / "spilled"))  # 100 MB


@pytest.mark.parametrize("memory_mb", [40, 70])
def test_a_join_beyond_the_memory_fails_as_such(memory_mb: int, made: Path) -> None:
    with (
        pytest.raises(MemoryError, match=f"of {memory_mb} MB, 68 are DuckDB's own"),
        engine.opened(tables.tables_in(made), 1.0, memory_mb) as connection,
    ):
        connection.sql(queries.WHOLE).fetchall()


@pytest.mark.parametrize("module", ["duckdb", "duckdb_extension_tpcds"])
def test_without_duckdb_the_extra_to_install_is_named(
    module: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(engine, "find_spec", lambda name: None if name == module else object())
    for use in (tpcds.build, tpcds.prepare, tpcds.native):
        with pytest.raises(MissingExtraError, match=r"pip install 'flexecutor-energy\[sql\]'"):
            use("small", tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_extension_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb, "__version__", "1.0.0")
    with (
        duckdb.connect() as connection,
        pytest.raises(ConfigurationError, match=r"duckdb 1\.0\.0 and .* different versions"),
    ):
        engine.load_generator(connection)


def test_looking_at_the_workflow_does_not_load_duckdb() -> None:
    code = "import sys, dags.tpcds as t; t.build(); assert 'duckdb' not in sys.modules"
    root = Path(tpcds.__file__).parents[2]
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 0, done.stderr


def test_an_order_is_in_the_same_partition_of_every_table(made: Path) -> None:
    places: dict[str, dict[int, int]] = {}
    for table, query in {"sales": queries.SALES, "returns": queries.RETURNS}.items():
        with engine.opened(tables.tables_in(made)) as connection:
            places[table] = {
                row[0]: number
                for number, rows in enumerate(engine.partitioned(connection, query, 3))
                for row in rows.fetchall()
            }
    shared = places["sales"].keys() & places["returns"].keys()
    assert len(shared) > 100
    assert {places["sales"][order] for order in shared} == {0, 1, 2}
    assert all(places["sales"][order] == places["returns"][order] for order in shared)


# --- the oracle ---

SPOILED: dict[str, tuple[Any, str]] = {
    "no orders": (lambda a: a | {"orders": 0}, r"found 0 orders"),
    "an empty result": (
        lambda a: {"orders": 0, "shipping_cost": 0.0, "net_profit": 0.0},
        r"found 0 orders",
    ),
    "negative orders": (lambda a: a | {"orders": -68}, r"found -68 orders"),
    "the cost is negative": (lambda a: a | {"shipping_cost": -1.0}, r"shipping cost -1"),
    "the profit has mills": (lambda a: a | {"net_profit": -18202.901}, r"no sum of cents"),
    "an order fewer": (lambda a: a | {"orders": 67}, r"orders is 67, not 68, at scale 1"),
    "a cent more": (lambda a: a | {"shipping_cost": 100592.33}, r"shipping_cost is .*, not"),
    "a gain": (lambda a: a | {"net_profit": 18202.9}, r"net_profit is .*, not"),
}


@pytest.mark.parametrize(("spoil", "problem"), SPOILED.values(), ids=SPOILED.keys())
def test_a_wrong_answer_fails_and_is_not_the_same(spoil: Any, problem: str) -> None:
    assert_refused(tpcds, spoil(copy.deepcopy(SOUND)), SOUND, "small", problem)


def test_an_answer_of_another_scale_fails() -> None:
    with pytest.raises(AssertionError, match="orders is 68, not 181, at scale 3"):
        tpcds.check(SOUND, "medium")


def test_the_query_with_no_order_has_no_answer() -> None:
    for row in (None, (0, None, None)):
        with pytest.raises(ValueError, match="the query found no order"):
            stages.answer_of(row)


def test_presets_are_of_scales_whose_answers_are_known() -> None:
    assert {name: knobs.scale for name, knobs in PRESETS.items()} == {"small": 1, "medium": 3}
