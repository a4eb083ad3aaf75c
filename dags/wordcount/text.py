"""The text to count: drawn from a list of words, the same for the same knobs."""

import itertools
from dataclasses import dataclass

import numpy as np

from dags.sizes import check_whole


@dataclass(frozen=True, slots=True)
class Knobs:
    """Size of the text.

    Attributes
    ----------
    words : words in all, about 5.6 bytes each
    files : objects they are spread over
    seed : which text is drawn
    """

    words: int
    files: int = 4
    seed: int = 7

    def __post_init__(self) -> None:
        check_whole("files", self.files, least=1, most=10_000)
        check_whole("words", self.words, least=self.files)
        check_whole("seed", self.seed, least=0)


PRESETS = {"small": Knobs(words=300_000), "medium": Knobs(words=4_000_000, files=16)}

_VOCABULARY = """
the of and to in is that it was for on are as with they be at one have this from or had by hot
but some what there we can out other were all your when up use word how said an each she which do
their time if will way about many then them would write like so these her long make thing see him
two has look more day could go come did my sound no most number who over know water than call
first people may down side been now find any new work part take get place made live where after
back little only round man year came show every good me give our under name very through just form
much great think say help low line before turn cause same mean differ move right boy old too does
tell sentence set three want air well also play small end put home read hand port large spell add
even land here must big high such follow act why ask men change went light kind off need house
picture try us again animal point mother world near build self earth father naïve café über déjà
"""
_WORDS = tuple(_VOCABULARY.split())

_EXPONENT = 1.1  # of the Zipf law, near what is found in large collections of English text
_WORDS_PER_LINE = 12


def file_texts(knobs: Knobs) -> list[str]:
    """Return the text of every file: capitalised lines of twelve words that end in a full stop."""
    weights = np.arange(1, len(_WORDS) + 1) ** -_EXPONENT
    reached = np.cumsum(weights / weights.sum())
    drawn = np.random.default_rng(knobs.seed).random(knobs.words)
    ranks = np.minimum(np.searchsorted(reached, drawn, side="right"), len(_WORDS) - 1)
    words = [_WORDS[rank] for rank in ranks.tolist()]
    cuts = [knobs.words * i // knobs.files for i in range(knobs.files + 1)]
    return [_lines(words[a:b]) for a, b in itertools.pairwise(cuts)]


def _lines(words: list[str]) -> str:
    lines = (
        " ".join(words[start : start + _WORDS_PER_LINE])
        for start in range(0, len(words), _WORDS_PER_LINE)
    )
    return "".join(f"{line[0].upper()}{line[1:]}.\n" for line in lines)
