"""Finding faces with CenterFace and people with OpenCV's detector.

Both report many boxes for the same face or person. The best are chosen here and not by OpenCV,
whose threads report them in an order of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from dags.video.pictures import Image, Scene, from_jpeg

Box = list[Any]
"""``[x, y, width, height, score]``: whole pixels inside the picture, score to a thousandth."""

FACE_SCORE = 0.5
"""Least score of a face, of at most 1."""

PERSON_SCORE = 0.5
"""Least score of a person: the distance from the plane that tells people from all else."""

MOST_OVERLAP = 0.3
"""Share of their union that two boxes may have in common."""

_STRIDE = 4  # pixels of the picture for each place in the network's maps
_MULTIPLE = 32  # of which the width and height of the network's input have to be
_OUTPUTS = ("537", "538", "539")  # how sure, how large, and where within the place


class Detectors:
    """Both detectors, ready to be used on one picture after another.

    Parameters
    ----------
    network : CenterFace in ONNX format. Its input may be of any size, of which OpenCV loses track
        where it has fused layers: after a picture of another size it then finds other faces than
        in a network just loaded. So they are left as they are, at a tenth more time.
    """

    def __init__(self, network: bytes) -> None:
        import cv2

        self._network = cv2.dnn.readNetFromONNX(np.frombuffer(network, np.uint8))
        self._network.enableFusion(False)
        self._people = cv2.HOGDescriptor()
        detector = cv2.HOGDescriptor.getDefaultPeopleDetector()
        self._people.setSVMDetector(np.asarray(detector))

    def faces(self, image: Image) -> list[Box]:
        """Return the faces in a picture, surest first."""
        import cv2

        height, width = image.shape[:2]
        below, right = -height % _MULTIPLE, -width % _MULTIPLE
        framed = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_CONSTANT)
        self._network.setInput(cv2.dnn.blobFromImage(framed, swapRB=True))
        sure, log_size, offset = (maps[0] for maps in self._network.forward(_OUTPUTS))
        rows, columns = np.nonzero(sure[0] >= FACE_SCORE)
        found = []
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            high, wide = _STRIDE * np.exp(log_size[:, row, column].astype(float))
            y = (row + 0.5 + float(offset[0, row, column])) * _STRIDE - high / 2
            x = (column + 0.5 + float(offset[1, row, column])) * _STRIDE - wide / 2
            found.append((float(sure[0, row, column]), (x, y, x + wide, y + high)))
        return chosen(found, width, height)

    def people(self, image: Image) -> list[Box]:
        """Return the people in a picture, surest first."""
        boxes, scores = self._people.detectMultiScale(
            image, winStride=(8, 8), padding=(8, 8), scale=1.05, groupThreshold=0
        )
        found = [
            (float(score), (float(x), float(y), float(x + wide), float(y + high)))
            for (x, y, wide, high), score in zip(boxes, np.ravel(scores), strict=True)
            if score >= PERSON_SCORE
        ]
        height, width = image.shape[:2]
        return chosen(found, width, height)

    def all_in(self, scene: Scene) -> list[dict[str, Any]]:
        """Return what is found in each picture of a scene."""
        return [
            {
                "clip": scene.clip,
                "take": scene.take,
                "frame": number,
                "faces": self.faces(image),
                "people": self.people(image),
            }
            for number, image in ((n, from_jpeg(jpeg)) for n, jpeg in scene.pictures.items())
        ]


Corners = tuple[float, float, float, float]


def chosen(found: Iterable[tuple[float, Corners]], width: int, height: int) -> list[Box]:
    """Return the best of overlapping boxes, cut to the picture, by falling score.

    Parameters
    ----------
    found : score, and left, upper, right and lower edge of each box, in any order
    width, height : of the picture
    """
    boxes: list[Box] = []
    for score, (left, top, right, bottom) in sorted(found, key=lambda pair: (-pair[0], pair[1])):
        x, y = max(0, round(left)), max(0, round(top))
        wide, high = min(width, round(right)) - x, min(height, round(bottom)) - y
        box = [x, y, wide, high, round(score, 3)]
        if min(wide, high) > 0 and all(overlap(box, kept) <= MOST_OVERLAP for kept in boxes):
            boxes.append(box)
    return boxes


def overlap(a: Box, b: Box) -> float:
    """Return the area that two boxes have in common, as a share of what they cover."""
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    common = max(0, wide) * max(0, high)
    return float(common / (a[2] * a[3] + b[2] * b[3] - common))
