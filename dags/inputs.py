"""Putting the inputs of a workflow into the object store, once."""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flexecutor_energy.errors import InputMissingError, StorageError
from flexecutor_energy.storage.select import open_storage
from flexecutor_energy.storage.store import ObjectStore

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InputSet:
    """The inputs of one workflow at one size, in folders of their own.

    Attributes
    ----------
    dag : the workflow
    version : names what decides their content: the knobs, and the version of the code that makes
        them. Whoever changes that code changes the version; objects of another version are never
        taken for these.
    """

    dag: str
    version: str

    @property
    def root(self) -> str:
        """The prefix of all of them."""
        return f"inputs/{self.dag}/{self.version}"

    def prefix(self, folder: str) -> str:
        """Return the prefix of one folder, as a stage reads it."""
        return f"{self.root}/{folder}"


_TOLD = 5  # times that the progress of an upload is told, at most
MakeObjects = Callable[[], Mapping[str, bytes]]


def upload_once(
    inputs: InputSet,
    make: MakeObjects,
    *,
    workspace: Path | str | None = None,
    storage: Any = None,
) -> None:
    """Upload the inputs, unless what is there already has the right checksums.

    Parameters
    ----------
    inputs : where they go
    make : returns the objects' contents by ``folder/name``; called only if they are needed
    workspace, storage : which object store, as for ``DAG``; its bucket is created if missing

    Raises
    ------
    StorageError
        The store refused, or a folder holds objects of somebody else.
    """
    with open_storage(storage, workspace) as opened:
        opened.ensure_bucket()
        place(opened.store, opened.bucket, inputs, make)


def place(store: ObjectStore, bucket: str, inputs: InputSet, make: MakeObjects) -> bool:
    """Upload the inputs into a bucket that exists; return whether that was needed.

    The manifest, which names every object with its checksum, is written last: an upload that
    was cut short, or an object that has changed since, is found and uploaded again.
    """
    promised = _manifest(store, bucket, inputs)
    if promised and all(
        _checksum_stored(store, bucket, inputs, name) == checksum
        for name, checksum in promised.items()
    ):
        _refuse_strangers(store, bucket, inputs, promised)
        _log.info("inputs of %s are in place: %s", inputs.dag, store.spec.url(bucket, inputs.root))
        return False
    objects = make()
    _refuse_strangers(store, bucket, inputs, objects)
    uploaded = 0
    for number, (name, content) in enumerate(objects.items(), start=1):
        store.put(bucket, inputs.prefix(name), content)
        uploaded += len(content)
        if number * _TOLD // len(objects) > (number - 1) * _TOLD // len(objects):
            _log.info(
                "uploaded %d of %d inputs of %s below %s: %.2f MB",
                number,
                len(objects),
                inputs.dag,
                store.spec.url(bucket, inputs.root),
                uploaded / 1e6,
            )
    checksums = {name: _checksum(content) for name, content in objects.items()}
    store.put(bucket, _manifest_key(inputs), json.dumps(checksums, indent=1).encode())
    return True


def _manifest_key(inputs: InputSet) -> str:
    return f"{inputs.root}/manifest.json"  # beside the folders that stages read, not in one


def _manifest(store: ObjectStore, bucket: str, inputs: InputSet) -> dict[str, str] | None:
    """Return the checksums by name, or None if there is no manifest that can be read."""
    try:
        content = json.loads(store.get(bucket, _manifest_key(inputs)))
    except (InputMissingError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _checksum_stored(store: ObjectStore, bucket: str, inputs: InputSet, name: str) -> str | None:
    try:
        return _checksum(store.get(bucket, inputs.prefix(name)))
    except InputMissingError:
        return None


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _refuse_strangers(
    store: ObjectStore, bucket: str, inputs: InputSet, names: Mapping[str, Any]
) -> None:
    """Raise if workers would read an object that is not among the inputs."""
    known = {inputs.prefix(name) for name in names} | {_manifest_key(inputs)}
    strangers = [ref.key for ref in store.list(bucket, f"{inputs.root}/") if ref.key not in known]
    if strangers:
        raise StorageError(
            f"{store.spec.url(bucket, strangers[0])} lies among the inputs of the workflow "
            f"{inputs.dag!r} and does not belong to them; remove it"
        )
