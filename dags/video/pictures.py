"""Pictures of a clip: decoding, choosing key frames, sharpening, and files that hold them.

Pictures travel as JPEG. Everything but the smoothing is done in whole numbers, and each pixel by
one thread alone, so that what comes out does not depend on how many threads there are.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
"""(height, width, 3), blue, green and red."""

_QUALITY = 95
_THUMBNAIL = (80, 45)
_MOST_SHIFT = 16


@dataclass(frozen=True, slots=True)
class Scene:
    """Some pictures of one take of one clip.

    Attributes
    ----------
    clip, take : where they come from
    pictures : JPEG by frame number
    """

    clip: str
    take: int
    pictures: Mapping[int, bytes]

    def save(self, path: str) -> None:
        """Write all into one file."""
        contents = [np.frombuffer(jpeg, np.uint8) for jpeg in self.pictures.values()]
        np.savez(
            path,
            clip=np.array(self.clip),
            take=np.array(self.take),
            frames=np.array(list(self.pictures), np.int64),
            ends=np.cumsum([len(content) for content in contents]),
            content=np.concatenate(contents),
        )

    @classmethod
    def load(cls, path: str) -> Scene:
        """Return what ``save`` wrote."""
        with np.load(path) as file:
            contents = np.split(file["content"], file["ends"][:-1])
            jpegs = [content.tobytes() for content in contents]
            numbers = file["frames"].tolist()
            pictures = dict(zip(numbers, jpegs, strict=True))
            return cls(str(file["clip"]), int(file["take"]), pictures)


@contextlib.contextmanager
def opencv_threads(count: int) -> Iterator[None]:
    """Let OpenCV use so many threads, and afterwards as many as before.

    Raises
    ------
    MemoryError
        OpenCV could not get the memory it needed, which it tells in a way of its own.
    """
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(count)
    try:
        yield
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(str(error)) from error
        raise
    finally:
        cv2.setNumThreads(before)


def decoded(path: Path | str, wanted: set[int], threads: int) -> Iterator[tuple[int, Image]]:
    """Yield the wanted frames of a video file, in order.

    A frame can only be decoded after those before it, so all up to the last one wanted are.

    Raises
    ------
    ValueError
        The file holds no video that can be decoded, or has fewer frames.
    """
    import cv2

    video = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, threads])
    try:
        for number in range(max(wanted, default=-1) + 1):
            if not video.grab():
                raise ValueError(f"{path} cannot be decoded beyond frame {number}")
            if number in wanted:
                yield number, _image(video.retrieve()[1])
    finally:
        video.release()


def in_take(image: Image, take: int) -> Image:
    """Return the picture as it is in a take: shifted to the right, its edge drawn out."""
    import cv2

    shift = take % (_MOST_SHIFT + 1)
    if shift:
        wide = cv2.copyMakeBorder(image, 0, 0, shift, 0, cv2.BORDER_REPLICATE)
        image = _image(wide[:, : image.shape[1]])
    return _image(cv2.flip(image, 1)) if take % 2 else image


def to_jpeg(image: Image) -> bytes:
    """Return a picture as JPEG."""
    import cv2

    done, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise ValueError("OpenCV could not write a picture as JPEG")
    return content.tobytes()


def from_jpeg(content: bytes) -> Image:
    """Return the picture of a JPEG."""
    import cv2

    return _image(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR))


def key_frames(scene: Scene, keys: int) -> Scene:
    """Return the pictures before which the scene changed most.

    The change is the sum of absolute differences between thumbnails in grey; of equal changes the
    earlier counts.
    """
    import cv2

    small = [_thumbnail(from_jpeg(jpeg)) for jpeg in scene.pictures.values()]
    changes = [0]
    for before, after in itertools.pairwise(small):
        changes.append(int(cv2.absdiff(before, after).sum(dtype=np.int64)))
    strongest = sorted(range(len(changes)), key=lambda i: (-changes[i], i))[:keys]
    numbers = list(scene.pictures)
    chosen = {numbers[i]: scene.pictures[numbers[i]] for i in sorted(strongest)}
    return Scene(scene.clip, scene.take, chosen)


def sharpened(scene: Scene) -> Scene:
    """Return the pictures with less noise and sharper edges."""
    pictures = {n: to_jpeg(_sharper(from_jpeg(jpeg))) for n, jpeg in scene.pictures.items()}
    return Scene(scene.clip, scene.take, pictures)


def _sharper(image: Image) -> Image:
    import cv2

    smooth = cv2.bilateralFilter(image, 7, 20, 5)
    blurred = cv2.GaussianBlur(smooth, (0, 0), 2)
    return _image(cv2.addWeighted(smooth, 1.5, blurred, -0.5, 0))


def _thumbnail(image: Image) -> Any:
    import cv2

    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return cv2.resize(grey, _THUMBNAIL, interpolation=cv2.INTER_AREA)


def _image(array: Any) -> Image:
    return np.ascontiguousarray(array, dtype=np.uint8)
