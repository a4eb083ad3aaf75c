"""Real texts rated by people, which more than one workflow reads.

They are 3,708 sentences of customer reviews (Amazon), 10,605 of film reviews (Rotten Tomatoes) and
5,190 of editorials (New York Times), all in English. About twenty people rated each from −4, most
negative, to 4; the mean of their ratings comes with it. They were published with C. J. Hutto and
E. Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text"
(ICWSM 2014), and lie in the source archive of ``vaderSentiment==0.5`` under the MIT licence.
"""

from dataclasses import dataclass
from pathlib import Path

from dags.archives import VADER_TEXTS, fetch_archive, member

SOURCES = {"amazon": "amazonReview", "movie": "movieReview", "nyt": "nytEditorial"}
"""Names of the sources, and how the archive calls them."""

_INNER = "vaderSentiment-0.5/additional_resources/hutto_ICWSM_2014.tar.gz"


@dataclass(frozen=True, slots=True)
class RatedText:
    """One sentence and what people said of it.

    Attributes
    ----------
    document : the review or editorial it stands in, a number within its source; of film reviews
        that is not known, and each sentence counts as one
    rating : mean of the ratings, from −4 to 4
    text : the sentence
    """

    document: int
    rating: float
    text: str


def rated_texts(workspace: Path | str | None = None) -> dict[str, list[RatedText]]:
    """Return all texts by source, in the order of the archive.

    Parameters
    ----------
    workspace : where the archive is kept, as for ``fetch_archive``

    Raises
    ------
    DownloadError
        The archive is not there and could not be fetched.
    """
    archive = fetch_archive(VADER_TEXTS, workspace)
    return {
        source: _parsed(
            member(archive, _INNER, f"hutto_ICWSM_2014/{name}Snippets_GroundTruth.txt")
        )
        for source, name in SOURCES.items()
    }


def _parsed(content: bytes) -> list[RatedText]:
    rows = (line.split("\t", 2) for line in content.decode("utf-8").split("\r\n") if line)
    return [
        RatedText(int(number.partition("_")[0]), float(mean), text) for number, mean, text in rows
    ]
