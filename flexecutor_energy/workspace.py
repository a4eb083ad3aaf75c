"""The folder in which everything measured, fitted and run is kept.

::

    <root>/profiles/<dag>/<stage>.json    measured records
    <root>/models/<dag>/…                 fitted predictors
    <root>/runs/<dag>/…                   what was executed, and its ledger
    <root>/.flexecutor/                   private state: server data, credentials, calibration
"""

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from flexecutor_energy.errors import ConfigurationError, StorageError


@dataclass(frozen=True, slots=True)
class Workspace:
    """Paths below one root folder; nothing is created until it is written to."""

    root: Path

    @classmethod
    def of(cls, place: "Workspace | Path | str | None") -> "Workspace":
        """Return the workspace at ``place``; None means the current folder."""
        if isinstance(place, Workspace):
            return place
        return cls(Path(place).absolute() if place is not None else Path.cwd())

    @property
    def state(self) -> Path:
        """Private state of this workspace: server data, generated credentials, calibration."""
        return self.root / ".flexecutor"

    def profiles(self, dag: str) -> Path:
        """Return the folder of the profiles of a workflow."""
        return self.root / "profiles" / file_name(dag)

    def profile(self, dag: str, stage: str) -> Path:
        """Return the profile file of a stage."""
        return self.profiles(dag) / f"{file_name(stage)}.json"

    def models(self, dag: str) -> Path:
        """Return the folder of the fitted predictors of a workflow."""
        return self.root / "models" / file_name(dag)

    def runs(self, dag: str) -> Path:
        """Return the folder of the executed runs of a workflow."""
        return self.root / "runs" / file_name(dag)


def file_name(name: str) -> str:
    """Return ``name`` if it can be one path component, else raise ConfigurationError."""
    if not name or name in {".", ".."} or "/" in name or "\\" in name or "\0" in name:
        raise ConfigurationError(
            f"{name!r} cannot be used as a file name; use letters, digits, '-', '_' and '.'"
        )
    return name


def write_atomically(path: Path, text: str, *, private: bool = False) -> None:
    """Replace the file at ``path`` by ``text`` in one step, or leave it as it was.

    Parameters
    ----------
    path : the file; missing folders are created
    text : its new content, written as UTF-8
    private : whether only the owner may read it

    Raises
    ------
    StorageError
        The disk is full, or the folder cannot be written to; the old file is untouched.
    """
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o600 if private else 0o644)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        raise StorageError(
            f"could not save {path}: {error.strerror or error}; the old content was kept"
        ) from error
