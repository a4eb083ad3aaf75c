"""A machine of files: energy counters and CPU time that move with a clock of its own."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from flexecutor_energy.energy.collector import Clocks

RANGE_UJ = 262_143_328_850


class Machine:
    """A bare machine of one package and its memory, below a root folder.

    Attributes
    ----------
    now : seconds that its clock shows
    busy_cpus : CPUs that are busy; 0 without load
    foreign_cpus : CPUs that others use all the time
    broken : whether its counters cannot be read
    tells_cpu_time : whether ``/proc/stat`` is there
    """

    def __init__(
        self,
        root: Path,
        *,
        cpus: int = 4,
        idle_w: float = 20.0,
        cpu_w: float = 15.0,
        dram_w: float = 4.0,
    ) -> None:
        self.root = root
        self.cpus = cpus
        self.idle_w, self.cpu_w, self.dram_w = idle_w, cpu_w, dram_w
        self.now = 1000.0
        self.busy_cpus = 0.0
        self.foreign_cpus = 0.0
        self.broken = False
        self.tells_cpu_time = True
        self._busy_s = 100.0
        self._uj = {"package-0": RANGE_UJ - 300e6, "dram": 5e6}  # the package wraps soon
        self._zones = {
            name: root / "sys/class/powercap" / folder
            for name, folder in (("package-0", "intel-rapl:0"), ("dram", "intel-rapl:0:0"))
        }
        for name, folder in self._zones.items():
            folder.mkdir(parents=True)
            (folder / "name").write_text(f"{name}\n")
            (folder / "max_energy_range_uj").write_text(f"{RANGE_UJ}\n")
        (root / "proc").mkdir()
        self._write()

    @property
    def clocks(self) -> Clocks:
        return Clocks(lambda: self.now, lambda: self.now)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        used = min(self.busy_cpus + self.foreign_cpus, float(self.cpus))
        self.now += seconds
        self._busy_s += used * seconds
        self._uj["package-0"] += (self.idle_w + self.cpu_w * used) * seconds * 1e6
        self._uj["dram"] += self.dram_w * seconds * 1e6
        self._write()

    @contextlib.contextmanager
    def full_load(self) -> Iterator[None]:
        """Keep every CPU busy."""
        self.busy_cpus = float(self.cpus)
        try:
            yield
        finally:
            self.busy_cpus = 0.0

    def _write(self) -> None:
        ticks = round(self._busy_s * os.sysconf("SC_CLK_TCK"))
        rows = [f"cpu  {ticks} 0 0 1000 0 0 0 0 0 0"]
        rows += [f"cpu{cpu} 0 0 0 250 0 0 0 0 0 0" for cpu in range(self.cpus)]
        stat = self.root / "proc/stat"
        if self.tells_cpu_time:
            _replace(stat, "\n".join(rows) + "\n")
        else:
            stat.unlink(missing_ok=True)
        for name, folder in self._zones.items():
            text = "" if self.broken else f"{round(self._uj[name]) % RANGE_UJ}\n"
            _replace(folder / "energy_uj", text)


def _replace(path: Path, text: str) -> None:
    """Write in one step, for another process may be reading."""
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.replace(path)
