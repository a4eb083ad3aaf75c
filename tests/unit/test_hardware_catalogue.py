from pathlib import Path

import pytest

from flexecutor_energy.errors import FormatError
from flexecutor_energy.hardware import CpuRecord, find_cpu, shipped_catalogue
from flexecutor_energy.hardware.catalogue import MemoryCatalogue
from flexecutor_energy.hardware.names import is_model, normalise
from flexecutor_energy.hardware.records import Facts, merged
from flexecutor_energy.hardware.tables import read_coefficients, read_cpus


def record(name: str, tdp_w: float | None, threads: int | None = None) -> CpuRecord:
    return CpuRecord(name, tdp_w, None, threads, "test", "medium")


@pytest.mark.parametrize(
    ("name", "tdp_w"),
    [
        ("Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz", 210),
        ("AMD EPYC 7R13 Processor", 225),
        ("Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz", 15),
        ("Intel(R) Xeon(R) CPU E5-2670 0 @ 2.60GHz", 115),
        ("Intel(R) Xeon(R) CPU E5-2670 v3 @ 2.30GHz", 120),
        ("Intel(R) Xeon(R) CPU E5-2620 v3 @ 2.40GHz", 85),
    ],
)
def test_the_names_that_hosts_report_are_found(name: str, tdp_w: float) -> None:
    found = find_cpu(name)
    assert found is not None
    assert found.tdp_w == tdp_w
    assert found.source == "codecarbon 3.3.2"


@pytest.mark.parametrize(
    "name",
    [
        "AMD EPYC",
        "AMD EPYC-Rome Processor",
        "AMD EPYC Processor (with IBPB)",
        "Intel Xeon Processor (Skylake, IBRS)",
        "Intel Xeon Processor (Icelake)",
        "Intel Core Processor (Broadwell, no TSX, IBRS)",
        "QEMU Virtual CPU version 2.5+",
        "Common KVM processor",
        "Intel(R) Xeon(R) CPU @ 2.20GHz",
        "Intel(R) Xeon(R) Processor @ 2.50GHz",
        "AMD EPYC 7763X",
        "AMD EPYC 776",
        "AMD Eng Sample: 100-000000894-04",
        "6140",
        "",
    ],
)
def test_what_names_no_model_of_the_table_stays_unknown(name: str) -> None:
    assert find_cpu(name) is None


@pytest.mark.parametrize(
    ("name", "threads"),
    [
        ("AMD EPYC 7R32", 96),
        ("AMD EPYC 9R14", 96),
        ("Intel(R) Xeon(R) Platinum 8488C", 96),
        ("AWS Graviton2", 64),
    ],
)
def test_cloud_parts_without_a_published_tdp_are_known_without_one(
    name: str, threads: int
) -> None:
    found = find_cpu(name)
    assert found is not None
    assert found.tdp_w is None
    assert found.confidence == "unknown"
    assert found.threads == threads
    assert shipped_catalogue().coefficients(found.family) is not None or name == "AWS Graviton"


def test_figures_of_the_source_that_are_no_powers_are_empty_and_never_0() -> None:
    rows = [row for row in shipped_catalogue().all() if row.source == "codecarbon 3.3.2"]
    empty = {row.name for row in rows if row.tdp_w is None}
    assert len(rows) == 4918
    assert empty == {
        "Intel Celeron 1000A",
        "Intel Celeron 1100A",
        "Intel Celeron 1200",
        "Intel Celeron 1400",
        "Intel Quark Microcontroller D1000",
    }
    assert all(row.tdp_w > 0 for row in rows if row.tdp_w is not None)


def test_every_row_names_its_source_and_how_far_to_trust_it() -> None:
    for row in shipped_catalogue().all():
        assert row.source
        assert row.confidence in {"high", "medium", "low", "unknown"}
        assert (row.tdp_w is None) == (row.confidence == "unknown")
        assert (row.threads is None) == (row.topology_source is None)


def test_rows_that_disagree_leave_the_tdp_unknown_instead_of_picking_one() -> None:
    catalogue = MemoryCatalogue(Facts((record("Acme A1", 10), record("ACME  a1 CPU", 12))))
    found = catalogue.find("Acme A1")
    assert found is not None
    assert found.tdp_w is None
    assert found.confidence == "conflicting"
    assert len(catalogue.all()) == 2


def test_rows_that_agree_are_one_and_the_better_informed_one_wins() -> None:
    rows = (record("Acme A1", 10), record("Acme A1", None), record("acme a1", 10, 8))
    catalogue = MemoryCatalogue(Facts(rows))
    found = catalogue.find("Acme A1")
    assert found is not None
    assert (found.tdp_w, found.threads) == (10, 8)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Acme A1,ten,,,medium,test", "not a number"),
        ("Acme A1,0,,,medium,test", "leave it empty"),
        ("Acme A1,-3,,,medium,test", "leave it empty"),
        ("Acme A1,10,2.5,,medium,test", "whole number"),
        (",10,2,,medium,test", "'name'"),
        ("Acme A1,10,2,,medium,", "'source'"),
    ],
)
def test_a_damaged_table_is_refused_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    table = tmp_path / "cpus.csv"
    table.write_text(f"name,tdp_w,cores,threads,confidence,source\n{line}\n")
    with pytest.raises(FormatError, match=rf"cpus\.csv:2.*{message}"):
        read_cpus(table)


def test_a_shipped_row_must_say_how_far_to_trust_it(tmp_path: Path) -> None:
    table = tmp_path / "cpus.csv"
    table.write_text("name,tdp_w,source\nAcme A1,10,test\n")
    with pytest.raises(FormatError, match="'confidence'"):
        read_cpus(table)


def test_the_quick_search_finds_what_comparing_every_name_finds() -> None:
    catalogue = shipped_catalogue()
    same: dict[str, list[CpuRecord]] = {}
    for row in catalogue.all():
        same.setdefault(normalise(row.name), []).append(row)
    for key in list(same)[::9]:
        assert catalogue.find(key) == (merged(same[key]) if is_model(key) else None)


def test_coefficients_need_both_ends(tmp_path: Path) -> None:
    table = tmp_path / "coefficients.csv"
    table.write_text(
        "architecture,min_w,max_w,measured,source,version,date\nAcme,1,,yes,t,1,2020\n"
    )
    with pytest.raises(FormatError, match=r"coefficients\.csv:2: column 'max_w' is empty"):
        read_coefficients(table)


def test_the_shipped_coefficients_are_those_of_the_documentation() -> None:
    catalogue = shipped_catalogue()
    expected = {
        "Skylake": (0.65, 4.26),
        "Cascade Lake": (0.64, 3.97),
        "EPYC 2nd Gen": (0.47, 1.69),
        "Graviton2": (0.47, 1.69),
        "EPYC 1st Gen": (0.82, 2.55),
    }
    for name, ends in expected.items():
        row = catalogue.coefficients(name)
        assert row is not None
        assert (row.min_w, row.max_w) == ends
    assert catalogue.coefficients("Itanium") is None
    assert catalogue.coefficients(None) is None
