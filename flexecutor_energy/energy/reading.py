"""What a collector says: whether it works, what its counters read, what lies between reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Domain: TypeAlias = tuple[int, str]
"""Socket number and name of an energy domain, such as ``(0, "package")``."""


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a method can be used on this host.

    Attributes
    ----------
    ok : True if a read is expected to give energy
    reason : what was found, or which file or command was refused and how
    remedy : what would make it usable, "" where nothing is needed or nothing helps
    """

    ok: bool
    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class EnergyReading:
    """The counters of one host at one instant.

    Attributes
    ----------
    t_monotonic_s : monotonic clock of the host, seconds; differences of it are durations
    t_wall_s : wall clock of the host, seconds since 1970; only for people to read
    domains : cumulative energy of each domain, microjoules; None where it could not be read
    method : the method that read them, such as ``rapl`` or ``model``
    ranges_uj : value at which the counter of a domain starts again at 0, microjoules; a domain
        that is absent here never starts again, one with None does so at an unknown value
    problems : for each domain that is None, why
    origin : names where the counters began, if that is not the start of the host: readings of
        different origins (two processes that each began at 0) cannot be subtracted
    """

    t_monotonic_s: float
    t_wall_s: float
    domains: Mapping[Domain, int | None]
    method: str
    ranges_uj: Mapping[Domain, int | None] = field(default_factory=dict)
    problems: Mapping[Domain, str] = field(default_factory=dict)
    origin: str = ""


@dataclass(frozen=True, slots=True)
class EnergyDelta:
    """The energy between two readings of one collector.

    Attributes
    ----------
    total_j : joules of the domains that add up (see ``domains.counted``), None as soon as one of
        them is unknown
    domains_j : joules of each domain by its label, such as ``package-0``; None where unknown
    reason : why a domain is unknown, None if all are known
    duration_s : seconds between the readings on the monotonic clock
    """

    total_j: float | None
    domains_j: Mapping[str, float | None]
    reason: str | None
    duration_s: float = 0.0
