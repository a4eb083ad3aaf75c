"""The meter that works everywhere: CPU time of this host times a power curve, and it says so."""

from pathlib import Path

from flexecutor_energy.energy.collector import Clocks
from flexecutor_energy.energy.power import PowerCurve
from flexecutor_energy.energy.procstat import HostCpu, host_cpu
from flexecutor_energy.energy.reading import Availability, EnergyReading


class ModelCollector:
    """A meter that integrates a power curve over the load of this host.

    Between two reads the load is the busy CPU time over all CPUs. A read that fails gives None,
    and loses nothing: the next one that works covers the time since the last.

    Parameters
    ----------
    curve : power of all that this host sees of its processors
    root : root of the file system
    clocks : where time comes from
    ticks_per_s : unit of ``/proc/stat``; None asks the system
    """

    def __init__(
        self,
        curve: PowerCurve,
        *,
        root: Path = Path("/"),
        clocks: Clocks | None = None,
        ticks_per_s: float | None = None,
    ) -> None:
        self.curve = curve
        self._root = root
        self._clocks = clocks or Clocks()
        self._ticks_per_s = ticks_per_s
        self._last: tuple[float, HostCpu] | None = None
        self._energy_uj = 0.0
        self._cores = 1

    @property
    def method(self) -> str:
        """``model``: nothing is measured."""
        return "model"

    def probe(self) -> Availability:
        """Return whether CPU time can be read; the reason names the processor and constants."""
        try:
            host_cpu(self._root, self._ticks_per_s)
        except (OSError, ValueError) as error:
            return Availability(False, str(error), "mount /proc of the host")
        unknown = "" if self.curve.known else "unknown processor, an average server is assumed: "
        return Availability(True, f"{unknown}{self.curve.cpu}: {self.curve.source}")

    def read(self) -> EnergyReading:
        """Return the modelled energy since the first read, as a counter that never wraps."""
        now, wall = self._clocks.monotonic(), self._clocks.wall()
        domain = (0, self.curve.boundary)
        try:
            cpu = host_cpu(self._root, self._ticks_per_s)
        except (OSError, ValueError) as error:
            return EnergyReading(now, wall, {domain: None}, "model", problems={domain: str(error)})
        if self._last is None:
            self._last = (now, cpu)
        elif now > self._last[0]:
            before, earlier = self._last
            busy = max(0.0, cpu.busy_s - earlier.busy_s)
            self._cores = max(self._cores, cpu.cores, earlier.cores)  # some may go offline
            load = busy / ((now - before) * self._cores)
            self._energy_uj += self.curve.watts(load).mean * (now - before) * 1e6
            self._last = (now, cpu)
        return EnergyReading(now, wall, {domain: round(self._energy_uj)}, "model")
