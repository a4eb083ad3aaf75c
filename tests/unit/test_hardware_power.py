import logging

import pytest

from flexecutor_energy.hardware import (
    CpuRecord,
    HostFacts,
    InstanceRecord,
    host_power_curve,
    power_curve,
    shipped_catalogue,
)
from flexecutor_energy.hardware.catalogue import MemoryCatalogue
from flexecutor_energy.hardware.records import Coefficients, Facts


def rented(
    kind: str, cpu: str | None, vcpu: int | None, platform: int | None, sockets: int | None
) -> InstanceRecord:
    words = ("test table", "high", "test platform", "high" if platform else "unknown")
    return InstanceRecord("aws", kind, vcpu, 8.0, cpu, platform, sockets, *words)


FACTS = Facts(
    cpus=(
        CpuRecord("Acme A1", 100.0, 8, 16, "test table", "medium"),
        CpuRecord("Acme A2", 100.0, None, None, "test table", "medium"),
        CpuRecord("Acme C1", None, 64, 64, "no TDP", "unknown", family="Acme C"),
        CpuRecord("Acme N1", None, None, None, "no TDP", "unknown"),
        CpuRecord("AMD EPYC 7999", 200.0, None, None, "test table", "medium"),
    ),
    instances=(
        rented("a1.large", None, 2, 96, 2),
        rented("a2.large", "Acme A2", 4, 64, 2),
        rented("a2.metal", "Acme A2", 64, 64, 2),
        rented("a3.large", None, 2, None, None),
        rented("a4.large", None, 2, 96, None),
        rented("c1.large", "Acme C1", 2, 64, 1),
        rented("o1.large", "Acme Other", 2, 10, 1),
    ),
    coefficients=(Coefficients("Acme C", 0.5, 2.0, True, "test coefficients", "1", "2020"),),
)
CATALOGUE = MemoryCatalogue(FACTS)


def host(
    cpu: str | None,
    logical: int | None,
    *,
    sockets: int = 1,
    vm: bool | None,
    kind: str | None = None,
) -> HostFacts:
    product = None if kind is None else f"Amazon EC2 {kind}"
    return HostFacts(cpu, logical, None, sockets, vm, "boot", "machine", 1000.0, product)


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


def test_a_rented_machine_has_its_share_of_the_packages_of_its_platform() -> None:
    curve = host_power_curve(host("Acme A2", 4, vm=True, kind="a2.large"), catalogue=CATALOGUE)
    assert curve.known
    assert curve.max_w == pytest.approx(2 * 102 * 4 / 64)
    assert curve.threads == 4
    assert "a2.large: 4 of 64 vCPU on 2 packages (test platform)" in curve.source


def test_cpus_that_are_switched_off_are_rented_all_the_same() -> None:
    whole = host_power_curve(host("Acme A2", 4, vm=True, kind="a2.large"), catalogue=CATALOGUE)
    half = host_power_curve(host("Acme A2", 2, vm=True, kind="a2.large"), catalogue=CATALOGUE)
    assert half.max_w == whole.max_w
    assert half.threads == 2


def test_the_platform_of_a_type_with_several_processors_is_that_of_them_all() -> None:
    curve = host_power_curve(host("Acme A1", 2, vm=True, kind="a1.large"), catalogue=CATALOGUE)
    assert curve.max_w == pytest.approx(2 * 102 * 2 / 96)


@pytest.mark.parametrize("kind", ["o1.large", "a3.large", "a4.large", "zz.large", "nothing"])
def test_without_facts_of_this_platform_the_threads_of_the_package_are_counted(kind: str) -> None:
    curve = host_power_curve(host("Acme A1", 4, vm=True, kind=kind), catalogue=CATALOGUE)
    assert curve.max_w == pytest.approx(102 * 4 / 16)
    assert "4 of 16 threads" in curve.source


def test_a_rented_bare_machine_has_its_packages_whole() -> None:
    facts = host("Acme A2", 64, sockets=2, vm=False, kind="a2.metal")
    curve = host_power_curve(facts, catalogue=CATALOGUE)
    assert curve.max_w == pytest.approx(204)


def test_watts_per_thread_need_no_platform() -> None:
    curve = host_power_curve(host("Acme C1", 2, vm=True, kind="c1.large"), catalogue=CATALOGUE)
    assert curve.max_w == pytest.approx(2 * 2.0)
    assert curve.boundary == "wall"


def test_a_rented_machine_that_names_no_processor_or_count_takes_those_of_its_type() -> None:
    curve = host_power_curve(host(None, None, vm=True, kind="a2.large"), catalogue=CATALOGUE)
    assert curve.cpu == "Acme A2"
    assert curve.max_w == pytest.approx(2 * 102 * 4 / 64)
    assert curve.threads == 4
    unknown = host_power_curve(host(None, None, vm=True, kind="a3.large"), catalogue=CATALOGUE)
    assert not unknown.known
    assert unknown.threads == 2


@pytest.mark.parametrize("product", ["Acme EC2 a2.large", "Amazon EC2", "a2.large", None])
def test_only_amazon_rents_the_types_of_amazon(product: str | None) -> None:
    facts = HostFacts("Acme A2", 4, None, 1, True, None, None, None, product)
    assert not host_power_curve(facts, catalogue=CATALOGUE).known


def test_the_shipped_facts_say_what_part_of_a_host_an_ec2_machine_is() -> None:
    name = "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz"
    facts = host(name, 2, vm=True, kind="m5.large")
    curve = host_power_curve(facts, catalogue=shipped_catalogue())
    assert curve.max_w == pytest.approx(2 * 210 * 1.02 * 2 / 96)
    assert "m5.large: 2 of 96 vCPU on 2 packages" in curve.source
