"""How many records there are, in how many blocks and partitions."""

from dataclasses import dataclass

from dags.sizes import check_whole

_MOST_PIECES = 256


@dataclass(frozen=True, slots=True)
class Knobs:
    """Size of the data.

    Attributes
    ----------
    records : records of 100 bytes
    blocks : pieces in which they are made and partitioned; more workers do not help there
    partitions : ranges of keys that are sorted one by one; more workers do not help there
    seed : root of the random sequences of all blocks
    """

    records: int
    blocks: int = 8
    partitions: int = 8
    seed: int = 1998

    def __post_init__(self) -> None:
        check_whole("blocks", self.blocks, least=1, most=_MOST_PIECES)
        check_whole("partitions", self.partitions, least=1, most=_MOST_PIECES)
        check_whole("records", self.records, least=self.blocks * self.partitions)
        check_whole("seed", self.seed, least=0)


PRESETS = {
    "small": Knobs(records=500_000),
    "medium": Knobs(records=4_000_000, blocks=16, partitions=16),
}
