"""``flexecutor-energy storage``: a real server, begun, looked at and ended."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flexecutor_energy.cli import app
from flexecutor_energy.errors import MissingExtraError
from flexecutor_energy.storage import seaweed
from flexecutor_energy.storage.admin import check
from flexecutor_energy.storage.location import StoreSpec


def is_installed() -> bool:
    try:
        seaweed.find_binary()
    except MissingExtraError:
        return False
    return True


pytestmark = pytest.mark.skipif(not is_installed(), reason="no embedded server is installed")


def storage(command: str, workspace: Path, *options: str) -> Result:
    arguments = ["storage", command, "--workspace", str(workspace), *options]
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    storage("stop", tmp_path)


def test_without_a_server_status_says_so_and_env_is_an_error(workspace: Path) -> None:
    status = storage("status", workspace)
    assert status.exit_code == 0
    assert status.stdout.startswith("not running")
    env = storage("env", workspace)
    assert env.exit_code == 1
    assert "storage start" in env.stderr


def test_a_server_that_was_started_stays_until_it_is_stopped(workspace: Path) -> None:
    started = storage("start", workspace)
    assert started.exit_code == 0, started.output
    assert "SECRET" not in started.output
    state = json.loads(storage("status", workspace, "--json").stdout)
    assert (state["running"], state["kept_by_start"], state["users"]) == (True, True, 1)
    env = json.loads(storage("env", workspace, "--show-secret", "--json").stdout)
    spec = StoreSpec(
        kind="s3",
        endpoint=env["S3_ENDPOINT"],
        access_key=env["MINIO_ACCESS_KEY"],
        secret_key=env["MINIO_SECRET_KEY"],
    )
    assert check(spec).authorized is True
    hidden = storage("env", workspace)
    assert hidden.stdout == f"S3_ENDPOINT={env['S3_ENDPOINT']}\n"
    assert env["MINIO_SECRET_KEY"] not in hidden.output + started.output
    stopped = json.loads(storage("stop", workspace, "--json").stdout)
    assert (stopped["running"], stopped["users"]) == (False, 0)
    for pid in state["pids"]:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_starting_twice_changes_nothing(workspace: Path) -> None:
    first = json.loads(storage("start", workspace, "--json").stdout)
    assert json.loads(storage("start", workspace, "--json").stdout) == first
    assert json.loads(storage("status", workspace, "--json").stdout)["users"] == 1


def test_run_keeps_the_server_until_ctrl_c(workspace: Path) -> None:
    command = [sys.executable, "-m", "flexecutor_energy.cli", "storage", "run"]
    with subprocess.Popen(
        [*command, "--workspace", str(workspace)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "until Ctrl-C" in line:
                break
        assert json.loads(storage("status", workspace, "--json").stdout)["running"] is True
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "S3_ENDPOINT=http://127.0.0.1:" in out
    assert json.loads(storage("status", workspace, "--json").stdout)["running"] is False
