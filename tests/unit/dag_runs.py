"""Running the stage functions of a workflow in this process, without an engine.

Inputs are shared out as in a real run; each worker gets its files and a folder of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flexecutor_energy.execution.inputs import InputResolver
from flexecutor_energy.execution.task import InputFile
from flexecutor_energy.storage.location import ObjectRef
from flexecutor_energy.storage.select import Storage, open_storage
from flexecutor_energy.storage.store import ObjectStore
from flexecutor_energy.workflow.context import StageContext
from flexecutor_energy.workflow.graph import StageGraph
from flexecutor_energy.workflow.stage import Stage

Spoil = Callable[[str, bytes], bytes]


@dataclass
class FinishedRun:
    """What stages wrote, and how many workers each had."""

    workers: dict[str, int] = field(default_factory=dict)
    written: dict[str, list[bytes]] = field(default_factory=dict)

    def read(self, stage_id: str) -> list[bytes]:
        return self.written[stage_id]


def directory_storage(folder: Path) -> Storage:
    """Return a store in a directory, with its bucket."""
    return open_storage(f"file://{folder}/store", folder)


def run_in_process(
    dag: StageGraph,
    workers: int,
    folder: Path,
    *,
    storage: Storage | None = None,
    cpu: float = 1.0,
    spoil: Spoil = lambda _stage_id, content: content,
) -> FinishedRun:
    """Run every stage with this many workers, as far as it takes them.

    Parameters
    ----------
    storage : holds the inputs of the workflow; a new one if it has none
    spoil : changes the content of each output of a stage
    """
    dag.validate()
    storage = storage or directory_storage(folder)
    store = storage.store
    resolver = InputResolver(store, storage.bucket)
    run = FinishedRun()
    made: dict[str, list[ObjectRef]] = {}
    for stage in dag.topological_order():
        shared = resolver.resolve(stage, workers, made)
        run.workers[stage.stage_id] = shared.num_workers
        run.written[stage.stage_id] = []
        made |= {data.data_id: [] for data in stage.outputs}
        for worker, share in enumerate(shared.shares):
            place = folder / "scratch" / stage.stage_id / str(worker)
            context = _context(stage, worker, shared.num_workers, cpu, _local(store, share, place))
            stage.func(context)
            for data_id, paths in context.output_paths().items():
                for path in paths:
                    content = spoil(stage.stage_id, Path(path).read_bytes())
                    key = f"{data_id}/run/{Path(path).name}"
                    made[data_id].append(store.put(storage.bucket, key, content))
                    run.written[stage.stage_id].append(content)
        missing = [data.data_id for data in stage.outputs if not made[data.data_id]]
        assert not missing, f"no worker of {stage.stage_id} wrote {missing}"
    return run


def assert_refused(workflow: Any, spoiled: Any, sound: Any, size: Any, problem: str) -> None:
    """Assert that an oracle names what is wrong with an answer, and no sound one equals it."""
    with pytest.raises(AssertionError, match=problem):
        workflow.check(spoiled, size)
    assert not workflow.same(spoiled, sound)
    assert not workflow.same(sound, spoiled)


def _local(
    store: ObjectStore, share: Mapping[str, tuple[InputFile, ...]], place: Path
) -> tuple[dict[str, list[str]], Path]:
    """Write a worker's share into files; return them by input, and the worker's folder."""
    place.mkdir(parents=True)
    paths: dict[str, list[str]] = {}
    for data_id, files in share.items():
        paths[data_id] = []
        for file in files:
            path = place / f"input-{len(list(place.iterdir()))}"
            content = store.get(file.bucket, file.key)
            path.write_bytes(content[: file.header_bytes] + content[file.start : file.end])
            paths[data_id].append(str(path))
    return paths, place


def _context(
    stage: Stage,
    worker: int,
    num_workers: int,
    cpu: float,
    files: tuple[dict[str, list[str]], Path],
) -> StageContext:
    paths, place = files
    return StageContext(
        stage_id=stage.stage_id,
        worker_id=worker,
        num_workers=num_workers,
        cpu=cpu,
        memory=0,
        params=stage.params,
        inputs=paths,
        outputs={data.data_id: data.suffix for data in stage.outputs},
        scratch=place,
    )
