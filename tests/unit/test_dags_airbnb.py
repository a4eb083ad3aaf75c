import copy
import itertools
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dags import airbnb
from dags.airbnb import oracle, picture, reviews, scores
from dags.airbnb.knobs import Knobs
from dags.airbnb.reviews import CITIES, UNITS, Review
from dags.rated import RatedText, rated_texts
from tests.unit.dag_runs import assert_refused, directory_storage, run_in_process

TINY: dict[str, Any] = {"copies": 2, "pieces": 5}
FLOORS = oracle.CORRELATION_FLOORS

# of each city as many as its place, so that a city taken for another is noticed
TEXTS = {
    "amazon": [
        RatedText(1, 3.1, "What a GREAT place, we loved it!!!"),
        RatedText(1, -2.25, "The host was rude; the bathroom, dirty."),
        RatedText(2, 0.1, "It has two rooms."),
    ],
    "movie": [
        RatedText(1, 2.26666666667, "Not bad at all :)"),
        RatedText(2, -1.1, "\tAn awful \"view\" — I hated 'it'."),
        RatedText(3, -0.4, "Rooms: 3. Naïve décor, cheap, but kind of nice."),
        RatedText(4, 1.9, "The best stay of my life"),
    ],
    "nyt": [
        RatedText(1, 0.0, "The street is called Main Street."),
        RatedText(2, -3.0, "A terrible, horrible, worthless disaster."),
        RatedText(3, 2.0, "A wonderful success."),
        RatedText(4, 0.2, "Crime in the neighbourhood fell, to the joy of its mayor."),
        RatedText(5, -0.5, "Nobody was killed."),
    ],
}


@pytest.fixture(autouse=True)
def few_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the archive hold a dozen texts, so that nothing is fetched."""
    monkeypatch.setattr(reviews, "rated_texts", lambda workspace=None: TEXTS)
    monkeypatch.setattr(oracle, "CORRELATION_FLOORS", dict.fromkeys(CITIES, 0.5))
    oracle._scored_once.cache_clear()


@pytest.fixture(scope="module")
def texts(workflow_data: Path) -> dict[str, list[RatedText]]:
    """All texts that the archive really holds."""
    return rated_texts(workflow_data)


@pytest.fixture
def sound() -> dict[str, Any]:
    return airbnb.native(TINY)


@pytest.mark.parametrize("workers", [1, 9])
def test_each_city_is_reduced_alone_and_the_picture_is_that_of_the_answer(
    workers: int, sound: dict[str, Any], tmp_path: Path
) -> None:
    storage = directory_storage(tmp_path)
    airbnb.prepare(TINY, tmp_path, storage)
    run = run_in_process(airbnb.build(TINY, tmp_path), workers, tmp_path, storage=storage)
    assert airbnb.same(airbnb.answer(run), sound)
    assert run.workers == {"score": min(workers, 5), "reduce": min(workers, 3), "plot": 1}
    _, drawn = run.read("plot")
    assert drawn == picture.png(sound)


def test_a_lost_segment_is_not_passed_over(tmp_path: Path) -> None:
    storage = directory_storage(tmp_path)
    airbnb.prepare(TINY, tmp_path, storage)

    def lose_last_city(stage_id: str, content: bytes) -> bytes:
        if stage_id != "score":
            return content
        last = int.from_bytes(content[16:24], "little")  # where the last city's segment starts
        return content[:24] + last.to_bytes(8, "little") + content[32:last]

    with pytest.raises(ValueError, match=r"zip\(\)"):
        run_in_process(
            airbnb.build(TINY, tmp_path), 1, tmp_path, storage=storage, spoil=lose_last_city
        )


def test_copies_count_and_change_nothing_else(sound: dict[str, Any]) -> None:
    once = airbnb.native({"copies": 1})
    for city, texts in TEXTS.items():
        assert once[city]["reviews"] == len(texts)
        assert sound[city]["reviews"] == 2 * len(texts)
        assert sound[city]["mean_score"] == pytest.approx(once[city]["mean_score"], rel=1e-12)
        assert sound[city]["correlation"] == pytest.approx(once[city]["correlation"], rel=1e-12)


def test_scores_go_with_what_people_said_of_the_real_texts(
    texts: dict[str, list[RatedText]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviews, "rated_texts", lambda workspace=None: texts)
    monkeypatch.setattr(oracle, "CORRELATION_FLOORS", FLOORS)
    found = airbnb.native({"copies": 1})
    airbnb.check(found, {"copies": 1})
    assert {city: told["reviews"] for city, told in found.items()} == {
        "amazon": 3_708,
        "movie": 10_605,
        "nyt": 5_190,
    }
    assert FLOORS == {"amazon": 0.55, "movie": 0.40, "nyt": 0.45}
    assert {city: round(told["correlation"], 2) for city, told in found.items()} == {
        "amazon": 0.59,
        "movie": 0.43,
        "nyt": 0.50,
    }


def test_scores_are_those_of_vader() -> None:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyser = SentimentIntensityAnalyzer()
    found = scores.scored(reviews.all_reviews())
    for city, texts in TEXTS.items():
        assert [score / UNITS for score in found[city][0::2]] == [
            analyser.polarity_scores(text.text)["compound"] for text in texts
        ]
        assert [rating / UNITS for rating in found[city][1::2]] == [
            pytest.approx(text.rating, abs=0.5 / UNITS) for text in texts
        ]


def test_what_is_told_of_a_city_is_what_numpy_finds() -> None:
    generator = np.random.default_rng(7)
    found = generator.integers(-UNITS, UNITS + 1, 500)
    ratings = found * 3 + generator.integers(-UNITS, UNITS, 500)
    told = scores.summary(np.column_stack([found, ratings]).ravel().tolist())
    assert told["positive"] == (found >= 500).sum()
    assert told["negative"] == (found <= -500).sum()
    assert told["neutral"] == 500 - told["positive"] - told["negative"]
    counts, _ = np.histogram(found, np.linspace(-UNITS, UNITS, scores.BINS + 1))
    assert told["histogram"] == counts.tolist()
    assert told["mean_score"] == pytest.approx(found.mean() / UNITS)
    assert told["correlation"] == pytest.approx(np.corrcoef(found, ratings)[0, 1])


def test_scores_at_the_edges_belong_where_they_should() -> None:
    edges = [-UNITS, -500, -499, 0, 499, 500, UNITS]
    told = scores.summary([*itertools.chain(*((score, score) for score in edges))])
    assert (told["negative"], told["neutral"], told["positive"]) == (2, 3, 2)
    assert told["histogram"][0] == told["histogram"][-1] == 1
    assert sum(told["histogram"]) == 7


def test_scores_travel_as_small_numbers_whatever_the_host() -> None:
    found = scores.scored([Review("nyt", -25_000, "A wonderful success.")])["nyt"]
    content = scores.to_bytes(found)
    assert content == struct.pack("<2i", *found)
    assert scores.from_bytes(content) == found
    assert found[0] > 0


@pytest.mark.parametrize("pieces", [1, 5, 24, 40])
def test_pieces_hold_every_review_once(pieces: int) -> None:
    once = reviews.all_reviews()
    objects = reviews.objects(once, Knobs(copies=2, pieces=pieces))
    assert len(objects) == pieces
    found = [
        review
        for name in sorted(objects)
        for review in reviews.read_reviews(objects[name].decode().split("\n")[:-1])
    ]
    assert found == [*once, *once]


def test_other_scores_give_another_picture(sound: dict[str, Any]) -> None:
    drawn = picture.png(sound)
    assert drawn[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", drawn[16:24]) == (900, 320)
    assert picture.png(sound) == drawn
    other = copy.deepcopy(sound)
    other["nyt"]["histogram"].reverse()
    assert picture.png(other) != drawn


def test_looking_at_the_workflow_loads_neither_tool() -> None:
    code = (
        "import sys, dags.airbnb as a; a.build(); "
        "assert not {'vaderSentiment', 'matplotlib'} & set(sys.modules)"
    )
    root = Path(airbnb.__file__).parents[2]
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 0, done.stderr


# --- the oracle ---


def _told(answer: dict[str, Any], **fields: Any) -> dict[str, Any]:
    answer["movie"] |= fields
    return answer


def _binned(answer: dict[str, Any], count: Any) -> dict[str, Any]:
    answer["movie"]["histogram"][3] = count
    return answer


def _exchanged(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer with two cities taken for each other."""
    return answer | {"amazon": answer["movie"], "movie": answer["amazon"]}


def _moved(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer, sound in itself, with one review more positive than it is."""
    told = answer["nyt"]
    told["neutral"], told["positive"] = told["neutral"] - 1, told["positive"] + 1
    return answer


def _reversed(answer: dict[str, Any]) -> dict[str, Any]:
    answer["nyt"]["histogram"].reverse()
    return answer


SPOILED: dict[str, tuple[Any, str]] = {
    "a city too many": (lambda a: a | {"paris": a["nyt"]}, r"'paris'"),
    "no reviews": (
        lambda a: _told(a, reviews=0, positive=0, neutral=0, negative=0, histogram=[0] * 20),
        r"movie has no reviews",
    ),
    "a count is negative": (lambda a: _told(a, neutral=-1), r"movie has -1 reviews"),
    "one more is positive": (
        lambda a: _told(a, positive=a["movie"]["positive"] + 1),
        r"9 reviews of movie are told, not 8",
    ),
    "a bin is missing": (
        lambda a: _told(a, histogram=a["movie"]["histogram"][1:]),
        r"19 bins of movie",
    ),
    "a bin has too many": (lambda a: _binned(a, 5), r"reviews of movie are told, not 8"),
    "the mean is beyond": (lambda a: _told(a, mean_score=1.5), r"mean_score of movie is 1.5"),
    "the correlation is beyond": (lambda a: _told(a, correlation=-2.0), r"of movie is -2"),
    "cities taken for each other": (_exchanged, r"amazon has 8 reviews, not 6"),
    "a review in a better mood": (_moved, r"nyt has \d positive, not \d"),
    "a histogram the wrong way round": (_reversed, r"histogram of nyt"),
    "another mean": (lambda a: _told(a, mean_score=0.25), r"the mean_score of movie is 0.25, not"),
    "too good a correlation": (lambda a: _told(a, correlation=0.9999), r"correlation of movie is"),
}


@pytest.mark.parametrize(("spoil", "problem"), SPOILED.values(), ids=SPOILED.keys())
def test_a_wrong_answer_fails_and_is_not_the_same(
    spoil: Any, problem: str, sound: dict[str, Any]
) -> None:
    assert_refused(airbnb, spoil(copy.deepcopy(sound)), sound, TINY, problem)


def test_scores_that_do_not_go_with_what_people_said_fail(
    sound: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oracle, "CORRELATION_FLOORS", dict.fromkeys(CITIES, 0.999))
    with pytest.raises(AssertionError, match=r"have the correlation 0\.\d+, below 0\.999"):
        airbnb.check(sound, TINY)
