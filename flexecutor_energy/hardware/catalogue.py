"""Processors, rented machines and coefficients, found by the name that a host reports."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from typing import Protocol

from flexecutor_energy.hardware.names import is_model, normalise
from flexecutor_energy.hardware.records import (
    Coefficients,
    CpuRecord,
    Facts,
    InstanceRecord,
    Seed,
    merged,
)
from flexecutor_energy.hardware.tables import read_coefficients, read_cpus, read_instances

_PACKAGE = resources.files("flexecutor_energy.hardware")
_DATA = _PACKAGE / "data"
_NUMBERED = re.compile(r"[^\W_]*\d[^\W_]*")
"""Letters and digits in a row, with a digit among them."""


class Catalogue(Protocol):
    """Where hardware is looked up. What is shipped and what was imported answer as one."""

    def find(self, name: str) -> CpuRecord | None:
        """Return the record of the model that a host names, None if it is not known.

        Only equal models match, after trademarks, clock rates and the like are taken off both
        names. A brand without a model, or a model that is merely similar, is not known, unless
        a user imported a row of that very name.
        """

    def instance(self, kind: str, provider: str = "aws") -> InstanceRecord | None:
        """Return the record of a machine type such as ``m5.large``, None if it is not known."""

    def coefficients(self, architecture: str | None) -> Coefficients | None:
        """Return the watts per thread of a micro-architecture, None if there are none."""

    def all(self) -> tuple[CpuRecord, ...]:
        """Return every row of a processor, as its source has it; imported ones last."""

    def all_instances(self) -> tuple[InstanceRecord, ...]:
        """Return every row of a machine type; imported ones last."""

    def all_coefficients(self) -> tuple[Coefficients, ...]:
        """Return every row of a micro-architecture; imported ones last."""


class MemoryCatalogue:
    """A catalogue of rows that are at hand."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        # where both are there, the imported row replaces the other
        instances = sorted(facts.instances, key=lambda row: row.imported)
        coefficients = sorted(facts.coefficients, key=lambda row: row.imported)
        self._instances = {(row.provider, row.type): row for row in instances}
        self._coefficients = {row.architecture: row for row in coefficients}

    def find(self, name: str) -> CpuRecord | None:
        """Return the record of the model that a host names, None if it is not known."""
        key = normalise(name)
        return merged([row for row in self._candidates(key) if normalise(row.name) == key])

    def _candidates(self, key: str) -> Iterator[CpuRecord]:
        """Return rows that may be of a model, without spelling thousands of names for one.

        Normalising takes parts off a name and joins none, so the row of a model holds its
        longest word with a number. A key without one is a brand, which only an imported row
        can be.
        """
        word = max(_NUMBERED.findall(key), key=len, default="")
        model = is_model(key)
        for row in self._facts.cpus:
            if row.imported or (model and word in unicodedata.normalize("NFKC", row.name.lower())):
                yield row

    def instance(self, kind: str, provider: str = "aws") -> InstanceRecord | None:
        """Return the record of a machine type, None if it is not known."""
        return self._instances.get((provider, kind))

    def coefficients(self, architecture: str | None) -> Coefficients | None:
        """Return the watts per thread of a micro-architecture, None if there are none."""
        return None if architecture is None else self._coefficients.get(architecture)

    def all(self) -> tuple[CpuRecord, ...]:
        """Return every row of a processor, as its source has it; imported ones last."""
        return tuple(sorted(self._facts.cpus, key=lambda row: row.imported))

    def all_instances(self) -> tuple[InstanceRecord, ...]:
        """Return every row of a machine type; imported ones last."""
        return tuple(sorted(self._facts.instances, key=lambda row: row.imported))

    def all_coefficients(self) -> tuple[Coefficients, ...]:
        """Return every row of a micro-architecture; imported ones last."""
        return tuple(sorted(self._facts.coefficients, key=lambda row: row.imported))


@lru_cache(maxsize=1)
def shipped_catalogue() -> MemoryCatalogue:
    """Return the catalogue that comes with the project (read once; it never changes)."""
    return MemoryCatalogue(shipped_facts())


def shipped_facts() -> Facts:
    """Return the rows that come with the project."""
    return Facts(
        cpus=tuple(read_cpus(_DATA / "cpus.csv")),
        instances=tuple(read_instances(_DATA / "instances.csv")),
        coefficients=tuple(read_coefficients(_DATA / "coefficients.csv")),
    )


def shipped_seed() -> Seed:
    """Return what databases are filled with: the rows that come with the project.

    Their version is a hash of the data files and of the rules by which names are compared, for
    the database holds names as these rules spell them.
    """
    import hashlib

    digest = hashlib.sha256()
    for file in ("data/cpus.csv", "data/instances.csv", "data/coefficients.csv", "names.py"):
        digest.update((_PACKAGE / file).read_bytes())
    return Seed(digest.hexdigest()[:16], shipped_facts)
