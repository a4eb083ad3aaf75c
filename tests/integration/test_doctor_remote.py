"""``doctor --remote`` with real workers, and what happens when they die."""

import json
import os
import signal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flexecutor_energy.cli import app
from flexecutor_energy.energy.choice import MeterChoice
from flexecutor_energy.errors import ExecutionError
from flexecutor_energy.execution import procfs
from flexecutor_energy.execution.backends.local import LocalBackend
from tests.execution_support import eventually, is_running, running_children
from tests.simulated_machine import Machine


@pytest.mark.parametrize("backend", ["local", "lithops"])
def test_counters_that_workers_can_read_are_found_there(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(tmp_path / "root")
    monkeypatch.setenv("FLEXECUTOR_ENERGY_HOST_ROOT", str(machine.root))
    monkeypatch.setenv("FLEXECUTOR_ENERGY_PERF", "no-such-perf")
    before = set(running_children())
    options = ["--workspace", str(tmp_path), "--storage", "file", "--backend", backend]
    result = CliRunner().invoke(app, ["doctor", "--remote", "--strict", "--json", *options])
    assert result.exit_code == 0, result.output
    (there,) = json.loads(result.stdout)["workers"]
    assert there["workers"] == 2
    assert there["host"]["host"]["host_id"] == procfs.host_id()
    assert there["host"]["energy"]["rapl"]["ok"]
    assert there["host"]["energy"]["perf"]["reason"] == "no-such-perf is not installed"
    assert eventually(lambda: set(running_children()) <= before)


def test_a_local_worker_process_that_died_is_replaced() -> None:
    backend = LocalBackend()
    backend.open()
    try:
        process = backend._process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        assert eventually(lambda: not is_running(process.pid))
        with pytest.raises(ExecutionError, match="died before it could look"):
            backend.examine(MeterChoice())
        (seen,) = backend.examine(MeterChoice())
        assert seen.host.host_id == procfs.host_id()
    finally:
        backend.close()
