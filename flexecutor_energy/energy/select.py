"""Which meter is used on this host, and why the better ones are not."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from flexecutor_energy.energy.collector import EnergyCollector
from flexecutor_energy.energy.curves import default_curve
from flexecutor_energy.energy.model import ModelCollector
from flexecutor_energy.energy.perf import PerfCollector
from flexecutor_energy.energy.power import PowerCurve
from flexecutor_energy.energy.rapl import POWERCAP, RaplCollector
from flexecutor_energy.energy.reading import Availability, EnergyReading
from flexecutor_energy.errors import ConfigurationError, EnergyUnavailableError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_LOG = logging.getLogger(__name__)

ENTRY_POINTS = "flexecutor_energy.collectors"
"""Entry-point group of meters from other packages.

The name of an entry point is the name of its method; it loads a function that takes the root of
the file system and returns an ``EnergyCollector``.
"""

PREFERRED = ("rapl", "perf", "model")
"""The order of ``auto``: measured before modelled, and without a process of its own first."""

Makers = Mapping[str, Callable[[], EnergyCollector]]


@dataclass(frozen=True, slots=True)
class SelectedCollector:
    """A meter, and why those that come before it were not taken.

    Attributes
    ----------
    collector : the meter itself
    refused : methods that were tried in vain, each with its reason
    """

    collector: EnergyCollector
    refused: list[tuple[str, str]] = field(default_factory=list)

    @property
    def method(self) -> str:
        """Name of the method that was chosen."""
        return self.collector.method

    def probe(self) -> Availability:
        """Return whether the chosen method can be used."""
        return self.collector.probe()

    def read(self) -> EnergyReading:
        """Return the counters of the chosen method now."""
        return self.collector.read()


@dataclass(frozen=True, slots=True)
class BrokenCollector:
    """Stands for a meter of another package that could not be made."""

    method: str
    reason: str

    def probe(self) -> Availability:
        """Return why it could not be made."""
        return Availability(False, self.reason, "mend or remove the package that brings it")

    def read(self) -> EnergyReading:
        """Return a reading without domains; its energy is unknown."""
        return EnergyReading(0.0, 0.0, {}, self.method)


class OffCollector:
    """No meter at all: reads nothing and costs nothing."""

    @property
    def method(self) -> str:
        """``off``."""
        return "off"

    def probe(self) -> Availability:
        """Return that no energy is to be measured."""
        return Availability(False, "energy measurement is switched off")

    def read(self) -> EnergyReading:
        """Return a reading without domains; its energy is unknown."""
        return EnergyReading(0.0, 0.0, {}, "off")


def select_collector(
    method: str = "auto",
    *,
    root: Path | None = None,
    curve: PowerCurve | None = None,
    perf_command: Sequence[str] = ("perf",),
) -> SelectedCollector:
    """Return a meter that works on this host.

    Parameters
    ----------
    method : ``auto`` (the first of rapl, perf and model that works), ``off``, or the name of one
        method, which is then used or refused, never replaced
    root : a powercap folder, or the root of a file system that holds one; None means this host
    curve : power curve for ``model``; None takes an average server for each CPU of this host
    perf_command : how perf is called

    Returns
    -------
    SelectedCollector
        With ``refused``: why methods that come first were not taken.

    Raises
    ------
    EnergyUnavailableError
        The method asked for, or every one of ``auto``, cannot be used.
    ConfigurationError
        No method has this name.
    """
    if method == "off":
        return SelectedCollector(OffCollector())
    makers = collector_makers(root, curve, perf_command)
    if method != "auto" and method not in makers:
        raise no_such_method(method, makers)
    refused: list[tuple[str, str]] = []
    for name in PREFERRED if method == "auto" else (method,):
        collector = makers[name]()
        availability = collector.probe()
        if availability.ok:
            return SelectedCollector(collector, refused)
        if method != "auto":
            raise EnergyUnavailableError(name, availability.reason, availability.remedy)
        _LOG.info("energy method %s is not used: %s", name, availability.reason)
        refused.append((name, availability.reason))
    reasons = "; ".join(f"{name}: {reason}" for name, reason in refused)
    raise EnergyUnavailableError("auto", reasons)


def available_collectors(
    *,
    root: Path | None = None,
    curve: PowerCurve | None = None,
    perf_command: Sequence[str] = ("perf",),
) -> dict[str, EnergyCollector]:
    """Return every meter that works on this host, by its method, the preferred ones first."""
    makers = collector_makers(root, curve, perf_command)
    collectors = {name: make() for name, make in makers.items()}
    return {name: meter for name, meter in collectors.items() if meter.probe().ok}


def probe_collectors(
    *,
    root: Path | None = None,
    curve: PowerCurve | None = None,
    perf_command: Sequence[str] = ("perf",),
) -> dict[str, Availability]:
    """Return for every method whether it works on this host, and why or why not."""
    makers = collector_makers(root, curve, perf_command)
    return {name: make().probe() for name, make in makers.items()}


def no_such_method(method: str, makers: Makers) -> ConfigurationError:
    """Return the error that names the methods there are."""
    known = ", ".join(["auto", *makers, "all", "off"])
    return ConfigurationError(f"energy method {method!r} does not exist; there are: {known}")


def collector_makers(
    root: Path | None,
    curve: PowerCurve | None,
    perf_command: Sequence[str],
    *,
    foreign: bool = True,
) -> Makers:
    """Return for every method what makes its meter; ``foreign`` includes other packages'."""
    powercap, system = _roots(root)
    power = curve or default_curve("processor that was not looked up", os.cpu_count() or 1)
    own: dict[str, Callable[[], EnergyCollector]] = {
        "rapl": lambda: RaplCollector(powercap),
        "perf": lambda: PerfCollector(perf_command),
        "model": lambda: ModelCollector(power, root=system),
    }
    if not foreign:
        return own
    return own | {name: make for name, make in _foreign(system).items() if name not in own}


def _roots(root: Path | None) -> tuple[Path, Path]:
    """Return the powercap folder and the root of the file system that are meant."""
    if root is None:
        return POWERCAP, Path("/")
    inside = root / POWERCAP.relative_to("/")
    is_system = inside.is_dir() or (root / "proc").is_dir()
    return (inside, root) if is_system else (root, Path("/"))


def foreign_methods() -> list[str]:
    """Return the names of the methods that other packages bring."""
    from importlib.metadata import entry_points

    return [point.name for point in entry_points(group=ENTRY_POINTS)]


def _foreign(system: Path) -> dict[str, Callable[[], EnergyCollector]]:
    """Return the meters that other packages bring."""
    # Loaded here because it is slow to load and a worker never needs it.
    from importlib.metadata import entry_points

    return {
        point.name: partial(_load, point, system) for point in entry_points(group=ENTRY_POINTS)
    }


def _load(point: "EntryPoint", system: Path) -> EnergyCollector:
    """Return a meter of another package; one that cannot be made says so when it is probed."""
    try:
        make: Callable[[Path], EnergyCollector] = point.load()
        return make(system)
    except Exception as error:  # noqa: BLE001 - code of others: it must not take doctor along
        return BrokenCollector(point.name, f"{point.value}: {type(error).__name__}: {error}")
