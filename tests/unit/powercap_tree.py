"""Trees of files shaped like ``/sys/class/powercap``, and meters that read them."""

import os
from collections.abc import Callable
from pathlib import Path

from flexecutor_energy.energy import RaplCollector
from flexecutor_energy.energy.collector import Clocks

RANGE = 262_143_328_850


def zone(root: Path, folder: str, name: str, energy: object = 0, span: object = RANGE) -> Path:
    path = root / folder
    path.mkdir(parents=True, exist_ok=True)
    (path / "name").write_text(f"{name}\n")
    (path / "energy_uj").write_text(f"{energy}\n")
    if span is not None:
        (path / "max_energy_range_uj").write_text(f"{span}\n")
    return path


def two_sockets(root: Path) -> Path:
    (root / "intel-rapl").mkdir()
    for socket in (0, 1):
        zone(root, f"intel-rapl:{socket}", f"package-{socket}", 1_000_000)
        # Shuffled on purpose: the number of a folder does not tell its kind.
        for place, kind in enumerate(["dram", "core", "uncore"] if socket else ["core", "dram"]):
            zone(root, f"intel-rapl:{socket}:{place}", kind, 500_000)
    zone(root, "intel-rapl:2", "psys", 9_000_000)
    return root


def advance(root: Path, microjoules: int) -> None:
    for file in root.rglob("energy_uj"):
        file.write_text(f"{int(file.read_text()) + microjoules}\n")


class Second:
    """A clock that moves by one second whenever it is asked."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def collector(root: Path, read_text: Callable[[Path], str] | None = None) -> RaplCollector:
    """A meter that reads once a second."""
    return RaplCollector(root, clocks=Clocks(Second(), Second()), read_text=read_text)


def refusing(path: Path, code: int) -> Callable[[Path], str]:
    def read_text(file: Path) -> str:
        if file == path:
            raise OSError(code, os.strerror(code), str(file))
        return file.read_text()

    return read_text
