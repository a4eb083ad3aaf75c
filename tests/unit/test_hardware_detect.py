from pathlib import Path

import pytest

from flexecutor_energy.hardware import detect_host
from flexecutor_energy.hardware.detect import parse_cpu_list


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def x86_cpuinfo(count: int, name: str, flags: str = "fpu sse2") -> str:
    return "".join(
        f"processor\t: {number}\nvendor_id\t: X\nmodel name\t: {name}\n"
        f"physical id\t: {number % 2}\ncore id\t\t: {number // 4}\nflags\t\t: {flags}\n\n"
        for number in range(count)
    )


def topology(cpus: int, *, packages: int, threads_per_core: int) -> dict[str, str]:
    files = {}
    for cpu in range(cpus):
        folder = f"sys/devices/system/cpu/cpu{cpu}/topology"
        files[f"{folder}/physical_package_id"] = f"{cpu % packages}\n"
        files[f"{folder}/core_id"] = f"{cpu // packages // threads_per_core}\n"
    return files


def test_a_bare_machine_with_two_sockets(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "proc/cpuinfo": x86_cpuinfo(8, "Acme A1 CPU @ 2.00GHz"),
            "sys/devices/system/cpu/online": "0-7\n",
            "proc/sys/kernel/random/boot_id": "boot-1\n",
            "etc/machine-id": "machine-1\n",
            "proc/meminfo": "MemTotal:       16000000 kB\nMemFree: 1 kB\n",
            "sys/class/dmi/id/sys_vendor": "Acme\n",
            "sys/class/dmi/id/product_name": "Server 1\n",
            **topology(8, packages=2, threads_per_core=2),
        },
    )
    facts = detect_host(root)
    assert facts.cpu_name == "Acme A1 CPU @ 2.00GHz"
    assert (facts.logical_cpus, facts.physical_cores, facts.sockets) == (8, 4, 2)
    assert facts.virtualised is False
    assert (facts.boot_id, facts.machine_id) == ("boot-1", "machine-1")
    assert facts.host_id == "machine-1/boot-1"
    assert facts.memory_mb == pytest.approx(16384.0)
    assert facts.product == "Acme Server 1"


def test_cpus_that_are_offline_do_not_count(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "proc/cpuinfo": x86_cpuinfo(8, "Acme A1"),
            "sys/devices/system/cpu/online": "0,2,4-5\n",
            **topology(8, packages=2, threads_per_core=2),
        },
    )
    facts = detect_host(root)
    assert facts.logical_cpus == 4
    assert facts.physical_cores == 3
    assert facts.sockets == 2


def test_the_hypervisor_flag_means_virtual(tmp_path: Path) -> None:
    root = write(tmp_path, {"proc/cpuinfo": x86_cpuinfo(2, "AMD EPYC", "fpu hypervisor sse2")})
    assert detect_host(root).virtualised is True


ARM = (
    "processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd\n"
    "CPU implementer\t: {maker}\nCPU part\t: {part}\n\n"
)


def test_an_arm_host_without_model_name_is_named_by_its_core(tmp_path: Path) -> None:
    root = write(tmp_path, {"proc/cpuinfo": ARM.format(maker="0x41", part="0xd0c")})
    facts = detect_host(root)
    assert facts.cpu_name == "ARM Neoverse-N1"
    assert facts.virtualised is None
    assert facts.logical_cpus == 1


@pytest.mark.parametrize(("maker", "part"), [("0x41", "0xfff"), ("0x61", "0xd0c")])
def test_an_arm_core_that_is_not_known_has_no_name(tmp_path: Path, maker: str, part: str) -> None:
    root = write(tmp_path, {"proc/cpuinfo": ARM.format(maker=maker, part=part)})
    assert detect_host(root).cpu_name is None


@pytest.mark.parametrize(("product", "virtual"), [("m6g.large", True), ("m6g.metal", False)])
def test_amazon_tells_its_arm_processor_and_whether_it_is_whole(
    tmp_path: Path, product: str, virtual: bool
) -> None:
    root = write(
        tmp_path,
        {
            "proc/cpuinfo": ARM.format(maker="0x41", part="0xd0c"),
            "sys/class/dmi/id/sys_vendor": "Amazon EC2\n",
            "sys/class/dmi/id/product_name": f"{product}\n",
        },
    )
    facts = detect_host(root)
    assert facts.cpu_name == "AWS Graviton2"
    assert facts.virtualised is virtual
    assert facts.product == f"Amazon EC2 {product}"


def test_a_virtual_product_name_means_virtual_where_flags_say_nothing(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "proc/cpuinfo": ARM.format(maker="0x41", part="0xd0c"),
            "sys/class/dmi/id/product_name": "KVM Virtual Machine\n",
        },
    )
    assert detect_host(root).virtualised is True


def test_without_sysfs_the_topology_comes_from_cpuinfo(tmp_path: Path) -> None:
    root = write(tmp_path, {"proc/cpuinfo": x86_cpuinfo(8, "Acme A1")})
    facts = detect_host(root)
    assert (facts.logical_cpus, facts.physical_cores, facts.sockets) == (8, 4, 2)


def test_topology_that_the_kernel_does_not_know_is_unknown(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "proc/cpuinfo": "processor\t: 0\n\n",
            "sys/devices/system/cpu/cpu0/topology/physical_package_id": "-1\n",
            "sys/devices/system/cpu/cpu0/topology/core_id": "0\n",
        },
    )
    facts = detect_host(root)
    assert (facts.logical_cpus, facts.physical_cores, facts.sockets) == (1, None, None)


def test_an_empty_root_is_described_by_nothing_but_unknowns(tmp_path: Path) -> None:
    facts = detect_host(tmp_path)
    assert facts.cpu_name is None
    assert facts.logical_cpus is None
    assert facts.memory_mb is None
    assert facts.virtualised is None
    assert facts.host_id is None


def test_a_damaged_cpu_list_falls_back_to_cpuinfo(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {"proc/cpuinfo": x86_cpuinfo(4, "A1"), "sys/devices/system/cpu/online": "zero to three"},
    )
    assert detect_host(root).logical_cpus == 4


def test_this_host_is_described() -> None:
    facts = detect_host()
    assert facts.logical_cpus is not None
    assert facts.logical_cpus >= 1


@pytest.mark.parametrize(
    ("text", "cpus"), [("0-3,8\n", {0, 1, 2, 3, 8}), ("5", {5}), ("", set()), ("0,2", {0, 2})]
)
def test_cpu_lists_of_the_kernel(text: str, cpus: set[int]) -> None:
    assert parse_cpu_list(text) == cpus
