"""What is known of calls and of hosts, before and after joules are shared out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flexecutor_energy.energy.method import EnergyMethod
from flexecutor_energy.energy.sampler import HostSample
from flexecutor_energy.hardware.detect import HostFacts
from flexecutor_energy.lithops_meter.account import Account

FUTURES, STARTUP, DRIVER = "futures", "startup", "driver"
ROWS = (FUTURES, STARTUP, DRIVER, "system", "host_idle", "unassigned")
"""Where the joules of a host went; the rows add up to them.

``startup`` is everything below the driver's process that is not a call: Lithops' own processes,
the interpreters and imports of its workers, reading and writing what they exchange, calls that
have not ended, and the calls of other executors of this process.
"""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a user's function.

    Attributes
    ----------
    number : its name here
    account : what it counted; None where nothing came back
    reason : why nothing came back, ""
    cores : cores that are reserved for it
    submitted_s : when it was handed to Lithops, by the driver's monotonic clock
    """

    number: int
    account: Account | None
    reason: str = ""
    cores: float = 1.0
    submitted_s: float = 0.0


@dataclass(frozen=True, slots=True)
class DriverHost:
    """The driver's host, as the driver watched it from the beginning to the end.

    Attributes
    ----------
    host_id : by which its calls are told
    facts, machine_key : the machine
    samples : its counters, in order
    began_s : its wall clock less its monotonic one
    own_cpu_s : CPU seconds of the driver's process meanwhile
    below_cpu_s : CPU seconds of all processes below it meanwhile, its calls included
    """

    host_id: str
    facts: HostFacts
    machine_key: str
    samples: Sequence[HostSample]
    began_s: float
    own_cpu_s: float
    below_cpu_s: float


@dataclass(frozen=True, slots=True)
class CallEnergy:
    """Energy of one call in microjoules; None where it is not known, and then why.

    Attributes
    ----------
    host_id : where it ran; None where nobody knows
    dynamic_uj : what its own work drew
    idle_uj : its share of what the host draws without work, for the cores reserved
    reason : why it is not known, ""
    """

    host_id: str | None
    dynamic_uj: int | None = None
    idle_uj: int | None = None
    reason: str = ""

    @property
    def energy_uj(self) -> int | None:
        """Both together, None if either is unknown."""
        if self.dynamic_uj is None or self.idle_uj is None:
            return None
        return self.dynamic_uj + self.idle_uj


@dataclass(frozen=True, slots=True)
class HostEnergy:
    """Energy of one host and where it went.

    Attributes
    ----------
    host_id : the host
    how : where the figures come from
    calls : energy of its calls
    rows : microjoules by where they went (``ROWS``); they add up to ``total_uj``
    foreign_share : share of the host's CPU time that was neither the driver's nor below it; None
        where it is not known
    """

    host_id: str
    how: EnergyMethod
    calls: Mapping[int, CallEnergy]
    rows: Mapping[str, int]
    foreign_share: float | None = None

    @property
    def total_uj(self) -> int:
        """Energy of the host while it was watched."""
        return sum(self.rows.values())


@dataclass(frozen=True, slots=True)
class Shares:
    """Energy of all calls.

    Attributes
    ----------
    calls : by their number
    hosts : the hosts that could be told, the driver's first
    refused : methods that were refused on other hosts, each with its reason
    """

    calls: Mapping[int, CallEnergy]
    hosts: tuple[HostEnergy, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
