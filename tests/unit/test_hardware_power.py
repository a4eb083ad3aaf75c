import logging

import pytest

from flexecutor_energy.hardware import (
    Catalogue,
    CpuRecord,
    HostFacts,
    host_power_curve,
    power_curve,
)
from flexecutor_energy.hardware.catalogue import Coefficients

CATALOGUE = Catalogue(
    [
        CpuRecord("Acme A1", 100.0, 8, 16, "test table", "medium"),
        CpuRecord("Acme A2", 100.0, None, None, "test table", "medium"),
        CpuRecord("Acme C1", None, 64, 64, "no TDP", "unknown", family="Acme C"),
        CpuRecord("Acme N1", None, None, None, "no TDP", "unknown"),
        CpuRecord("AMD EPYC 7999", 200.0, None, None, "test table", "medium"),
    ],
    [Coefficients("Acme C", 0.5, 2.0, True, "test coefficients, 1, 2020")],
)


def host(cpu: str | None, logical: int | None, *, sockets: int = 1, vm: bool | None) -> HostFacts:
    return HostFacts(cpu, logical, None, sockets, vm, "boot", "machine", 1000.0)


def test_a_known_processor_has_the_curve_of_one_package_and_names_its_source() -> None:
    curve = power_curve("Acme A1 CPU @ 2.00GHz", catalogue=CATALOGUE)
    assert curve.max_w == pytest.approx(102)
    assert (curve.known, curve.boundary, curve.threads) == (True, "package", 16)
    assert "test table" in curve.source


def test_an_unknown_processor_gets_the_default_and_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        curve = power_curve("AMD EPYC", catalogue=CATALOGUE)
    assert not curve.known
    assert "AMD EPYC" in caplog.text


def test_the_shipped_catalogue_is_the_default_one() -> None:
    curve = power_curve("Intel(R) Xeon(R) CPU E5-2620 v3 @ 2.40GHz")
    assert curve.known
    assert curve.max_w == pytest.approx(85 * 1.02)


@pytest.mark.parametrize("name", ["Acme N1", None])
def test_without_a_tdp_or_coefficients_the_default_is_used(name: str | None) -> None:
    assert power_curve(name, catalogue=CATALOGUE).kind == "default"


def test_a_part_without_tdp_uses_the_coefficients_of_its_architecture() -> None:
    curve = power_curve("Acme C1", catalogue=CATALOGUE)
    assert (curve.kind, curve.boundary) == ("coefficients", "wall")
    assert curve.max_w == pytest.approx(128)
    assert "test coefficients" in curve.source


def test_a_bare_machine_has_its_packages_whole() -> None:
    curve = host_power_curve(host("Acme A2", 32, sockets=2, vm=False), catalogue=CATALOGUE)
    assert curve.max_w == pytest.approx(204)
    assert curve.threads == 32


@pytest.mark.parametrize("vm", [True, None])
def test_a_virtual_machine_has_the_share_of_its_threads(vm: bool | None) -> None:
    curve = host_power_curve(host("Acme A1", 4, vm=vm), catalogue=CATALOGUE)
    assert curve.max_w == pytest.approx(102 / 4)
    assert curve.known
    assert "4 of 16 threads" in curve.source


@pytest.mark.parametrize("vm", [True, None])
def test_a_share_of_an_unknown_thread_count_is_not_guessed(vm: bool | None) -> None:
    curve = host_power_curve(host("Acme A2", 4, vm=vm), catalogue=CATALOGUE)
    assert not curve.known
    assert curve.max_w == pytest.approx(4 * 3.5)
    assert "not how many threads" in curve.source


def test_an_epyc_that_states_its_cores_has_two_threads_a_core() -> None:
    facts = host("AMD EPYC 7999 32-Core Processor", 16, vm=True)
    curve = host_power_curve(facts, catalogue=CATALOGUE)
    assert curve.max_w == pytest.approx(204 * 16 / 64)


def test_an_unknown_host_gets_the_default_for_each_thread_it_sees() -> None:
    curve = host_power_curve(host("AMD EPYC", 2, vm=True), catalogue=CATALOGUE)
    assert not curve.known
    assert curve.max_w == pytest.approx(7.0)
    assert curve.threads == 2


def test_a_host_that_cannot_be_described_still_gets_a_curve() -> None:
    facts = HostFacts(None, None, None, None, None, None, None, None)
    curve = host_power_curve(facts, catalogue=CATALOGUE)
    assert not curve.known
    assert curve.max_w == pytest.approx(3.5)
