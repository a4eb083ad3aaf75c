from hypothesis import given, settings
from hypothesis import strategies as st

from flexecutor_energy.workflow.chunking import Chunker
from tests.unit.test_workflow_chunking import Text

TEXTS = st.lists(st.sampled_from([b"", b"a", b"bc", b"\xc3\xa4", b"x" * 50]), max_size=30).map(
    b"\n".join
)
COUNTS = st.integers(1, 40)


@given(data=TEXTS | st.binary(max_size=200), count=COUNTS)
@settings(deadline=None)
def test_lines_cover_the_object_once_and_are_never_split(data: bytes, count: int) -> None:
    ranges = Chunker(strategy="lines").cut(Text(data), count)
    parts = [data[r.start : r.end] for r in ranges]
    assert b"".join(parts) == data
    assert len(parts) <= count
    assert all(parts)
    assert all(part.endswith(b"\n") for part in parts[:-1])


@given(header=st.sampled_from([b"n,m\n", b"\n", b"one\n"]), rows=TEXTS, count=COUNTS)
@settings(deadline=None)
def test_rows_of_a_csv_file_appear_once_below_the_header(
    header: bytes, rows: bytes, count: int
) -> None:
    data = header + rows
    ranges = Chunker(strategy="csv").cut(Text(data), count)
    assert b"".join(data[r.start : r.end] for r in ranges) == rows
    assert {data[: r.header_bytes] for r in ranges} == {header}
    assert 1 <= len(ranges) <= count
    assert all(data[r.start : r.end].endswith(b"\n") for r in ranges[:-1])


@given(data=st.binary(max_size=300), count=COUNTS, record_bytes=st.integers(1, 9))
@settings(deadline=None)
def test_fixed_pieces_cover_the_object_in_whole_records(
    data: bytes, count: int, record_bytes: int
) -> None:
    ranges = Chunker(strategy="fixed", record_bytes=record_bytes).cut(Text(data), count)
    assert b"".join(data[r.start : r.end] for r in ranges) == data
    assert len(ranges) <= count
    assert all(r.start % record_bytes == 0 and r.end > r.start for r in ranges)
    sizes = [r.end - r.start for r in ranges[:-1]]
    if len(data) >= count * record_bytes:
        assert max(sizes, default=0) - min(sizes, default=0) <= record_bytes
