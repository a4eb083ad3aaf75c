"""Runtimes that cannot run our workers are refused before anything runs."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lithops.storage.utils import create_status_key

from flexecutor_energy.energy.choice import MeterChoice
from flexecutor_energy.errors import ConfigurationError, ExecutionError, RuntimeMismatchError
from flexecutor_energy.execution.backends.lithops import LithopsBackend
from flexecutor_energy.execution.backends.runners import start_no_more
from flexecutor_energy.execution.backends.select import open_backend
from flexecutor_energy.version import __version__


def runtime(folder: Path, package: str, worker: str = "def supervise(task): pass\n") -> str:
    """Return an interpreter in which our package is another one."""
    fake = folder / "fake" / "flexecutor_energy"
    (fake / "execution").mkdir(parents=True)
    (fake / "__init__.py").write_text("")
    (fake / "version.py").write_text(package)
    (fake / "execution" / "__init__.py").write_text("")
    (fake / "execution" / "supervisor.py").write_text(worker)
    script = folder / "python"
    script.write_text(f'#!/bin/sh\nPYTHONPATH={fake.parent} exec {sys.executable} "$@"\n')
    script.chmod(0o755)
    return str(script)


def config(path: str) -> dict[str, Any]:
    return {"lithops": {"backend": "localhost"}, "localhost": {"runtime": path}}


def test_another_version_of_this_package_is_refused(tmp_path: Path) -> None:
    path = runtime(tmp_path, "__version__ = '0.0.1'\n")
    with pytest.raises(RuntimeMismatchError, match=r"has 0\.0\.1, .*; install"):
        open_backend(config(path))


def test_a_runtime_without_this_package_is_refused(tmp_path: Path) -> None:
    path = runtime(tmp_path, "raise ImportError('not here')\n")
    with pytest.raises(RuntimeMismatchError, match=r"no flexecutor-energy.*not here"):
        open_backend(config(path))


def test_an_interpreter_that_does_not_work_is_refused() -> None:
    with pytest.raises(RuntimeMismatchError, match="'/bin/false'"):
        open_backend(config("/bin/false"))


def test_a_configuration_that_lithops_refuses_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no-such-cloud"):
        open_backend({"lithops": {"backend": "no-such-cloud"}})
    broken = tmp_path / "lithops.yaml"
    broken.write_text("lithops: [")
    with pytest.raises(ConfigurationError, match=r"lithops\.yaml"):
        open_backend(broken)
    broken.write_text("just a text")
    with pytest.raises(ConfigurationError, match=r"lithops\.yaml.*holds no sections"):
        open_backend(broken)


def test_a_job_that_lithops_cannot_start_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = LithopsBackend()
    backend.open()
    try:
        (executor,) = backend._executors

        def refuse(*arguments: Any, **options: Any) -> None:
            raise OSError("quota exceeded")

        monkeypatch.setattr(executor, "map", refuse)
        with pytest.raises(ExecutionError, match=r"could not start a job: OSError: quota"):
            backend._map(executor, [b""], 0)
    finally:
        backend.close()


@pytest.fixture
def executor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The executor of a backend in a process that got the session of another one."""
    monkeypatch.setenv("__LITHOPS_SESSION_ID", "parent")
    monkeypatch.setenv("__LITHOPS_TOTAL_EXECUTORS", "3")
    backend = LithopsBackend()
    backend.open()
    yield backend._executors[0]
    backend.close()


def test_jobs_are_not_named_like_those_of_the_process_that_spawned_this_one(executor: Any) -> None:
    assert not executor.executor_id.startswith("parent")


def test_jobs_are_not_named_like_those_of_processes_that_this_one_spawns(executor: Any) -> None:
    inherited = os.environ["__LITHOPS_SESSION_ID"]
    backend = LithopsBackend()
    backend.open()
    try:
        assert not backend._executors[0].executor_id.startswith(inherited)
    finally:
        backend.close()


def test_a_status_that_is_still_being_written_counts_as_none_yet(executor: Any) -> None:
    storage = executor.internal_storage
    call = (executor.executor_id, "M000", "00000")
    assert storage.get_call_status(*call) is None
    for written, read in [("", None), ('{"type": "__en', None), ('{"type": "x"}', {"type": "x"})]:
        storage.put_data(create_status_key(*call), written)
        assert storage.get_call_status(*call) == read


@pytest.mark.parametrize("version", [1, 2])
def test_a_job_that_was_queued_when_the_end_came_is_never_started(
    version: int, tmp_path: Path
) -> None:
    backend = LithopsBackend({"lithops": {}, "localhost": {"version": version}})
    backend.open()
    (executor,) = backend._executors
    start_no_more(executor)
    executor.map(Path.touch, [tmp_path / "ran"])
    if manager := executor.compute_handler.job_manager:
        manager.join(5)  # it may wait for more
    executor.futures.clear()  # as after Ctrl-C within that call
    backend.close()
    assert not (tmp_path / "ran").exists()


def test_what_killed_runners_left_is_removed_at_the_end() -> None:
    backend = LithopsBackend()
    backend.open()
    storage = backend._executors[0].internal_storage.storage
    name = backend._executors[0].executor_id
    left = [f"lithops.jobs/{name}-M000-job.json", f"lithops.jobs/{name}/f.func.pickle"]
    foreign = f"lithops.jobs/{name}0-M000-job.json"
    for key in [*left, foreign]:
        storage.put_object(storage.bucket, key, b"credentials")
    backend.close()
    assert storage.list_keys(storage.bucket, f"lithops.jobs/{name}") == [foreign]
    storage.delete_object(storage.bucket, foreign)


def test_sections_may_be_empty(tmp_path: Path) -> None:
    written = tmp_path / "lithops.yaml"
    written.write_text("lithops:\nlocalhost:\n")
    assert LithopsBackend(written).name == "lithops:localhost"


def test_our_settings_give_way_to_the_users() -> None:
    given = {
        "lithops": {"backend": "localhost", "monitoring_interval": 1.5, "execution_timeout": 60},
        "localhost": {"worker_processes": 3},
    }
    backend = LithopsBackend(given)
    assert backend._config["lithops"]["monitoring_interval"] == 1.5
    assert backend._config["lithops"]["execution_timeout"] == 60
    assert backend._config["localhost"]["worker_processes"] == 3
    assert backend._config["localhost"]["runtime"] == sys.executable
    assert given["localhost"] == {"worker_processes": 3}  # the caller's own is left alone
    assert (backend.name, backend.on_this_host) == ("lithops:localhost", True)


def test_another_python_is_refused() -> None:
    from flexecutor_energy.execution.backends.runtime_check import check_runtime

    with pytest.raises(RuntimeMismatchError, match=r"has Python 3\.8\.1.*must agree"):
        check_runtime({"package": __version__, "python": "3.8.1"}, "image", "k8s")
    check_runtime({"package": __version__, "python": sys.version.split()[0]}, "image", "k8s")


def test_a_worker_that_cannot_look_at_its_host_is_one_clear_error(tmp_path: Path) -> None:
    path = runtime(tmp_path, f"__version__ = {__version__!r}\n")  # but without that module
    backend = LithopsBackend(config(path))
    backend.open()
    try:
        with pytest.raises(ExecutionError, match=r"could not be examined.*examination"):
            backend.examine(MeterChoice())
    finally:
        backend.close()


def test_a_runner_that_dies_while_its_worker_looks_is_told(tmp_path: Path) -> None:
    dying = "import os, signal; os.kill(os.getppid(), signal.SIGKILL); os._exit(1)\n"
    path = runtime(tmp_path, f"__version__ = {__version__!r}\n")
    (tmp_path / "fake/flexecutor_energy/execution/examination.py").write_text(dying)
    backend = LithopsBackend(config(path))
    backend.open()
    try:
        with pytest.raises(ExecutionError, match="without a result"):
            backend.examine(MeterChoice())
    finally:
        backend.close()
