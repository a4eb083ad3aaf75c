"""Where profiles are kept: one file a stage, written after each run."""

import logging
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from flexecutor_energy.errors import ProfileFormatError, StorageError
from flexecutor_energy.records.format import from_text, to_text
from flexecutor_energy.records.run import FailedRun, Profile, StageRun
from flexecutor_energy.workspace import Workspace, file_name, write_atomically

logger = logging.getLogger(__name__)


class ProfileStore:
    """The profiles of one workspace.

    Every change reads, adds and replaces the file under a lock, so two sweeps at once lose
    nothing, and a process killed at any moment leaves a whole file behind.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def path(self, dag: str, stage: str) -> Path:
        """Return the file of a stage."""
        return self._workspace.profile(dag, stage)

    def load(self, dag: str, stage: str) -> Profile:
        """Return the profile of a stage; one without runs if nothing was measured.

        Raises
        ------
        ProfileFormatError
            The file is corrupt or foreign.
        StorageError
            The file is there but cannot be read.
        """
        return load_profile(self.path(dag, stage), dag, stage)

    def add_run(self, dag: str, stage: str, run: StageRun) -> Profile:
        """Add one measured repetition and return the profile as it now stands."""
        addition = Profile(dag, stage, runs=(run,))
        return self._change(dag, stage, lambda profile: profile.merged(addition))

    def add_failure(self, dag: str, stage: str, failure: FailedRun) -> Profile:
        """Add one failed run and return the profile as it now stands."""
        return self._change(
            dag,
            stage,
            lambda p: Profile(p.dag, p.stage, p.runs, (*p.failures, failure)),
        )

    def _change(self, dag: str, stage: str, change: Callable[[Profile], Profile]) -> Profile:
        path = self.path(dag, stage)
        locks = self._workspace.state / "locks"
        lock = FileLock(locks / f"{file_name(dag)}.{file_name(stage)}.lock")
        try:
            locks.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except OSError as error:
            raise StorageError(f"could not save {path}: {error.strerror}") from error
        try:
            profile = change(load_profile(path, dag, stage))
            write_atomically(path, to_text(profile))
        finally:
            lock.release()
        return profile


def load_profile(path: Path, dag: str = "", stage: str = "") -> Profile:
    """Return the profile in a file, whoever wrote it; an absent file is an empty profile."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Profile(dag, stage)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ProfileFormatError(path, "not UTF-8 text", line) from error
    except OSError as error:
        raise StorageError(f"could not read {path}: {error.strerror}") from error
    return from_text(text, dag or path.parent.name, stage or path.stem, path)
