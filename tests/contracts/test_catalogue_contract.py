"""What every hardware catalogue promises, wherever its rows lie."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flexecutor_energy.hardware.catalogue import (
    Catalogue,
    MemoryCatalogue,
    shipped_catalogue,
    shipped_facts,
)
from flexecutor_energy.hardware.records import (
    Coefficients,
    CpuRecord,
    Facts,
    InstanceRecord,
    merged,
)
from tests.contracts.catalogues import KINDS, opened

MACHINE = InstanceRecord("aws", "a1.large", 2, 8.0, "Acme A1", 64, 2, "t", "high", "p", "low")
UNKNOWN = InstanceRecord(
    "aws", "u1.large", None, None, None, None, None, "t", "unknown", "nobody says", "unknown"
)
SHIPPED = Facts(
    cpus=(
        CpuRecord("Acme A1", 100.0, 8, 16, "table", "medium", topology_source="maker"),
        CpuRecord("ACME A1 CPU @ 2.00GHz", 100.0, None, None, "other table", "low"),
        CpuRecord("Acme B2", 10.0, None, None, "table", "medium"),
        CpuRecord("Acme  B2", 12.5, None, None, "other table", "medium"),
        CpuRecord("Acme C3", None, None, None, "no TDP", "unknown", family="Acme C"),
        CpuRecord("Acme Server", 50.0, None, None, "a brand", "low"),
        CpuRecord("6140", 60.0, None, None, "a number", "low"),
    ),
    instances=(MACHINE, UNKNOWN, replace(MACHINE, provider="acme", vcpu=4)),
    coefficients=(Coefficients("Acme C", 0.5, 2.0, False, "study", "2", "2020"),),
)
IMPORTED = Facts(
    cpus=(
        CpuRecord("acme b2", 11.0, None, None, "my meter", "user", imported=True),
        CpuRecord("Acme Cloud CPU", 150.0, 4, 8, "my host", "user", None, "mine", imported=True),
        CpuRecord("Acme A1", None, 6, None, "mine", "unknown", None, "mine", imported=True),
    ),
    instances=(replace(MACHINE, vcpu=3, cpu=None, source="mine", imported=True),),
    coefficients=(Coefficients("Acme C", 0.25, 3.0, True, "mine", "1", "2026", imported=True),),
)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def catalogue(kind: str, tmp_path: Path) -> Iterator[Catalogue]:
    """A catalogue of shipped rows alone."""
    with opened(kind, tmp_path, SHIPPED, Facts()) as ready:
        yield ready


@pytest.fixture
def extended(kind: str, tmp_path: Path) -> Iterator[Catalogue]:
    """A catalogue into which a user imported rows."""
    with opened(kind, tmp_path, SHIPPED, IMPORTED) as ready:
        yield ready


def test_rows_come_back_as_they_went_in(catalogue: Catalogue) -> None:
    assert catalogue.all() == SHIPPED.cpus
    assert catalogue.all_instances() == SHIPPED.instances
    assert catalogue.all_coefficients() == SHIPPED.coefficients


def test_imported_rows_stand_beside_those_that_are_shipped(extended: Catalogue) -> None:
    assert extended.all() == SHIPPED.cpus + IMPORTED.cpus
    assert extended.all_instances() == SHIPPED.instances + IMPORTED.instances
    assert extended.all_coefficients() == SHIPPED.coefficients + IMPORTED.coefficients


@pytest.mark.parametrize(
    "name", ["Acme A1", "acme a1", "ACME(R) A1 Processor", "Acme A1 CPU @ 3.10GHz"]
)
def test_a_processor_is_found_however_its_name_is_decorated(
    catalogue: Catalogue, name: str
) -> None:
    assert catalogue.find(name) == SHIPPED.cpus[0]


@pytest.mark.parametrize(
    "name", ["Acme A", "Acme A11", "A1", "1", "Acme", "", "%", "Acme_A1", "'"]
)
def test_what_is_merely_similar_is_not_found(catalogue: Catalogue, name: str) -> None:
    assert catalogue.find(name) is None


@pytest.mark.parametrize("name", ["Acme Server", "6140"])
def test_a_brand_or_a_number_alone_is_not_found_even_where_a_row_has_it(
    catalogue: Catalogue, name: str
) -> None:
    assert catalogue.find(name) is None


def test_rows_that_disagree_leave_the_tdp_unknown(catalogue: Catalogue) -> None:
    found = catalogue.find("Acme B2")
    assert found is not None
    assert (found.tdp_w, found.confidence) == (None, "conflicting")


def test_unknown_figures_stay_none(catalogue: Catalogue) -> None:
    found = catalogue.find("Acme C3")
    assert found is not None
    assert (found.tdp_w, found.cores, found.threads) == (None, None, None)
    assert (found.source, found.confidence, found.family) == ("no TDP", "unknown", "Acme C")
    assert catalogue.instance("u1.large") == UNKNOWN


def test_an_imported_row_wins_over_rows_that_disagree(extended: Catalogue) -> None:
    found = extended.find("Acme B2")
    assert found is not None
    assert (found.tdp_w, found.source, found.confidence) == (11.0, "my meter", "user")
    assert found.imported


def test_an_imported_row_wins_only_in_what_it_says(extended: Catalogue) -> None:
    found = extended.find("Acme A1")
    assert found is not None
    assert (found.tdp_w, found.source, found.confidence) == (100.0, "table", "medium")
    assert (found.cores, found.threads, found.topology_source) == (6, None, "mine")


@pytest.mark.parametrize("name", ["Acme Cloud", "Acme(R) Cloud Processor"])
def test_an_imported_row_may_name_a_brand_alone(extended: Catalogue, name: str) -> None:
    found = extended.find(name)
    assert found == IMPORTED.cpus[1]
    assert extended.find("Acme Cloud 2") is None


def test_a_machine_type_is_found_by_its_exact_name_and_provider(catalogue: Catalogue) -> None:
    assert catalogue.instance("a1.large") == MACHINE
    assert catalogue.instance("a1.large", provider="acme") == SHIPPED.instances[2]
    for kind in ("A1.LARGE", "a1", "a1.larg", "a1_large", ""):
        assert catalogue.instance(kind) is None
    assert catalogue.instance("a1.large", provider="other") is None


def test_an_imported_machine_type_replaces_the_shipped_one_whole(extended: Catalogue) -> None:
    assert extended.instance("a1.large") == IMPORTED.instances[0]
    assert extended.instance("a1.large", provider="acme") == SHIPPED.instances[2]


def test_coefficients_are_found_by_architecture(catalogue: Catalogue) -> None:
    assert catalogue.coefficients("Acme C") == SHIPPED.coefficients[0]
    assert catalogue.coefficients("acme c") is None
    assert catalogue.coefficients(None) is None


def test_imported_coefficients_replace_the_shipped_ones(extended: Catalogue) -> None:
    assert extended.coefficients("Acme C") == IMPORTED.coefficients[0]


def test_an_empty_catalogue_knows_nothing(kind: str, tmp_path: Path) -> None:
    with opened(kind, tmp_path, Facts(), Facts()) as empty:
        assert empty.find("Acme A1") is None
        assert empty.instance("a1.large") is None
        assert empty.coefficients("Acme C") is None
        assert (empty.all(), empty.all_instances(), empty.all_coefficients()) == ((), (), ())


def test_the_shipped_facts_are_the_same_everywhere(kind: str, tmp_path: Path) -> None:
    facts, reference = shipped_facts(), shipped_catalogue()
    with opened(kind, tmp_path, facts, Facts()) as catalogue:
        assert catalogue.all() == facts.cpus
        assert catalogue.all_instances() == facts.instances
        assert catalogue.all_coefficients() == facts.coefficients
        for row in facts.cpus[::40]:
            assert catalogue.find(row.name) == reference.find(row.name), row.name


def test_rows_of_nothing_say_nothing() -> None:
    assert merged([]) is None
    assert MemoryCatalogue(Facts()).find("Acme A1") is None
