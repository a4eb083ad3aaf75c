"""The same computation in one process, on one thread."""

from pathlib import Path
from typing import Any

from dags.video.clips import Knobs, clip_files, face_network, pieces
from dags.video.cutting import cut
from dags.video.detectors import Detectors
from dags.video.pictures import key_frames, opencv_threads, sharpened


def found_alone(knobs: Knobs, workspace: Path | str | None = None) -> dict[str, Any]:
    """Return the answer of this size, computed in this process alone."""
    files = clip_files()
    network = face_network(workspace)
    found: list[dict[str, Any]] = []
    with opencv_threads(1):
        detectors = Detectors(network)
        for _, scene in cut(files, pieces(knobs), threads=1):
            found += detectors.all_in(sharpened(key_frames(scene, knobs.keys)))
    return in_order(found)


def in_order(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the answer from what was found in each picture, in whatever order."""
    key_of = ("clip", "take", "frame")
    return {"pictures": sorted(found, key=lambda entry: tuple(entry[name] for name in key_of))}
