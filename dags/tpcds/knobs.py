"""How much data there is, in how many pieces, and in how many parts it is joined."""

from dataclasses import dataclass

from dags.sizes import check_whole

_MOST_PIECES = 256


@dataclass(frozen=True, slots=True)
class Knobs:
    """Size of the data.

    Attributes
    ----------
    scale : TPC-DS scale factor; 719,384 sales each, and from 1 on the query finds orders
    pieces : objects in which the sales lie; more workers do not help to read them. Returns and
        addresses, of which there are a tenth as many, lie in a quarter as many objects
    partitions : parts, by the hash of the order, that are joined one beside the other; more
        workers do not help there
    """

    scale: int
    pieces: int = 8
    partitions: int = 8

    def __post_init__(self) -> None:
        check_whole("scale", self.scale, least=1, most=1_000)
        check_whole("pieces", self.pieces, least=1, most=_MOST_PIECES)
        check_whole("partitions", self.partitions, least=1, most=_MOST_PIECES)

    @property
    def small_pieces(self) -> int:
        """Objects in which each of the smaller tables lies."""
        return max(1, self.pieces // 4)


PRESETS = {"small": Knobs(scale=1), "medium": Knobs(scale=3)}
