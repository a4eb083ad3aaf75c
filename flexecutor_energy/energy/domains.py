"""Names of energy domains, and which of them may be added up.

A kernel reports energy for nested and overlapping parts of a machine: cores and uncore lie inside
their package, and the platform (psys) holds everything. Adding them all would count joules twice.
"""

import re
from collections.abc import Iterable

from flexecutor_energy.energy.reading import Domain

MAIN_KINDS = ("package", "psys", "wall")
"""Kinds that hold the processors, best first: only the first one present is counted."""

INSIDE_KINDS = frozenset({"core", "uncore"})
"""Kinds that lie inside a package: reported, never added."""

_KNOWN = re.compile(r"(package|psys|wall|dram|core|uncore)(-.*)?")


def label(domain: Domain) -> str:
    """Return a domain's name with its socket, such as ``package-0`` or ``package-0-die-1``."""
    socket, name = domain
    kind, dash, rest = name.partition("-")
    return f"{kind}-{socket}{dash}{rest}"


def kind(name: str) -> str:
    """Return the kind that a domain label belongs to: ``package-0-die-1`` is a ``package``."""
    match = _KNOWN.fullmatch(name)
    return match.group(1) if match else name


def counted(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the labels that make up a total, grouped by kind; sockets of a kind are pooled.

    The total of a machine is the sum of its packages (or the platform where no package is
    reported, or a wall meter where neither is) plus its memory. Memory is left out beside a wall
    meter, which already holds it. Where none of these kinds is present, the other names are
    taken each for itself, so that a meter with names of its own still counts.
    """
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        groups.setdefault(kind(name), []).append(name)
    main = next((candidate for candidate in MAIN_KINDS if candidate in groups), None)
    if main is None:
        chosen = [name for name in groups if name not in INSIDE_KINDS]
    else:
        chosen = [main, *(["dram"] if "dram" in groups and main != "wall" else [])]
    return {name: tuple(groups[name]) for name in chosen}


def main_kind(names: Iterable[str]) -> str | None:
    """Return the kind that idle power belongs to when it is given as one number."""
    groups = counted(names)
    return next((name for name in MAIN_KINDS if name in groups), None) or next(
        (name for name in groups if name != "dram"), None
    )


def boundary(names: Iterable[str]) -> str:
    """Return what a total over these domains encloses, such as ``package+dram``."""
    return "+".join(counted(names))
