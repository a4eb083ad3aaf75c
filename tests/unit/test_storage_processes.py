"""Storage across processes: imports, forks and failures that travel."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from flexecutor_energy.errors import (
    BucketMissingError,
    StorageAccessError,
    StorageError,
    StorageUnreachableError,
)

FORK = """
import os, signal, sys
from flexecutor_energy.errors import StorageError
from flexecutor_energy.storage.location import StoreSpec
from flexecutor_energy.storage.store import ObjectStore

root, used = sys.argv[1], sys.argv[2] == "used"
os.mkdir(root + "/bucket")
store = ObjectStore(StoreSpec(kind="file", root=root))
if used:
    store.put("bucket", "by-parent", b"x")
child = os.fork()
if child == 0:
    signal.alarm(20)  # a transfer that waits for threads which did not survive the fork
    try:
        store.put("bucket", "by-child", b"x")
        print("worked", flush=True)
    except StorageError as error:
        print("refused:", error, flush=True)
    os._exit(0)
status = os.waitpid(child, 0)[1]
print("child ended with", status)
"""

LOADED = """
import sys
import flexecutor_energy.storage.location, flexecutor_energy.storage.transfers
print(*sorted(sys.modules))
"""


def run(script: str, *arguments: str) -> str:
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def test_a_store_that_was_not_used_before_a_fork_works_in_the_child(tmp_path: Path) -> None:
    assert run(FORK, str(tmp_path), "unused").splitlines() == ["worked", "child ended with 0"]
    assert (tmp_path / "bucket" / "by-child").read_bytes() == b"x"


def test_a_store_that_was_used_before_a_fork_refuses_in_the_child(tmp_path: Path) -> None:
    said, ended = run(FORK, str(tmp_path), "used").splitlines()
    assert said.startswith("refused: process ")
    assert "start workers as fresh interpreters" in said
    assert ended == "child ended with 0"


def test_the_worker_side_loads_neither_clients_nor_settings() -> None:
    loaded = set(run(LOADED).split())
    heavy = {"obstore", "minio", "urllib3", "pydantic", "lithops", "asyncio", "numpy", "yaml"}
    assert loaded & heavy == set()


@pytest.mark.parametrize(
    "kind", [StorageError, BucketMissingError, StorageAccessError, StorageUnreachableError]
)
def test_a_storage_error_travels_back_from_a_worker(kind: type[StorageError]) -> None:
    copy = pickle.loads(pickle.dumps(kind("what went wrong")))
    assert type(copy) is kind
    assert str(copy) == "what went wrong"
