"""Data that stages read and write, as prefixes of an object store."""

from dataclasses import dataclass
from enum import Enum

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.workflow.chunking import Chunker


class ReadStrategy(Enum):
    """How the objects of an input are given to the workers of a stage."""

    SCATTER = 1
    """Each worker gets its share."""
    BROADCAST = 2
    """Each worker gets everything."""


StrategyEnum = ReadStrategy  # Flexecutor's name


@dataclass(frozen=True, slots=True)
class FlexData:
    """All objects below one prefix of a bucket.

    Attributes
    ----------
    prefix : where the objects lie
    bucket : their bucket; None means the bucket of the storage in use
    custom_data_id : the name by which stages refer to the data; the prefix by default
    read_strategy : scatter (each worker its share) or broadcast (each worker all)
    chunker : cuts single objects, so that several workers can share one
    local_base_path : folder for the workers' private copies; None means the system's
    suffix : ending of the files that a stage writes
    """

    prefix: str
    bucket: str | None = None
    custom_data_id: str | None = None
    read_strategy: ReadStrategy = ReadStrategy.SCATTER
    chunker: Chunker | None = None
    local_base_path: str | None = None
    suffix: str = ".file"

    def __post_init__(self) -> None:
        prefix = self.prefix.strip("/") if isinstance(self.prefix, str) else ""
        if not prefix or any(part in {"", ".", ".."} for part in prefix.split("/")):
            raise ConfigurationError(
                f"a prefix names a folder of the object store, got {self.prefix!r}"
            )
        if "/" in self.suffix:
            raise ConfigurationError(f"a suffix cannot hold '/', got {self.suffix!r}")
        if self.chunker is not None and self.read_strategy is ReadStrategy.BROADCAST:
            raise ConfigurationError(
                f"data {prefix!r} is broadcast and chunked; a chunker goes with scatter"
            )
        object.__setattr__(self, "prefix", prefix)

    @property
    def data_id(self) -> str:
        """The name by which stages refer to this data."""
        return self.custom_data_id or self.prefix

    @property
    def id(self) -> str:
        """Same as ``data_id``, as Flexecutor calls it."""
        return self.data_id
