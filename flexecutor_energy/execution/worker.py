"""The inside of one invocation: read, compute, write, each timed and accounted.

Runs in a process of its own, forked for it, with limits already set from outside. Imports of
this module are light, as every worker pays for them.
"""

import errno
import os
import pickle
import resource
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cloudpickle
import obstore  # noqa: F401 - part of the bare worker, so loaded before memory is counted

from flexecutor_energy.errors import StorageError
from flexecutor_energy.execution import procfs
from flexecutor_energy.execution.limits import limit_address_space
from flexecutor_energy.execution.task import Clock, Failure, InputFile, WorkerTask
from flexecutor_energy.storage.location import ObjectRef
from flexecutor_energy.storage.store import ObjectStore
from flexecutor_energy.storage.transfers import download_all, upload_all
from flexecutor_energy.workflow.context import StageContext

_NAME_BYTES = 200
_MEMORY_TEXTS = (
    "bad allocation",
    "bad_alloc",
    "cannot allocate memory",
    "failed to map segment",
    "insufficient memory",  # OpenCV
)


@dataclass(slots=True)
class Progress:
    """What the invocation has got to; saved at its end, whichever way it ends."""

    clocks: list[Clock] = field(default_factory=list)
    failure: Failure | None = None
    bytes_read: int | None = None
    bytes_written: int | None = None
    outputs: dict[str, tuple[ObjectRef, ...]] = field(default_factory=dict)
    value: bytes | None = None
    baseline_mb: float | None = None
    address_space_bytes: int | None = None


def run_task(task: WorkerTask, scratch: Path, tell_baseline: Callable[[int], None]) -> Progress:
    """Run one invocation and return what it did; a failure is part of the result.

    Parameters
    ----------
    task : what to do
    scratch : a private folder, removed afterwards by the caller
    tell_baseline : called with the resident bytes of the bare worker, before the function's
        own code and data come in
    """
    progress = Progress()
    store = ObjectStore(task.store)  # opened here, after the fork
    resident = procfs.resident_bytes(os.getpid())
    if resident is not None:
        progress.baseline_mb = resident / 1e6
        tell_baseline(resident)
    try:
        if task.memory_mb:
            size = procfs.address_space_bytes(os.getpid()) or 0
            progress.address_space_bytes = limit_address_space(size, task.memory_mb)
        _run_phases(task, scratch, store, progress)
    except BaseException as error:  # noqa: BLE001 - whatever user code raises is its result
        progress.failure = _failure(error)
    return progress


def _run_phases(task: WorkerTask, scratch: Path, store: ObjectStore, progress: Progress) -> None:
    function, params = cloudpickle.loads(task.function)
    progress.clocks.append(_clock())
    inputs, progress.bytes_read = _read(task, scratch, store)
    context = StageContext(
        stage_id=task.stage_id,
        worker_id=task.worker_id,
        num_workers=task.num_workers,
        cpu=task.cpu,
        memory=task.memory_mb,
        params=params,
        inputs=inputs,
        outputs={target.data_id: target.suffix for target in task.outputs},
        scratch=scratch,
    )
    progress.clocks.append(_clock())
    value = function(context)
    progress.clocks.append(_clock())
    progress.outputs = _write(task, context, store)
    refs = [ref for refs in progress.outputs.values() for ref in refs]
    progress.bytes_written = sum(ref.size_bytes for ref in refs)
    progress.clocks.append(_clock())
    if value is not None:
        progress.value = _pickled(value)


def _read(task: WorkerTask, scratch: Path, store: ObjectStore) -> tuple[dict[str, list[str]], int]:
    paths: dict[str, list[str]] = {}
    requests = []
    for place, (data_id, files) in enumerate(task.inputs.items()):
        folder = scratch / "inputs" / str(place)  # a number, as ids may hold slashes
        folder.mkdir(parents=True)
        paths[data_id] = []
        for number, file in enumerate(files):
            path = folder / f"{number:05d}-{_file_name(file.key)}"
            paths[data_id].append(str(path))
            requests.append((file, path))
    wanted = [(f.bucket, f.key, _byte_range(f), path) for f, path in requests]
    moved = download_all(store, wanted)
    for file, path in requests:
        if file.header_bytes and file.start != file.header_bytes:
            header = store.get_range(file.bucket, file.key, 0, file.header_bytes)
            moved += len(header)
            path.write_bytes(header + path.read_bytes())
    return paths, moved


def _file_name(key: str) -> str:
    """Return the end of a key, as long as a file name may be beside its number."""
    return key.rpartition("/")[2].encode()[-_NAME_BYTES:].decode(errors="ignore")


def _byte_range(file: InputFile) -> tuple[int, int] | None:
    if file.start is None or file.end is None:
        return None
    # the first piece after a header is one range with it
    return (0 if file.start == file.header_bytes else file.start), file.end


def _write(
    task: WorkerTask, context: StageContext, store: ObjectStore
) -> dict[str, tuple[ObjectRef, ...]]:
    written = context.output_paths()
    requests = []
    for target in task.outputs:
        for path in written[target.data_id]:
            key = f"{target.prefix}/{task.run_id}/{Path(path).name}"
            requests.append((target.data_id, Path(path), target.bucket, key))
    refs = upload_all(store, [(path, bucket, key) for _, path, bucket, key in requests])
    outputs: dict[str, list[ObjectRef]] = {target.data_id: [] for target in task.outputs}
    for (data_id, *_), ref in zip(requests, refs, strict=True):
        outputs[data_id].append(ref)
    return {data_id: tuple(refs) for data_id, refs in outputs.items()}


def _clock() -> Clock:
    return Clock(time.monotonic(), time.time(), own_cpu_s())


def own_cpu_s() -> float:
    """Return the CPU seconds of this process and all its children, ended or alive."""
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        total += usage.ru_utime + usage.ru_stime
    for pid in procfs.descendants(os.getpid()):
        cpu = procfs.process_cpu(pid)
        if cpu is not None:
            total += cpu.own_s + cpu.reaped_s
    return total


def _failure(error: BaseException) -> Failure:
    text = "".join(traceback.format_exception(error))
    cause = f"{type(error).__name__}: {error}".strip().removesuffix(":")
    if _is_memory(error):
        return Failure("out_of_memory", cause, text)
    return Failure("storage" if isinstance(error, StorageError) else "raised", cause, text)


def _is_memory(error: BaseException | None) -> bool:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, MemoryError):
            return True
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            return True
        if any(text in str(error).lower() for text in _MEMORY_TEXTS):
            return True
        error = error.__cause__ or error.__context__
    return False


def _pickled(value: object) -> bytes | None:
    try:
        packed: bytes = cloudpickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - the value's own code may raise whatever it likes
        print(f"the return value of the stage function was dropped: {error}")  # noqa: T201 - its log
        return None
    return packed
