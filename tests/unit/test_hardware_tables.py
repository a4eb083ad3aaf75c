"""A user's CSV file: read whole, or refused with line and column."""

from pathlib import Path

import pytest

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.hardware.records import Coefficients, CpuRecord, InstanceRecord
from flexecutor_energy.hardware.tables import read_import


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "mine.csv"


def test_processors_need_a_name_a_tdp_and_a_source(table: Path) -> None:
    table.write_text("source,name,tdp_w\nmy meter,Acme A1,95.5\n")
    assert read_import(table).cpus == (
        CpuRecord("Acme A1", 95.5, None, None, "my meter", "user", imported=True),
    )


def test_every_column_of_a_processor_is_read(table: Path) -> None:
    table.write_text(
        "name,tdp_w,cores,threads,family,confidence,source,topology_source\n"
        '"Acme A1, 2nd edition",,8,16,Skylake,,no figure,maker\n'
    )
    (row,) = read_import(table).cpus
    assert row == CpuRecord(
        "Acme A1, 2nd edition", None, 8, 16, "no figure", "unknown", "Skylake", "maker", True
    )


def test_threads_without_a_source_of_their_own_have_that_of_the_row(table: Path) -> None:
    table.write_text("name,tdp_w,threads,source,confidence\nAcme A1,95,16,my meter,high\n")
    (row,) = read_import(table).cpus
    assert (row.topology_source, row.confidence) == ("my meter", "high")


def test_machine_types_are_told_by_their_column(table: Path) -> None:
    table.write_text("type,vcpu,source\nz9.large,2,my bill\n")
    assert read_import(table).instances == (
        InstanceRecord(
            *("aws", "z9.large", 2, None, None, None, None),
            *("my bill", "user", "my bill", "unknown", True),
        ),
    )


def test_every_column_of_a_machine_type_is_read(table: Path) -> None:
    table.write_text(
        "provider,type,vcpu,memory_gb,cpu,platform_vcpu,sockets,confidence,source,"
        "platform_confidence,platform_source\n"
        "Acme,z9.large,2,7.5,Acme A1,96,2,high,bill,low,guess\n"
    )
    assert read_import(table).instances == (
        InstanceRecord(
            "acme", "z9.large", 2, 7.5, "Acme A1", 96, 2, "bill", "high", "guess", "low", True
        ),
    )


def test_coefficients_are_told_by_their_column(table: Path) -> None:
    table.write_text(
        "architecture,min_w,max_w,measured,source,version,date\nAcme,0.5,2,yes,lab,1,2026-01\n"
    )
    assert read_import(table).coefficients == (
        Coefficients("Acme", 0.5, 2.0, True, "lab", "1", "2026-01", True),
    )


def test_a_byte_order_mark_and_blank_lines_are_no_trouble(table: Path) -> None:
    table.write_text("name,tdp_w,source\n\nAcme A1,95,mine\n", encoding="utf-8-sig")
    assert len(read_import(table).cpus) == 1


CPU = "name,tdp_w,cores,threads,confidence,source"
MACHINE = "type,vcpu,platform_vcpu,platform_confidence,source"
WATTS = "architecture,min_w,max_w,measured,source,version,date"


@pytest.mark.parametrize(
    ("header", "line", "column", "problem"),
    [
        (CPU, "Acme A1,ten,,,,mine", "tdp_w", "'ten', not a number"),
        (CPU, "Acme A1,0,,,,mine", "tdp_w", "leave it empty"),
        (CPU, "Acme A1,-3,,,,mine", "tdp_w", "leave it empty"),
        (CPU, "Acme A1,nan,,,,mine", "tdp_w", "leave it empty"),
        (CPU, "Acme A1,inf,,,,mine", "tdp_w", "leave it empty"),
        (CPU, "Acme A1,10,2.5,,,mine", "cores", "not a whole number"),
        (CPU, "Acme A1,10,8,4,,mine", "threads", "fewer than the 8 cores"),
        (CPU, ",10,,,,mine", "name", "missing or empty"),
        (CPU, "Processor,10,,,,mine", "name", "names no processor"),
        (CPU, "Acme A1,10,,,,", "source", "missing or empty"),
        (CPU, "Acme A1,10,,,certain,mine", "confidence", "not one of: high"),
        (CPU, "Acme A1,10,,,unknown,mine", "confidence", "but the figure is given"),
        (CPU, "Acme A1,,,,high,mine", "confidence", "but the figure is not given"),
        (CPU, "Acme A1,10", "source", "missing or empty"),
        (MACHINE, "z9.large,2,1,,mine", "platform_vcpu", "fewer than the 2 vcpu"),
        (MACHINE, "z9.large,two,,,mine", "vcpu", "not a number"),
        (MACHINE, "z9.large,2,,low,mine", "platform_confidence", "is not given"),
        (MACHINE, ",2,,,mine", "type", "missing or empty"),
        (WATTS, "Acme,1,,yes,lab,1,2026", "max_w", "both ends"),
        (WATTS, "Acme,3,2,yes,lab,1,2026", "max_w", "less than min_w 3"),
        (WATTS, "Acme,1,2,perhaps,lab,1,2026", "measured", "not yes or no"),
        (WATTS, "Acme,1,2,yes,lab,,2026", "version", "missing or empty"),
    ],
)
def test_a_row_that_cannot_be_meant_is_refused_with_line_and_column(
    table: Path, header: str, line: str, column: str, problem: str
) -> None:
    good = {CPU: "Acme G1,1,,,,mine", MACHINE: "g9.large,1,,,mine"}
    good[WATTS] = "Good,1,2,no,lab,1,2026"
    table.write_text(f"{header}\n{good[header]}\n{line}\n")
    with pytest.raises(ConfigurationError) as caught:
        read_import(table)
    message = str(caught.value)
    assert message.startswith(f"mine.csv:3: column '{column}' ")
    assert problem in message
    assert "nothing was imported" in message


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "a line of column names"),
        ("name,tdp_w,source\n", "a line of column names"),
        ("cpu,watts\nAcme A1,10\n", "no column 'name'"),
        ("name;tdp_w;source\nAcme A1;10;mine\n", "no column 'name'"),
        ("name,tdp,source\nAcme A1,10,mine\n", "column 'tdp' is not one of: name, tdp_w"),
        ("name,source\nAcme A1,mine\n", "column 'tdp_w' is missing"),
        ("type,source\nz9.large,mine\n", "column 'vcpu' is missing"),
    ],
)
def test_columns_that_make_no_table_are_refused_with_line_1(
    table: Path, text: str, problem: str
) -> None:
    table.write_text(text)
    with pytest.raises(ConfigurationError, match=r"^mine\.csv:1: ") as caught:
        read_import(table)
    assert problem in str(caught.value)


def test_a_comma_too_many_is_refused_with_its_line(table: Path) -> None:
    table.write_text("name,tdp_w,source\nAcme A1,10,mine, and yours\n")
    with pytest.raises(ConfigurationError, match=r"mine\.csv:2: more values than columns"):
        read_import(table)


def test_an_open_quote_is_refused(table: Path) -> None:
    table.write_text('name,tdp_w,source\nAcme A1,10,"mine\n')
    with pytest.raises(ConfigurationError, match=r"mine\.csv:2: "):
        read_import(table)


def test_a_processor_that_is_there_twice_is_refused_under_any_spelling(table: Path) -> None:
    table.write_text("name,tdp_w,source\nAcme A1,10,mine\nACME(R) A1 CPU,12,mine\n")
    with pytest.raises(
        ConfigurationError, match=r"mine\.csv:3: .*'ACME\(R\) A1 CPU' of mine.csv:2"
    ):
        read_import(table)


def test_a_machine_type_that_is_there_twice_is_refused_but_not_of_two_providers(
    table: Path,
) -> None:
    table.write_text("provider,type,vcpu,source\n,z9,1,m\naws,z9,2,m\n")
    with pytest.raises(ConfigurationError, match=r"mine\.csv:3: column 'type' repeats"):
        read_import(table)
    table.write_text("provider,type,vcpu,source\nacme,z9,1,m\naws,z9,2,m\n")
    assert len(read_import(table).instances) == 2


def test_a_file_that_cannot_be_read_is_an_error_of_usage(table: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        read_import(table)
    table.write_bytes(b"name,tdp_w,source\nAcme \xff,10,mine\n")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        read_import(table)
