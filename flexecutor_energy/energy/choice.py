"""Which counters are read where workers run, decided there and not on the driver's host."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flexecutor_energy.energy.collector import EnergyCollector
from flexecutor_energy.energy.select import Makers, collector_makers, no_such_method

COUNTERS = ("rapl", "perf")
"""Methods that read a counter of their host; ``model`` needs none, and is computed afterwards."""


@dataclass(frozen=True, slots=True)
class Counters:
    """The energy counters of a host that are to be read.

    Attributes
    ----------
    collectors : the meters; none where energy is only modelled
    refused : methods that were asked for in vain, each with its reason
    """

    collectors: tuple[EnergyCollector, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class MeterChoice:
    """Which counters are wanted, wherever a worker comes to run: it travels with its task.

    Attributes
    ----------
    method : ``auto`` (the first of rapl and perf that works), ``all`` (every one that does),
        ``model`` (none), or one method
    root : a powercap folder, or the root of a file system that holds one, such as the place
        where a container has its host mounted; None means the host itself
    perf_command : how perf is called
    """

    method: str = "auto"
    root: str | None = None
    perf_command: tuple[str, ...] = ("perf",)

    @property
    def root_path(self) -> Path | None:
        """``root`` as a path."""
        return Path(self.root) if self.root is not None else None

    @property
    def system_root(self) -> Path:
        """Root of the file system that holds the host's ``/proc``."""
        root = self.root_path
        return root if root is not None and (root / "proc/stat").is_file() else Path("/")

    def open(self) -> Counters:
        """Return the counters that can be read on this host, and why others cannot.

        Raises
        ------
        ConfigurationError
            No method has this name.
        """
        if self.method == "model":
            return Counters()
        makers = collector_makers(
            self.root_path, None, self.perf_command, foreign=self.method not in {"auto", *COUNTERS}
        )
        if self.method == "auto":
            names: Sequence[str] = COUNTERS
        elif self.method == "all":
            names = [name for name in makers if name != "model"]
        elif self.method in makers:
            names = (self.method,)
        else:
            raise no_such_method(self.method, makers)
        return _opened(makers, names, first_only=self.method == "auto")


def _opened(makers: Makers, names: Sequence[str], *, first_only: bool) -> Counters:
    collectors: list[EnergyCollector] = []
    refused: list[tuple[str, str]] = []
    for name in names:
        collector = makers[name]()
        availability = collector.probe()
        if availability.ok:
            collectors.append(collector)
            if first_only:
                break
        else:
            refused.append((name, availability.reason))
    return Counters(tuple(collectors), tuple(refused))
