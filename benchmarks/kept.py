"""What a benchmark has measured so far: a file for each workflow, so that it goes on from there.

Each file is replaced in one step, after every round. A benchmark that was stopped measures the
rounds that are missing, and its tables can be printed from what is there.
"""

from pathlib import Path
from typing import Generic, TypeVar

from pydantic import TypeAdapter

from flexecutor_energy.workspace import write_atomically

Outcome = TypeVar("Outcome")


class Kept(Generic[Outcome]):
    """The outcomes in a folder, by workflow.

    Parameters
    ----------
    folder : where they lie; made when something is kept
    kind : dataclass of an outcome
    """

    def __init__(self, folder: Path | str, kind: type[Outcome]) -> None:
        self.folder = Path(folder)
        self._form: TypeAdapter[Outcome] = TypeAdapter(kind)

    def load(self, name: str) -> Outcome | None:
        """Return the outcome of a workflow; None where there is none yet."""
        path = self._path(name)
        return self._form.validate_json(path.read_bytes()) if path.exists() else None

    def save(self, name: str, outcome: Outcome) -> None:
        """Keep the outcome of a workflow in place of the one before."""
        text = self._form.dump_json(outcome, indent=1).decode()
        write_atomically(self._path(name), text + "\n")

    def all(self, names: list[str]) -> list[Outcome]:
        """Return what is kept of some workflows."""
        found = [self.load(name) for name in names]
        return [outcome for outcome in found if outcome is not None]

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"
