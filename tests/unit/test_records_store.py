import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from flexecutor_energy.errors import ConfigurationError, ProfileFormatError, StorageError
from flexecutor_energy.records.run import FailedRun, StageRun, WorkerRecord
from flexecutor_energy.records.store import ProfileStore
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workspace import Workspace

CONFIG = StageConfig(1, 1)


def run(run_id: str, compute_s: float = 1.0) -> StageRun:
    return StageRun(CONFIG, (WorkerRecord(compute_s=compute_s),), meta={"run_id": run_id})


@pytest.fixture
def store(tmp_path: Path) -> ProfileStore:
    return ProfileStore(Workspace(tmp_path))


def test_a_stage_that_was_never_measured_has_an_empty_profile(store: ProfileStore) -> None:
    profile = store.load("dag", "stage")
    assert (profile.runs, profile.failures) == ((), ())
    assert not store.path("dag", "stage").exists()


def test_runs_and_failures_are_added_one_by_one(store: ProfileStore) -> None:
    store.add_run("dag", "stage", run("r1"))
    failure = FailedRun(CONFIG, "r2", "timeout: too slow")
    store.add_failure("dag", "stage", failure)
    after = store.add_run("dag", "stage", run("r3"))
    assert store.load("dag", "stage") == after
    assert [r.run_id for r in after.runs] == ["r1", "r3"]
    assert after.failures == (failure,)


def test_adding_a_run_again_changes_nothing(store: ProfileStore) -> None:
    store.add_run("dag", "stage", run("r1"))
    assert len(store.add_run("dag", "stage", run("r1")).runs) == 1


def test_stages_and_workflows_have_files_of_their_own(store: ProfileStore) -> None:
    store.add_run("dag", "a", run("r1"))
    store.add_run("dag", "b", run("r1"))
    assert store.load("other", "a").runs == ()
    folder = store.path("dag", "a").parent
    assert sorted(path.name for path in folder.iterdir()) == ["a.json", "b.json"]


def test_a_name_that_is_no_file_is_refused(store: ProfileStore) -> None:
    with pytest.raises(ConfigurationError, match="file name"):
        store.load("dag", "../stage")


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"(1, 0, 1)": {"compute": "x"}}', b'{\n\n"\xff": 1}']
)
def test_a_corrupt_file_is_named_and_left_untouched(store: ProfileStore, content: bytes) -> None:
    path = store.path("dag", "stage")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(ProfileFormatError, match=re.escape(str(path))):
        store.load("dag", "stage")
    with pytest.raises(ProfileFormatError, match="left as it is"):
        store.add_run("dag", "stage", run("r1"))
    assert path.read_bytes() == content


def test_bytes_that_are_no_text_are_found_by_their_line(store: ProfileStore) -> None:
    path = store.path("dag", "stage")
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{\n\n"\xff": 1}')
    with pytest.raises(ProfileFormatError) as caught:
        store.load("dag", "stage")
    assert caught.value.line == 3


def test_a_folder_in_place_of_the_file_is_a_storage_error(store: ProfileStore) -> None:
    store.path("dag", "stage").mkdir(parents=True)
    with pytest.raises(StorageError, match="could not read"):
        store.load("dag", "stage")


def test_a_folder_in_place_of_the_locks_is_a_storage_error(
    store: ProfileStore, tmp_path: Path
) -> None:
    (tmp_path / ".flexecutor").write_text("a file where a folder should be")
    with pytest.raises(StorageError, match="could not save"):
        store.add_run("dag", "stage", run("r1"))


WRITER = """
import resource, sys
from pathlib import Path
from flexecutor_energy.errors import StorageError
from flexecutor_energy.records.run import StageRun, WorkerRecord
from flexecutor_energy.records.store import ProfileStore
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workspace import Workspace

root, name, count, file_bytes = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
if file_bytes:
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
store = ProfileStore(Workspace(Path(root)))
worker = WorkerRecord(compute_s=1.0)
try:
    for number in range(count):
        meta = {"run_id": f"{name}-{number}"}
        store.add_run("dag", "stage", StageRun(StageConfig(1, 1), (worker,), meta=meta))
except StorageError as error:
    print(error)
    sys.exit(3)
"""


def writer(root: Path, name: str, count: int, file_bytes: int = 0) -> "subprocess.Popen[str]":
    arguments = [sys.executable, "-c", WRITER, str(root), name, str(count), str(file_bytes)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def test_two_processes_that_write_at_once_lose_nothing(
    store: ProfileStore, tmp_path: Path
) -> None:
    processes = [writer(tmp_path, name, 25) for name in ("a", "b")]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0]
    names = {r.run_id for r in store.load("dag", "stage").runs}
    assert names == {f"{name}-{number}" for name in "ab" for number in range(25)}


def test_a_full_disk_leaves_the_old_file(store: ProfileStore, tmp_path: Path) -> None:
    store.add_run("dag", "stage", run("r1"))
    before = store.path("dag", "stage").read_bytes()
    process = writer(tmp_path, "late", 1, file_bytes=len(before) - 10)
    message, _ = process.communicate()
    assert process.returncode == 3
    assert "old content was kept" in message
    assert store.path("dag", "stage").read_bytes() == before
    folder = store.path("dag", "stage").parent
    assert [path.name for path in folder.iterdir()] == ["stage.json"]


def test_what_is_on_disk_is_json(store: ProfileStore) -> None:
    store.add_run("dag", "stage", run("r1"))
    assert list(json.loads(store.path("dag", "stage").read_text())) == ["(1.0, 0, 1)"]
