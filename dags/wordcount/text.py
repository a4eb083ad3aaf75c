"""The text to count: drawn from a list of words, the same for the same knobs."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dags.sizes import check_whole


@dataclass(frozen=True, slots=True)
class Knobs:
    """Size of the text.

    Attributes
    ----------
    words : words in all, about five bytes each
    files : objects they are spread over
    seed : which text is drawn
    """

    words: int
    files: int = 8
    seed: int = 7

    def __post_init__(self) -> None:
        check_whole("files", self.files, least=1, most=10_000)
        check_whole("words", self.words, least=self.files)
        check_whole("seed", self.seed, least=0)


PRESETS = {"small": Knobs(words=4_000_000), "medium": Knobs(words=20_000_000, files=32)}

_VOCABULARY = """
the a of and to we in it is our on they with for that as was by river field cloud engine winter
lamp stone garden window silver copper market bridge kettle harbour meadow orchard lantern paper
thunder valley forest candle mountain traveller evening morning shadow whisper hammer anvil needle
thread carpet basket ladder barrel wagon saddle feather blossom pebble willow maple cedar heron
falcon otter badger salmon cricket beetle walnut almond pepper ginger honey butter barley oat
turbine battery current voltage meter kilowatt furnace boiler chimney cable signal circuit magnet
sensor ledger harvest ferry sailor captain painter weaver baker miller farmer teacher doctor clerk
carries follows gathers measures counts builds mends borrows lends forgets remembers sings walks
wanders listens answers promises waits begins ends slowly quickly quietly gladly seldom often never
always yesterday tomorrow tonight amber crimson violet golden narrow broad gentle stubborn curious
patient hollow bitter mellow distant nearby café naïve déjà über señor fjord smörgås crème
"""
_WORDS = tuple(_VOCABULARY.split())

_EXPONENT = 1.1  # of the Zipf law, near what is found in large collections of English text
_WORDS_PER_LINE = 12


def file_texts(knobs: Knobs) -> Iterator[str]:
    """Yield the text of each file: capitalised lines of twelve words that end in a full stop."""
    weights = np.arange(1, len(_WORDS) + 1) ** -_EXPONENT
    reached = np.cumsum(weights / weights.sum())
    generator = np.random.default_rng(knobs.seed)
    cuts = [knobs.words * i // knobs.files for i in range(knobs.files + 1)]
    for first, last in itertools.pairwise(cuts):
        ranks = np.searchsorted(reached, generator.random(last - first), side="right")
        yield _lines([_WORDS[rank] for rank in np.minimum(ranks, len(_WORDS) - 1).tolist()])


def _lines(words: list[str]) -> str:
    lines = (
        " ".join(words[start : start + _WORDS_PER_LINE])
        for start in range(0, len(words), _WORDS_PER_LINE)
    )
    return "".join(f"{line[0].upper()}{line[1:]}.\n" for line in lines)
