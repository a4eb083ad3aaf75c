"""Keeps storage open for as long as something may read from it."""

import json
import weakref
from collections.abc import Hashable, Mapping
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from flexecutor_energy.storage.location import StoreSpec
from flexecutor_energy.storage.select import Storage, open_storage
from flexecutor_energy.workspace import Workspace

StorageChoice = str | StoreSpec | Mapping[str, Any] | Storage | None


default_bucket: ContextVar[str | None] = ContextVar("default_bucket", default=None)
"""Takes the place of the settings' bucket while ``flexorchestrator`` runs a function."""


class StorageKeeper:
    """Opens each storage once; closes them when it is collected, or at exit.

    A run's outputs are read after the run has ended, so the server that holds them must outlive
    the call that started it.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._open: dict[Hashable, Storage] = {}
        weakref.finalize(self, _close_all, self._open)

    def open(self, choice: StorageChoice = None) -> Storage:
        """Return the open storage of a choice, as ``open_storage`` takes it."""
        if isinstance(choice, Storage):
            return choice
        name = (
            json.dumps(choice, default=str, sort_keys=True)
            if isinstance(choice, Mapping)
            else choice
        )
        if name not in self._open:
            self._open[name] = open_storage(choice, self._workspace)
        bucket = default_bucket.get()
        if bucket is None:
            return self._open[name]
        named = replace(self._open[name], bucket=bucket, borrowed=True)
        named.ensure_bucket()
        return named

    def close(self) -> None:
        """Close everything that was opened; the next ``open`` opens it again."""
        _close_all(self._open)


def _close_all(storages: dict[Hashable, Storage]) -> None:
    while storages:
        storages.popitem()[1].close()
