import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from dags import archives
from dags.archives import Release, fetch_archive, member
from flexecutor_energy.errors import DownloadError

FILE_NAME = "tales-1.0-py3-none-any.whl"
METADATA = "Metadata-Version: 2.1\nName: tales\nVersion: 1.0\nRequires-Dist: nowhere-to-be-had\n"


def wheel_bytes() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr("tales/story.txt", "once upon a time")
        wheel.writestr("tales-1.0.dist-info/METADATA", METADATA)
        wheel.writestr("tales-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("tales-1.0.dist-info/RECORD", "")
    return file.getvalue()


CONTENT = wheel_bytes()
RELEASE = Release("tales", "1.0", FILE_NAME, hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let pip know a folder only, as a user's settings may, in an empty place of its own."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setattr(archives, "_places", {})
    return folder


@pytest.fixture
def filled_index(index: Path) -> Path:
    (index / FILE_NAME).write_bytes(CONTENT)
    return index


def test_a_release_is_fetched_by_pip_without_its_dependencies_and_kept(
    filled_index: Path, tmp_path: Path
) -> None:
    path = fetch_archive(RELEASE, tmp_path / "space")
    assert path == tmp_path / "space" / ".flexecutor" / "downloads" / FILE_NAME
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]
    (filled_index / FILE_NAME).unlink()
    assert fetch_archive(RELEASE, tmp_path / "space") == path


def test_without_a_workspace_the_place_known_to_this_process_is_used(
    filled_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXECUTOR_ENERGY_WORKSPACE", str(tmp_path / "set"))
    known = fetch_archive(RELEASE, tmp_path / "space")
    assert fetch_archive(RELEASE) == known
    known.unlink()
    assert fetch_archive(RELEASE).is_relative_to(tmp_path / "set")


def test_a_damaged_file_is_fetched_again(filled_index: Path, tmp_path: Path) -> None:
    path = fetch_archive(RELEASE, tmp_path)
    path.write_bytes(CONTENT[:-1])
    assert fetch_archive(RELEASE, tmp_path).read_bytes() == CONTENT


def test_without_an_index_the_error_says_where_to_put_the_file(
    index: Path, tmp_path: Path
) -> None:
    with pytest.raises(DownloadError, match=r"No matching distribution") as caught:
        fetch_archive(RELEASE, tmp_path)
    place = tmp_path / ".flexecutor" / "downloads" / FILE_NAME
    assert str(place) in str(caught.value)
    assert list(place.parent.iterdir()) == []
    place.write_bytes(CONTENT)
    assert fetch_archive(RELEASE, tmp_path) == place


def test_other_content_under_the_same_name_is_refused(index: Path, tmp_path: Path) -> None:
    (index / FILE_NAME).write_bytes(CONTENT + b"\0")
    with pytest.raises(DownloadError, match=r"(?i)hash"):
        fetch_archive(RELEASE, tmp_path)


def test_a_workspace_that_cannot_be_written_is_told(filled_index: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DownloadError, match="Not a directory"):
        fetch_archive(RELEASE, tmp_path / "file")


def test_members_are_read_also_of_archives_within_archives(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        folder = tarfile.TarInfo("inner")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        entry = tarfile.TarInfo("inner/a.txt")
        entry.size = 5
        tar.addfile(entry, io.BytesIO(b"hello"))
    outer = tmp_path / "outer.zip"
    with zipfile.ZipFile(outer, "w") as zipped:
        zipped.writestr("packed.tar.gz", packed.getvalue())
        zipped.writestr("b.txt", "there")
    assert member(outer, "b.txt") == b"there"
    assert member(outer, "packed.tar.gz", "inner/a.txt") == b"hello"
    for names in (("c.txt",), ("packed.tar.gz", "inner/c.txt"), ("packed.tar.gz", "inner")):
        with pytest.raises(KeyError):
            member(outer, *names)
