from dataclasses import dataclass
from typing import Any

import pytest

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.workflow.chunking import ByteRange, Chunker, ChunkerType


@dataclass(frozen=True)
class Text:
    data: bytes

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    def read(self, start: int, end: int) -> bytes:
        return self.data[start:end]


def pieces(strategy: str, data: bytes, count: int, **options: Any) -> list[bytes]:
    ranges = Chunker(chunking_strategy=strategy, **options).cut(Text(data), count)
    return [data[: r.header_bytes] + data[r.start : r.end] for r in ranges]


def test_lines_are_shared_out_whole() -> None:
    assert pieces("lines", b"aaa\nbbb\nccc\nddd\n", 2) == [b"aaa\nbbb\n", b"ccc\nddd\n"]


def test_lines_of_one_length_are_shared_out_evenly() -> None:
    lines = [b"aaa\n", b"bbb\n", b"ccc\n", b"ddd\n"]
    assert pieces("lines", b"".join(lines), 4) == lines


def test_more_pieces_than_lines_give_one_line_each() -> None:
    assert pieces("lines", b"a\nb\n", 10) == [b"a\n", b"b\n"]


def test_a_last_line_without_an_end_is_kept() -> None:
    assert pieces("lines", b"a\nb", 2) == [b"a\n", b"b"]


def test_a_line_longer_than_a_piece_stays_whole() -> None:
    data = b"x" * 200_000 + b"\nend\n"
    assert pieces("lines", data, 4) == [data[:200_001], b"end\n"]


@pytest.mark.parametrize("strategy", ["lines", "text", "csv", "fixed"])
def test_an_empty_object_has_no_pieces(strategy: str) -> None:
    assert pieces(strategy, b"", 3) == []


def test_every_piece_of_a_csv_file_starts_with_the_header() -> None:
    data = b"n,m\n1,2\n3,4\n5,6\n"
    assert pieces("csv", data, 3) == [b"n,m\n1,2\n", b"n,m\n3,4\n", b"n,m\n5,6\n"]


def test_a_csv_file_without_rows_is_one_piece() -> None:
    assert pieces("csv", b"n,m\n", 3) == [b"n,m\n"]


def test_fixed_pieces_hold_whole_records() -> None:
    assert pieces("fixed", b"aabbccddee", 2, record_bytes=2) == [b"aabb", b"ccddee"]
    assert pieces("fixed", b"aab", 2, record_bytes=2) == [b"aa", b"b"]


def test_a_strategy_can_be_a_function() -> None:
    chunker = Chunker(ChunkerType.STATIC, lambda source, count: [ByteRange(0, source.size_bytes)])
    assert chunker.cut(Text(b"abc"), 5) == [ByteRange(0, 3)]


@pytest.mark.parametrize(
    "ranges",
    [
        [ByteRange(0, 4)],
        [ByteRange(0, 2), ByteRange(1, 3)],
        [ByteRange(2, 1)],
        [ByteRange(-1, 1)],
        [ByteRange(1, 2, header_bytes=2)],
        [ByteRange(1, 2, header_bytes=-1)],
    ],
)
def test_ranges_outside_the_object_or_over_each_other_are_refused(ranges: list[ByteRange]) -> None:
    chunker = Chunker(chunking_strategy=lambda source, count: ranges)
    with pytest.raises(ConfigurationError, match="ranges must follow each other"):
        chunker.cut(Text(b"abc"), 2)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chunking_strategy": "unknown"},
        {"chunking_strategy": 3},
        {"chunking_strategy": "lines", "pieces": 0},
        {"chunking_strategy": "lines", "record_bytes": 2},
        {"chunking_strategy": "lines", "chunker_type": ChunkerType.DYNAMIC},
    ],
)
def test_a_chunker_that_cannot_work_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Chunker(**options)


def test_the_early_name_of_the_strategy_still_works() -> None:
    assert Chunker(strategy="lines") == Chunker(chunking_strategy="lines")
