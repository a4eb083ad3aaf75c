"""How fine the picture is, in how many tiles."""

from dataclasses import dataclass

from dags.sizes import check_whole

_MOST_STEPS = 65_535  # counts are kept in 16 bits
_MOST_PIXELS = 100_000  # along one side


@dataclass(frozen=True, slots=True)
class Knobs:
    """Size of the picture.

    Attributes
    ----------
    width, height : pixels; the width spans the real numbers from −2.5 to 1, pixels are square
    limit : steps after which a point that has not left is taken to stay for ever
    tiles : bands of rows that workers divide among themselves; more workers do not help
    """

    width: int
    height: int
    limit: int
    tiles: int = 32

    def __post_init__(self) -> None:
        check_whole("width", self.width, least=1, most=_MOST_PIXELS)
        check_whole("height", self.height, least=1, most=_MOST_PIXELS)
        check_whole("limit", self.limit, least=1, most=_MOST_STEPS)
        check_whole("tiles", self.tiles, least=1, most=self.height)


PRESETS = {
    "small": Knobs(width=960, height=720, limit=1_500),
    "medium": Knobs(width=2_560, height=1_920, limit=4_000),
}
