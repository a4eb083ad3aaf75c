"""Finding the objects of a stage's inputs and sharing them out among its workers."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from flexecutor_energy.errors import InputMissingError
from flexecutor_energy.execution.task import InputFile
from flexecutor_energy.storage.location import ObjectRef
from flexecutor_energy.storage.store import ObjectStore
from flexecutor_energy.workflow.data import FlexData, ReadStrategy
from flexecutor_energy.workflow.stage import Stage


@dataclass(frozen=True, slots=True)
class StageInputs:
    """What the workers of one stage read.

    Attributes
    ----------
    num_workers : the workers that get work: asked for, but at most ``max_concurrency`` and the
        number of pieces of every scattered input
    shares : for each worker, the files of each input
    size_bytes : bytes of all inputs together, each counted once
    """

    num_workers: int
    shares: tuple[Mapping[str, tuple[InputFile, ...]], ...]
    size_bytes: int


class InputResolver:
    """Resolves inputs of one run: external ones by listing, others from the stages' outputs.

    Parameters
    ----------
    store : reads listings and the bytes around cuts
    bucket : the bucket of data that names none
    """

    def __init__(self, store: ObjectStore, bucket: str) -> None:
        self._store = store
        self._bucket = bucket
        self._listed: dict[tuple[str, str], list[ObjectRef]] = {}

    def resolve(
        self, stage: Stage, workers: int, made: Mapping[str, Sequence[ObjectRef]]
    ) -> StageInputs:
        """Return the shares of a stage's workers.

        Parameters
        ----------
        stage : the stage that is ready
        workers : how many workers were asked for
        made : objects that earlier stages of this run wrote, by data id

        Raises
        ------
        BucketMissingError, InputMissingError
            An external input is not there.
        """
        limit = min(workers, stage.max_concurrency)
        objects: dict[str, list[ObjectRef]] = {}
        for data in stage.inputs:
            if data.data_id in made:
                objects[data.data_id] = list(made[data.data_id])
                if not objects[data.data_id]:
                    raise InputMissingError(
                        f"stage {stage.stage_id!r} reads {data.data_id!r}, of which the stage "
                        "before it wrote no object"
                    )
            else:
                objects[data.data_id] = self._external(stage, data)
        pieces = {d.data_id: self._pieces(d, objects[d.data_id], limit) for d in stage.inputs}
        scattered = [d for d in stage.inputs if d.read_strategy is ReadStrategy.SCATTER]
        count = min([limit, *(len(pieces[d.data_id]) for d in scattered)])
        shares = tuple(
            {d.data_id: _share(d, pieces[d.data_id], worker, count) for d in stage.inputs}
            for worker in range(count)
        )
        size = sum(ref.size_bytes for refs in objects.values() for ref in refs)
        return StageInputs(count, shares, size)

    def fingerprint(self, stage: Stage, made_by_stages: Collection[str]) -> str:
        """Return a hash of a stage's external inputs: names, sizes and versions of objects."""
        digest = hashlib.sha256()
        for data in stage.inputs:
            if data.data_id not in made_by_stages:
                for ref in self._external(stage, data):
                    digest.update(f"{ref.key}\0{ref.size_bytes}\0{ref.etag}\n".encode())
        return digest.hexdigest()[:16]

    def _external(self, stage: Stage, data: FlexData) -> list[ObjectRef]:
        bucket = data.bucket or self._bucket
        place = (bucket, data.prefix)
        if place not in self._listed:
            self._listed[place] = self._list(stage, data, bucket)
        return self._listed[place]

    def _list(self, stage: Stage, data: FlexData, bucket: str) -> list[ObjectRef]:
        found = self._store.list(bucket, data.prefix + "/")
        if not found:
            found = [
                ref for ref in self._store.list(bucket, data.prefix) if ref.key == data.prefix
            ]
        found = [ref for ref in found if not ref.key.endswith("/")]
        if not found:
            raise InputMissingError(
                f"stage {stage.stage_id!r} reads {data.data_id!r}, but bucket {bucket!r} has no "
                f"object below {data.prefix + '/'!r}; upload the input first (prepare)"
            )
        return found

    def _pieces(self, data: FlexData, refs: Sequence[ObjectRef], workers: int) -> list[InputFile]:
        chunker = data.chunker
        if chunker is None:
            return [InputFile(ref.bucket, ref.key, ref.size_bytes) for ref in refs]
        wanted = chunker.pieces or workers
        pieces: list[InputFile] = []
        for ref, count in zip(refs, _pieces_each(refs, wanted), strict=True):
            source = _StoredObject(self._store, ref)
            pieces += [
                InputFile(ref.bucket, ref.key, ref.size_bytes, r.start, r.end, r.header_bytes)
                for r in chunker.cut(source, count)
            ]
        if not pieces:
            raise InputMissingError(f"all objects of {data.data_id!r} are empty")
        return pieces


@dataclass(frozen=True, slots=True)
class _StoredObject:
    """An object as chunking strategies see it."""

    store: ObjectStore
    ref: ObjectRef

    @property
    def size_bytes(self) -> int:
        return self.ref.size_bytes

    def read(self, start: int, end: int) -> bytes:
        return self.store.get_range(self.ref.bucket, self.ref.key, start, end)


def _pieces_each(refs: Sequence[ObjectRef], wanted: int) -> list[int]:
    """Share a number of pieces out over objects by size, at least one each."""
    total = sum(ref.size_bytes for ref in refs) or 1
    counts: list[int] = []
    reached = 0
    for ref in refs:
        before = reached * wanted // total
        reached += ref.size_bytes
        counts.append(max(1, reached * wanted // total - before))
    return counts


def _share(
    data: FlexData, pieces: Sequence[InputFile], worker: int, workers: int
) -> tuple[InputFile, ...]:
    if data.read_strategy is ReadStrategy.BROADCAST:
        return tuple(pieces)
    first = len(pieces) * worker // workers
    return tuple(pieces[first : len(pieces) * (worker + 1) // workers])
