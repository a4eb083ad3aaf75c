"""What a stage function sees of the run it is part of."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flexecutor_energy.errors import WorkflowError

_REQUIRED = object()


class StageContext:
    """The inputs, outputs and parameters of one worker.

    Attributes
    ----------
    stage_id : the stage this worker belongs to
    worker_id, num_workers : its number, from 0, and how many run in all
    cpu : cores this worker may use
    memory : MB this worker may use beyond its start-up size; 0 means no limit
    """

    def __init__(
        self,
        *,
        stage_id: str,
        worker_id: int,
        num_workers: int,
        cpu: float,
        memory: int,
        params: Mapping[str, Any],
        inputs: Mapping[str, Sequence[str]],
        outputs: Mapping[str, str],
        scratch: Path,
    ) -> None:
        self.stage_id = stage_id
        self.worker_id = worker_id
        self.num_workers = num_workers
        self.cpu = cpu
        self.memory = memory
        self._params = dict(params)
        self._inputs = {key: list(paths) for key, paths in inputs.items()}
        self._suffixes = dict(outputs)
        self._scratch = scratch
        self._written: dict[str, list[str]] = {key: [] for key in outputs}

    def get_input_paths(self, data_id: str) -> list[str]:
        """Return the local files of an input: this worker's share, or all if broadcast."""
        return list(self._entry(self._inputs, data_id, "input"))

    def get_param(self, name: str, default: Any = _REQUIRED) -> Any:
        """Return a parameter of the stage; without a default, a missing one is an error."""
        if name in self._params:
            return self._params[name]
        if default is _REQUIRED:
            self._entry(self._params, name, "parameter")
        return default

    def next_output_path(self, data_id: str) -> str:
        """Return the path of a new local file, uploaded as an output when the function ends."""
        suffix = self._entry(self._suffixes, data_id, "output")
        written = self._written[data_id]
        # a number, as ids may hold slashes
        folder = self._scratch / "outputs" / str(list(self._written).index(data_id))
        folder.mkdir(parents=True, exist_ok=True)
        path = str(folder / f"{self.worker_id:05d}-{len(written):05d}{suffix}")
        written.append(path)
        return path

    def output_paths(self) -> dict[str, list[str]]:
        """Return the files that the function asked for and really wrote, by output."""
        return {
            key: [path for path in paths if Path(path).is_file()]
            for key, paths in self._written.items()
        }

    def _entry(self, table: Mapping[str, Any], name: str, kind: str) -> Any:
        try:
            return table[name]
        except KeyError:
            known = ", ".join(map(repr, table)) or "none"
            raise WorkflowError(
                f"stage {self.stage_id!r} has no {kind} {name!r}; it has: {known}"
            ) from None
