"""What the workers of the video workflow run."""

import json
from pathlib import Path

from dags.video.clips import Piece
from dags.video.cutting import cut
from dags.video.detectors import Detectors
from dags.video.pictures import Scene, key_frames, opencv_threads, sharpened
from flexecutor_energy.workflow.context import StageContext


def split(context: StageContext) -> None:
    """Decode this worker's pieces of the clips into pictures."""
    clips = dict(zip(context.get_param("clips"), context.get_input_paths("clips"), strict=True))
    pieces = [Piece(*fields) for fields in context.get_param("pieces")]
    mine = pieces[context.worker_id :: context.num_workers]
    places = {piece: context.next_output_path("video/scenes") for piece in mine}
    with opencv_threads(threads(context)):
        for piece, scene in cut(clips, mine, threads(context)):
            scene.save(places[piece])


def choose(context: StageContext) -> None:
    """Keep the key frames of each scene."""
    keys = context.get_param("keys")
    with opencv_threads(threads(context)):
        for path in context.get_input_paths("video/scenes"):
            key_frames(Scene.load(path), keys).save(context.next_output_path("video/keys"))


def sharpen(context: StageContext) -> None:
    """Take noise out of the key frames and sharpen them."""
    with opencv_threads(threads(context)):
        for path in context.get_input_paths("video/keys"):
            sharpened(Scene.load(path)).save(context.next_output_path("video/sharp"))


def detect(context: StageContext) -> None:
    """Find faces and people in the sharpened pictures."""
    network = Path(context.get_input_paths("network")[0]).read_bytes()
    with opencv_threads(threads(context)):
        detectors = Detectors(network)
        found = [
            entry
            for path in context.get_input_paths("video/sharp")
            for entry in detectors.all_in(Scene.load(path))
        ]
    Path(context.next_output_path("video/found")).write_text(json.dumps(found))


def threads(context: StageContext) -> int:
    """Return how many threads OpenCV may use: one for each whole core of the worker."""
    return max(1, int(context.cpu))
