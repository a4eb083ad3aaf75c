"""The driver's host, watched from the beginning of a measurement to its end."""

import time

from flexecutor_energy.energy.choice import Counters, MeterChoice
from flexecutor_energy.energy.sampler import HostSampler
from flexecutor_energy.energy.select import probe_collectors
from flexecutor_energy.errors import EnergyUnavailableError
from flexecutor_energy.hardware.detect import detect_host, machine_key
from flexecutor_energy.lithops_meter import shipped
from flexecutor_energy.lithops_meter.calls import DriverHost


class DriverWatch:
    """Samples the driver's host and counts what the driver and all below it use.

    Parameters
    ----------
    choice : which counters to read

    Raises
    ------
    EnergyUnavailableError
        The counters of the one method asked for cannot be read here.
    """

    def __init__(self, choice: MeterChoice) -> None:
        counters = _opened(choice)
        self.refused = counters.refused
        self._facts = detect_host(choice.system_root)
        self._sampler = HostSampler(counters.collectors, root=choice.system_root)
        self._before_s = (0.0, 0.0)

    def start(self) -> None:
        """Begin to watch."""
        self._sampler.start()
        self._before_s = (shipped.own_cpu_s(), shipped.below_cpu_s())

    def view(self) -> DriverHost:
        """Return what was seen up to now."""
        own_s, below_s = self._before_s
        self._sampler.settle()
        return DriverHost(
            host_id=shipped.host_id(),
            facts=self._facts,
            machine_key=machine_key(self._facts),
            samples=self._sampler.samples,
            began_s=time.time() - time.monotonic(),
            own_cpu_s=max(0.0, shipped.own_cpu_s() - own_s),
            below_cpu_s=max(0.0, shipped.below_cpu_s() - below_s),
        )

    def close(self) -> None:
        """Stop, and let go of the counters."""
        self._sampler.close()


def _opened(choice: MeterChoice) -> Counters:
    counters = choice.open()
    if choice.method in {"auto", "model"} or counters.collectors:
        return counters
    root = None if choice.root is None else choice.root_path
    refusal = probe_collectors(root=root, perf_command=choice.perf_command)[choice.method]
    raise EnergyUnavailableError(choice.method, refusal.reason, refusal.remedy)
