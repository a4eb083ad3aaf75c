"""Cutting clips into scenes."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from dags.video.clips import Piece
from dags.video.pictures import Scene, decoded, in_take, to_jpeg


def cut(
    clips: Mapping[str, Path | str], pieces: Iterable[Piece], threads: int
) -> Iterator[tuple[Piece, Scene]]:
    """Yield the scene of each piece as soon as its last frame is decoded.

    Each clip is decoded once, for all its pieces and takes.

    Parameters
    ----------
    clips : video files by name
    pieces : which scenes
    threads : of the decoder
    """
    by_clip = defaultdict(list)
    for piece in pieces:
        by_clip[piece.clip].append(piece)
    for name, own in by_clip.items():
        yield from _cut_one(clips[name], own, threads)


def _cut_one(path: Path | str, pieces: list[Piece], threads: int) -> Iterator[tuple[Piece, Scene]]:
    wanted = {number for piece in pieces for number in range(piece.start, piece.stop)}
    open_scenes: dict[Piece, dict[int, bytes]] = {piece: {} for piece in pieces}
    for number, image in decoded(path, wanted, threads):
        for piece in pieces:
            if piece.start <= number < piece.stop:
                open_scenes[piece][number] = to_jpeg(in_take(image, piece.take))
            if number == piece.stop - 1:
                yield piece, Scene(piece.clip, piece.take, open_scenes.pop(piece))
