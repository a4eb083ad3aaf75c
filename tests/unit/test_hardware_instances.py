import re

import pytest

from flexecutor_energy.hardware import InstanceRecord, find_cpu, shipped_catalogue

INSTANCES = shipped_catalogue().all_instances()
KNOWN_PLATFORM = [row for row in INSTANCES if row.platform_vcpu is not None]


def sizes(family: str) -> set[str]:
    return {row.type.partition(".")[2] for row in INSTANCES if row.type.startswith(f"{family}.")}


def known(kind: str) -> InstanceRecord:
    found = shipped_catalogue().instance(kind)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("kind", "vcpu", "memory_gb", "cpu", "platform_vcpu", "sockets"),
    [
        ("m5.large", 2, 8, None, 96, 2),
        ("m5.metal", 96, 384, None, 96, 2),
        ("c5.large", 2, 4, None, None, None),
        ("c5.12xlarge", 48, 96, "Intel Xeon Platinum 8275CL", 96, 2),
        ("c5n.9xlarge", 36, 96, "Intel Xeon Platinum 8124M", 72, 2),
        ("r5.4xlarge", 16, 128, None, 96, 2),
        ("m6i.32xlarge", 128, 512, "Intel Xeon Platinum 8375C", 128, 2),
        ("c6a.48xlarge", 192, 384, "AMD EPYC 7R13", 192, 2),
        ("m6g.medium", 1, 4, "AWS Graviton2", 64, 1),
        ("m7i.metal-24xl", 96, 384, "Intel Xeon Platinum 8488C", 96, 1),
        ("m7a.48xlarge", 192, 768, "AMD EPYC 9R14", 192, 2),
        ("c7g.16xlarge", 64, 128, "AWS Graviton3", 64, 1),
        ("t3.micro", 2, 1, None, None, None),
        ("t4g.small", 2, 2, "AWS Graviton2", None, None),
    ],
)
def test_types_of_ec2_as_amazon_describes_them(
    kind: str,
    vcpu: int,
    memory_gb: float,
    cpu: str | None,
    platform_vcpu: int | None,
    sockets: int | None,
) -> None:
    row = known(kind)
    assert (row.vcpu, row.memory_gb, row.cpu) == (vcpu, memory_gb, cpu)
    assert (row.platform_vcpu, row.sockets) == (platform_vcpu, sockets)


@pytest.mark.parametrize("kind", ["m5", "large", "m5.gigantic", "M5.LARGE", ""])
def test_types_that_do_not_exist_are_not_known(kind: str) -> None:
    assert shipped_catalogue().instance(kind) is None


def test_types_are_those_of_their_provider() -> None:
    assert shipped_catalogue().instance("m5.large", provider="azure") is None


@pytest.mark.parametrize("letters", ["a", "g", "i"])
@pytest.mark.parametrize("use", ["m", "c", "r"])
@pytest.mark.parametrize("generation", [6, 7])
def test_the_common_families_are_there(use: str, generation: int, letters: str) -> None:
    assert {"large", "xlarge", "2xlarge", "16xlarge"} <= sizes(f"{use}{generation}{letters}")


@pytest.mark.parametrize("family", ["t3", "t3a", "t4g", "m5", "m5a", "c5", "c5a", "r5", "m8g"])
def test_older_burstable_and_newest_families_are_there(family: str) -> None:
    assert {"large", "xlarge", "2xlarge"} <= sizes(family)


def test_no_type_is_there_twice() -> None:
    assert len({row.type for row in INSTANCES}) == len(INSTANCES)


def test_every_type_names_sources_and_what_is_unknown_says_so() -> None:
    for row in INSTANCES:
        assert row.source
        assert row.platform_source
        platform = (row.cpu, row.platform_vcpu, row.sockets)
        assert (row.platform_confidence == "unknown") == (platform == (None, None, None))
        assert row.vcpu is not None
        assert row.memory_gb is not None
        assert row.confidence in {"high", "medium"}


def test_every_processor_of_a_type_is_in_the_catalogue_under_that_name() -> None:
    for name in {row.cpu for row in INSTANCES} - {None}:
        assert name is not None
        found = find_cpu(name, shipped_catalogue())
        assert found is not None, name
        assert found.name == name


def test_a_platform_has_as_many_threads_as_its_packages() -> None:
    for row in KNOWN_PLATFORM:
        processor = find_cpu(row.cpu, shipped_catalogue()) if row.cpu else None
        if processor is not None and row.sockets is not None:
            assert row.platform_vcpu == row.sockets * (processor.threads or 0), row.type


def test_no_type_is_larger_than_its_platform() -> None:
    for row in KNOWN_PLATFORM:
        assert (row.vcpu or 0) <= (row.platform_vcpu or 0), row.type


def test_a_bare_machine_is_its_platform_whole() -> None:
    metal = [row for row in KNOWN_PLATFORM if re.search(r"\.metal", row.type)]
    assert len(metal) > 20
    assert {row.type for row in metal if row.vcpu != row.platform_vcpu} == set()


def test_within_a_family_memory_grows_with_threads() -> None:
    steps = {
        "c5n": {2.625, 2.6666666666666665},
        "t3": {0.25, 0.5, 1, 2, 4},
        "t3a": {0.25, 0.5, 1, 2, 4},
        "t4g": {0.25, 0.5, 1, 2, 4},
    }
    for row in INSTANCES:
        family = row.type.partition(".")[0]
        expected = steps.get(family, {{"c": 2, "m": 4, "r": 8}.get(family[0])})
        assert (row.memory_gb or 0) / (row.vcpu or 1) in expected, row.type
