"""How many reviews there are, and in how many pieces."""

from dataclasses import dataclass

from dags.sizes import check_whole


@dataclass(frozen=True, slots=True)
class Knobs:
    """Size of the data.

    Attributes
    ----------
    copies : how often each of the 19,503 texts is reviewed; nothing is remembered from one copy
        to the next
    pieces : objects in which they lie; more workers do not help to score them
    """

    copies: int
    pieces: int = 12

    def __post_init__(self) -> None:
        check_whole("copies", self.copies, least=1, most=100_000)
        check_whole("pieces", self.pieces, least=1, most=1_000)


PRESETS = {"small": Knobs(copies=3), "medium": Knobs(copies=20)}
