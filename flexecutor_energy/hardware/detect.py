"""What this host is: its processor, how much of it is visible, and its identity.

Reads the kernel's text files below a root that can be given, so that a host can be described
from a copy of its files. Standard library only: workers use it too.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_ARM_CORES = {
    "0xd03": "Cortex-A53",
    "0xd08": "Cortex-A72",
    "0xd0b": "Cortex-A76",
    "0xd0c": "Neoverse-N1",
    "0xd40": "Neoverse-V1",
    "0xd49": "Neoverse-N2",
    "0xd4f": "Neoverse-V2",
}
"""Part numbers of cores by Arm Ltd (implementer 0x41), from Arm's reference manuals."""

_GRAVITON = {
    "Cortex-A72": "AWS Graviton",
    "Neoverse-N1": "AWS Graviton2",
    "Neoverse-V1": "AWS Graviton3",
    "Neoverse-V2": "AWS Graviton4",
}
"""Amazon builds one Arm processor with each of these cores, and rents no others."""

_VIRTUAL_MACHINES = re.compile(
    r"kvm|qemu|vmware|virtualbox|virtual machine|google compute engine|openstack|bochs|xen|ovirt"
    r"|bhyve|parallels|hvm domu",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class HostFacts:
    """A host as its kernel describes it; None where the kernel does not say.

    Attributes
    ----------
    cpu_name : model name of the processor; on Arm the name of the core or of the cloud part
    logical_cpus : hardware threads that are online
    physical_cores : cores that these threads belong to
    sockets : packages that these threads belong to
    virtualised : whether a hypervisor lies between this kernel and the machine
    boot_id : identity of this boot; the monotonic clock is comparable within it
    machine_id : identity of this installation
    memory_mb : memory that the kernel manages, MB (10^6 bytes)
    product : vendor and product of the machine; on EC2 the instance type
    """

    cpu_name: str | None
    logical_cpus: int | None
    physical_cores: int | None
    sockets: int | None
    virtualised: bool | None
    boot_id: str | None
    machine_id: str | None
    memory_mb: float | None
    product: str | None = None

    @property
    def host_id(self) -> str | None:
        """One name for this boot of this machine, None if neither identity is known."""
        parts = [part for part in (self.machine_id, self.boot_id) if part]
        return "/".join(parts) or None


def detect_host(root: Path = Path("/")) -> HostFacts:
    """Describe the host whose ``/proc``, ``/sys`` and ``/etc`` lie below ``root``.

    Never raises for a file that is missing, unreadable or odd: what cannot be told is None.
    """
    blocks = _cpuinfo(_read(root / "proc/cpuinfo"))
    vendor = _read(root / "sys/class/dmi/id/sys_vendor").strip()
    product = " ".join(
        part for part in (vendor, _read(root / "sys/class/dmi/id/product_name").strip()) if part
    )
    online = _online(root, blocks)
    cores, sockets = _topology(root, online, blocks)
    return HostFacts(
        cpu_name=_cpu_name(blocks, product),
        logical_cpus=len(online) or None,
        physical_cores=cores,
        sockets=sockets,
        virtualised=_virtualised(root, blocks, product),
        boot_id=_read(root / "proc/sys/kernel/random/boot_id").strip() or None,
        machine_id=_machine_id(root),
        memory_mb=_memory_mb(_read(root / "proc/meminfo")),
        product=product or None,
    )


def machine_key(facts: HostFacts) -> str:
    """Return a name for a machine that stays the same when it boots again, "" if there is none.

    A digest of machine id, processor and number of CPUs: a machine that was resized, or whose
    disk was moved into another one, has another key. The machine id is the digest's key and
    cannot be had from it, as machine-id(5) asks. Where there is no machine id (many containers),
    the boot takes its place, and the key holds until the next one.
    """
    identity = facts.machine_id or facts.boot_id
    if not identity:
        return ""
    parts = ("flexecutor-energy", facts.cpu_name or "", str(facts.logical_cpus or ""))
    return hmac.new(identity.encode(), "/".join(parts).encode(), hashlib.sha256).hexdigest()[:16]


def parse_cpu_list(text: str) -> frozenset[int]:
    """Return the CPU numbers of a kernel list such as ``0-3,8``.

    Raises
    ------
    ValueError
        The text is not such a list.
    """
    cpus: set[int] = set()
    for part in text.strip().split(","):
        if part:
            first, _, last = part.partition("-")
            cpus.update(range(int(first), int(last or first) + 1))
    return frozenset(cpus)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _cpuinfo(text: str) -> list[dict[str, str]]:
    blocks: list[dict[str, str]] = []
    for paragraph in re.split(r"\n\s*\n", text):
        pairs = (line.partition(":") for line in paragraph.splitlines() if ":" in line)
        block = {key.strip().lower(): value.strip() for key, _, value in pairs}
        if block:
            blocks.append(block)
    return blocks


def _cpu_name(blocks: Iterable[Mapping[str, str]], product: str) -> str | None:
    for block in blocks:
        if block.get("model name"):
            return block["model name"]
        core = _ARM_CORES.get(block.get("cpu part", "").lower())
        if core and block.get("cpu implementer", "").lower() == "0x41":
            if product.startswith("Amazon EC2") and core in _GRAVITON:
                return _GRAVITON[core]
            return f"ARM {core}"
    return None


def _online(root: Path, blocks: Iterable[Mapping[str, str]]) -> frozenset[int]:
    try:
        online = parse_cpu_list(_read(root / "sys/devices/system/cpu/online"))
    except ValueError:
        online = frozenset()
    if online:
        return online
    numbers = [block["processor"] for block in blocks if "processor" in block]
    return frozenset(int(number) for number in numbers if number.isdigit())


def _topology(
    root: Path, online: Iterable[int], blocks: Iterable[Mapping[str, str]]
) -> tuple[int | None, int | None]:
    """Return the number of cores and of packages of the CPUs that are online."""
    listed = {block.get("processor"): block for block in blocks}
    cores: set[tuple[int, int]] = set()
    sockets: set[int] = set()
    for cpu in online:
        folder = root / f"sys/devices/system/cpu/cpu{cpu}/topology"
        block = listed.get(str(cpu), {})
        package = _number(_read(folder / "physical_package_id") or block.get("physical id", ""))
        core = _number(_read(folder / "core_id") or block.get("core id", ""))
        if package is None:
            return None, None
        sockets.add(package)
        if core is not None:
            cores.add((package, core))
    return len(cores) or None, len(sockets) or None


def _number(text: str) -> int | None:
    """Return a number that the kernel knows; it writes -1 for what it does not."""
    text = text.strip()
    return int(text) if text.isdigit() else None


def _virtualised(root: Path, blocks: list[dict[str, str]], product: str) -> bool | None:
    flags = next((block["flags"].split() for block in blocks if "flags" in block), None)
    if flags is not None and "hypervisor" in flags:
        return True
    if _read(root / "sys/hypervisor/type").strip():
        return True
    if product.startswith("Amazon EC2"):
        return ".metal" not in product
    if product and _VIRTUAL_MACHINES.search(product):
        return True
    # x86 kernels list the flags that the processor reports, so its absence tells something.
    return False if flags is not None else None


def _machine_id(root: Path) -> str | None:
    places = ("etc/machine-id", "var/lib/dbus/machine-id")
    return next((text for place in places if (text := _read(root / place).strip())), None)


def _memory_mb(meminfo: str) -> float | None:
    match = re.search(r"^MemTotal:\s+(\d+) kB", meminfo, re.MULTILINE)
    return int(match.group(1)) * 1024 / 1e6 if match else None
