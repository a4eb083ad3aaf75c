"""The command line as a process of its own: exit codes, pure JSON, signals, no leftovers."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from flexecutor_energy.errors import MissingExtraError
from flexecutor_energy.records.store import load_profile
from flexecutor_energy.storage import seaweed
from tests.unit import cli_workflow

ROOT = Path(__file__).parents[2]
LOCAL = ("--backend", "local", "--storage", "file")


def command(*arguments: str, workspace: Path | None = None) -> list[str]:
    place = () if workspace is None else ("--workspace", str(workspace))
    return [sys.executable, "-m", "flexecutor_energy.cli", *arguments, *place]


def run(
    *arguments: str, workspace: Path | None = None, tmp: Path, folder: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with a folder for temporary files of its own."""
    return subprocess.run(
        command(*arguments, workspace=workspace),
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp)},
        cwd=folder,
        timeout=150,
        check=False,
    )


def require_server() -> None:
    """Skip a test where the embedded server is not installed."""
    try:
        seaweed.find_binary()
    except MissingExtraError as error:
        pytest.skip(str(error))


def members(session: int) -> list[str]:
    """Return the command lines of the processes of a session that still live."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, sid = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(sid) == session and state != "Z":
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def begun(
    *arguments: str, workspace: Path, tmp: Path, stdout: int = subprocess.PIPE
) -> "subprocess.Popen[str]":
    """Begin a command in a session of its own, with a folder for temporary files of its own."""
    return subprocess.Popen(
        command(*arguments, workspace=workspace),
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp)},
        start_new_session=True,
    )


def wait_until(condition: Any, process: "subprocess.Popen[str]", seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "the command ended too early"
        assert time.monotonic() < deadline, "the command does not get on"
        time.sleep(0.05)


def measured_runs(workspace: Path) -> int:
    file = workspace / "profiles" / "counting" / "count.json"
    return len(load_profile(file, "counting", "count").runs)


def server_processes(workspace: Path) -> list[str]:
    """Return the command lines of processes that work in the workspace's server folder."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_text().replace("\0", " ")
            if str(workspace) in line or (folder / "cwd").readlink().is_relative_to(workspace):
                found.append(line)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def test_the_whole_loop_in_one_command_prints_one_json_document(tmp_path: Path) -> None:
    target = ("--dag", "pi", "--size", "samples=64000,tasks=4", "--workers", "1,2", "--cpu", "1,2")
    workspace = tmp_path / "workspace"
    done = run("loop", *target, *LOCAL, "--json", workspace=workspace, tmp=tmp_path)
    document = json.loads(done.stdout) if done.returncode == 0 else {}
    assert document, done.stderr
    assert document["profile"]["runs_done"] == 12
    assert document["run"]["answer"] == {"checked": True, "problem": None}
    assert set(document["run"]["audit"]["stages"]) == {"sample", "reduce"}
    assert document["plan"]["terms"]["max_time"] is not None
    again = run("loop", *target, *LOCAL, "--json", workspace=workspace, tmp=tmp_path)
    assert json.loads(again.stdout)["profile"]["runs_done"] == 0


def test_json_stays_pure_when_a_workflow_prints(tmp_path: Path) -> None:
    (tmp_path / "loud_flow.py").write_text(
        "import os\n"
        "from tests.unit.cli_workflow import *\n"
        "print('on import')\n"
        "os.system('echo from a shell')\n"
    )
    env = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command(
            "execute",
            "--dag",
            "loud_flow:build",
            *LOCAL,
            "--cpu",
            "1",
            "--workers",
            "2",
            "--json",
            workspace=tmp_path / "workspace",
        ),
        capture_output=True,
        text=True,
        env={**os.environ, **env, "TMPDIR": str(tmp_path)},
        cwd=tmp_path,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["answer"]["checked"] is True
    assert "on import" in done.stderr
    assert "from a shell" in done.stderr


@pytest.mark.parametrize("place", [LOCAL, ("--backend", "lithops", "--storage", "embedded")])
def test_ctrl_c_in_a_sweep_keeps_what_was_measured_and_leaves_no_process(
    tmp_path: Path, place: tuple[str, ...]
) -> None:
    if "embedded" in place:
        require_server()
    workspace = tmp_path / "workspace"
    target = ("--dag", cli_workflow.NAME, "--size", "sleep_s=0.3", "--reps", "50")
    with begun("profile", *target, *place, workspace=workspace, tmp=tmp_path) as process:
        wait_until(lambda: measured_runs(workspace) >= 2, process)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "what was measured is kept in" in err
    assert "error: interrupted" in err
    assert "Traceback" not in err
    assert measured_runs(workspace) >= 2
    assert members(process.pid) == []
    assert server_processes(workspace) == []
    assert out == ""


def test_a_terminated_command_stops_its_workers_and_servers(tmp_path: Path) -> None:
    require_server()
    workspace = tmp_path / "workspace"
    target = ("--dag", cli_workflow.NAME, "--size", "sleep_s=30", "--cpu", "1", "--workers", "2")
    arguments = ("execute", *target, "--storage", "embedded")
    with begun(
        *arguments, workspace=workspace, tmp=tmp_path, stdout=subprocess.DEVNULL
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("count: started"):
                break
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert members(process.pid) == []
    assert server_processes(workspace) == []


def test_storage_that_is_down_names_the_endpoint_and_no_secret(tmp_path: Path) -> None:
    keys = {"MINIO_ACCESS_KEY": "the-access-key", "MINIO_SECRET_KEY": "the-secret-key"}
    done = subprocess.run(
        command(
            "execute",
            "--dag",
            cli_workflow.NAME,
            "--cpu",
            "1",
            "--workers",
            "1",
            "--debug",
            "--backend",
            "local",
            workspace=tmp_path,
        ),
        capture_output=True,
        text=True,
        env={**os.environ, **keys, "S3_ENDPOINT": "http://127.0.0.1:9"},
        cwd=ROOT,
        timeout=100,
        check=False,
    )
    assert done.returncode == 1
    assert "http://127.0.0.1:9" in done.stderr.rpartition("error: ")[2]
    assert "the-" not in done.stdout + done.stderr


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys; from typer.testing import CliRunner; from flexecutor_energy.cli import app; "
        "assert CliRunner().invoke(app, ['profile', '--help']).exit_code == 0; "
        "print(*sorted(set(m.partition('.')[0] for m in sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    heavy = {"lithops", "numpy", "obstore", "pandas", "scipy", "sklearn", "minio"}
    assert heavy & set(done.stdout.split()) == set()


def script(name: str, *arguments: str, tmp: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / name), *arguments, "--workspace", str(tmp / "workspace")],
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp)},
        cwd=ROOT,
        timeout=100,
        check=False,
    )


def test_the_scripts_profile_and_train_what_they_are_asked_to(tmp_path: Path) -> None:
    target = ("--dag", cli_workflow.NAME, "--json")
    for name, options in (("dag_profiling.py", (*LOCAL, "--reps", "2")), ("dag_training.py", ())):
        done = script(name, *target, *options, tmp=tmp_path)
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)[cli_workflow.NAME]
        assert set(document["train"]["stages"]) == {"count", "add"}
    assert measured_runs(tmp_path / "workspace") == 4
    assert (tmp_path / "workspace" / "models" / "counting" / "model.json").exists()


def test_a_workflow_whose_packages_are_missing_does_not_stop_the_others(tmp_path: Path) -> None:
    names = ("tests.unit.cli_workflow:needs_more", cli_workflow.NAME)
    target = [option for name in names for option in ("--dag", name)]
    done = script("dag_profiling.py", *target, *LOCAL, "--json", tmp=tmp_path)
    assert done.returncode == 2
    assert "pip install 'flexecutor-energy[ml]'" in done.stderr
    assert set(json.loads(done.stdout)) == {cli_workflow.NAME}


@pytest.mark.parametrize("name", ["dag_profiling.py", "dag_training.py"])
def test_the_scripts_tell_the_rest_when_asked(name: str, tmp_path: Path) -> None:
    done = script(name, "--help", tmp=tmp_path)
    assert done.returncode == 0
    assert f"Usage: {name}" in done.stdout
    assert "--dag" in done.stdout
