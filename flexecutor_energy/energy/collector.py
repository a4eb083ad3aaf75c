"""The protocol that every energy meter of this project fulfils.

One file per method. A collector is built with everything it touches (file-system root, command,
clocks) as arguments, imports nothing outside the standard library, and travels to workers.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from flexecutor_energy.energy.reading import Availability, EnergyReading


@runtime_checkable
class EnergyCollector(Protocol):
    """A meter of cumulative energy."""

    @property
    def method(self) -> str:
        """Name of the method, as it stands beside every figure."""
        ...

    def probe(self) -> Availability:
        """Return whether the method works here; never raise for a machine that lacks it."""
        ...

    def read(self) -> EnergyReading:
        """Return the counters now; a counter that cannot be read is None with its reason."""
        ...


@runtime_checkable
class _Closeable(Protocol):
    def close(self) -> None:
        """Let go of what is held."""
        ...


def close_collector(collector: EnergyCollector) -> None:
    """Stop what a collector keeps running; most keep nothing and have no ``close``."""
    if isinstance(collector, _Closeable):
        collector.close()


def _monotonic() -> float:
    return time.monotonic()


def _wall() -> float:
    return time.time()


@dataclass(frozen=True, slots=True)
class Clocks:
    """The two clocks that a reading carries, injected so that tests can set them."""

    monotonic: Callable[[], float] = _monotonic
    wall: Callable[[], float] = _wall
