"""What an answer of the video workflow must be.

Some of it is known from looking at the clips: a man's face fills a third of every picture of
``carphone``, and people ride through ``bikes``. Beyond that all of it is computed once more, in
one process.
"""

import functools
from typing import Any

from dags.answers import require, require_fields, require_type, same_when_sound
from dags.sizes import Size, resolve
from dags.video.clips import CLIPS, PRESETS, Knobs, pieces
from dags.video.detectors import FACE_SCORE, MOST_OVERLAP, PERSON_SCORE, overlap
from dags.video.reference import found_alone

_ENTRY = {"clip": str, "take": int, "frame": int, "faces": list, "people": list}
_LEAST_SCORES = {"faces": FACE_SCORE, "people": PERSON_SCORE}
_ROUNDING = 0.0005
_LEAST_SHARE_WITH_FACE = 0.9  # of the pictures of carphone
_LEAST_SHARE_WITH_PEOPLE = 0.2  # of those of bikes


def same(a: Any, b: Any) -> bool:
    """Return whether two answers are sound in themselves and equal."""
    return same_when_sound(a, b, _require_sound)


def check(answer: Any, size: Size) -> None:
    """Raise an AssertionError that names what is wrong with an answer of this size."""
    knobs = resolve(size, PRESETS)
    _require_sound(answer)
    _require_key_frames(answer["pictures"], knobs)
    _require_what_is_seen(answer["pictures"])
    expected = _expected(knobs)["pictures"]
    for found, true in zip(answer["pictures"], expected, strict=True):
        for name in _ENTRY:
            require(
                found[name] == true[name],
                f"{name} of {_named(found)}: {found[name]}, not {true[name]}",
            )


@functools.lru_cache(maxsize=4)
def _expected(knobs: Knobs) -> dict[str, Any]:
    return found_alone(knobs)


def _require_key_frames(pictures: list[dict[str, Any]], knobs: Knobs) -> None:
    """Require as many pictures of each piece as it has key frames, and no others."""
    wanted = pieces(knobs)
    require(
        len(pictures) == len(wanted) * knobs.keys,
        f"{len(pictures)} pictures are told, not {len(wanted) * knobs.keys}",
    )
    for piece in wanted:
        count = sum(
            entry["clip"] == piece.clip
            and entry["take"] == piece.take
            and piece.start <= entry["frame"] < piece.stop
            for entry in pictures
        )
        require(count == knobs.keys, f"{count} key frames of {piece}, not {knobs.keys}")


def _require_what_is_seen(pictures: list[dict[str, Any]]) -> None:
    car = [entry for entry in pictures if entry["clip"] == "carphone"]
    least_height = CLIPS["carphone"].height / 3
    seen = sum(any(box[3] >= least_height for box in entry["faces"]) for entry in car)
    require(
        seen >= _LEAST_SHARE_WITH_FACE * len(car),
        f"the face in carphone is found in {seen} of {len(car)} pictures",
    )
    bikes = [entry for entry in pictures if entry["clip"] == "bikes"]
    seen = sum(bool(entry["people"]) for entry in bikes)
    require(
        seen >= int(_LEAST_SHARE_WITH_PEOPLE * len(bikes)),
        f"people in bikes are found in {seen} of {len(bikes)} pictures",
    )


def _require_sound(answer: Any) -> None:
    require_fields(answer, {"pictures": list})
    pictures = answer["pictures"]
    require(len(pictures) > 0, "no picture was looked at")
    for entry in pictures:
        require_fields(entry, _ENTRY)
        require(entry["clip"] in CLIPS, f"there is no clip {entry['clip']!r}")
        clip = CLIPS[entry["clip"]]
        require(entry["take"] >= 0, f"a take of {entry['clip']} is {entry['take']}")
        require(
            0 <= entry["frame"] < clip.frames,
            f"{entry['clip']} has {clip.frames} frames, and none is {entry['frame']}",
        )
        for kind, least in _LEAST_SCORES.items():
            _require_boxes(f"{kind} of {_named(entry)}", entry[kind], (clip.width, clip.height))
            scores = [box[4] for box in entry[kind]]
            require(
                all(score >= least - _ROUNDING for score in scores),
                f"{kind} of {_named(entry)} have scores of {scores}, not of {least:g} or more",
            )
    order = [(entry["clip"], entry["take"], entry["frame"]) for entry in pictures]
    require(order == sorted(set(order)), "the pictures are not each told once, in order")


def _require_boxes(what: str, boxes: list[Any], size: tuple[int, int]) -> None:
    for box in boxes:
        require_type(f"a box of {what}", box, list)
        require(len(box) == 5, f"a box of {what} is {box}")
        for value, kind in zip(box, (int, int, int, int, float), strict=True):
            require_type(f"a value of {what}", value, kind)
        x, y, wide, high, _ = box
        inside = min(x, y) >= 0 and x + wide <= size[0] and y + high <= size[1]
        require(inside and min(wide, high) > 0, f"a box of {what} lies outside: {box}")
    scores = [box[4] for box in boxes]
    require(scores == sorted(scores, reverse=True), f"the {what} are not told by falling score")
    for place, box in enumerate(boxes):
        require(
            all(overlap(box, other) <= MOST_OVERLAP for other in boxes[:place]),
            f"two of the {what} are the same thing: {boxes}",
        )


def _named(entry: dict[str, Any]) -> str:
    return f"frame {entry['frame']} of {entry['clip']}, take {entry['take']}"
