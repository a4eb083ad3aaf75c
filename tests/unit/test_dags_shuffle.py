from pathlib import Path
from typing import Any

import pytest

from dags import shuffle
from flexecutor_energy.workflow.chunking import Chunker


class Content:
    def __init__(self, content: bytes) -> None:
        self.content = content
        self.size_bytes = len(content)

    def read(self, start: int, end: int) -> bytes:
        return self.content[start:end]


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 9])
def test_a_block_is_cut_into_whole_segments_of_all_partitions(
    workers: int, tmp_path: Path
) -> None:
    segments = [b"", b"a" * 300, b"bc", b""]
    path = tmp_path / "block"
    shuffle.write_block(str(path), segments)
    ranges = Chunker(chunking_strategy=_cut_in_four).cut(Content(path.read_bytes()), workers)
    assert len(ranges) == min(workers, 4)
    found: list[bytes] = []
    for worker, piece in enumerate(ranges):
        part = tmp_path / f"piece-{worker}"
        part.write_bytes(path.read_bytes()[piece.start : piece.end])
        own = list(shuffle.read_segments(str(part)))
        assert len(own) == len(shuffle.shares(4, len(ranges), worker))
        found += own
    assert found == segments


def _cut_in_four(source: Any, pieces: int) -> Any:
    return shuffle.cut_between_partitions(source, pieces, partitions=4)


@pytest.mark.parametrize("cut", [3, 9, 13])
def test_a_piece_that_was_cut_short_is_not_passed_over(cut: int, tmp_path: Path) -> None:
    block = tmp_path / "block"
    shuffle.write_block(str(block), [b"abcdef"])
    piece = tmp_path / "piece"
    piece.write_bytes(block.read_bytes()[16 : 16 + cut])
    with pytest.raises(ValueError, match="ends within a segment"):
        list(shuffle.read_segments(str(piece)))


def test_shares_cover_all_pieces_almost_evenly() -> None:
    for pieces in range(1, 12):
        for workers in range(1, pieces + 1):
            own = [shuffle.shares(pieces, workers, worker) for worker in range(workers)]
            assert [piece for share in own for piece in share] == list(range(pieces))
            assert max(map(len, own)) - min(map(len, own)) <= 1
