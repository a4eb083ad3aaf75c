"""The embedded server's life: who starts it, who ends it, and what it leaves behind.

Drivers are processes of their own here, because what matters is how they end.
"""

import contextlib
import itertools
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import psutil
import pytest

from flexecutor_energy.errors import FormatError, StorageError
from flexecutor_energy.storage import seaweed, watch
from flexecutor_energy.storage.admin import ensure_bucket
from flexecutor_energy.storage.select import open_storage
from flexecutor_energy.storage.server import EmbeddedServer
from flexecutor_energy.storage.store import ObjectStore
from flexecutor_energy.workspace import Workspace

pytestmark = pytest.mark.slow

BUCKET = "kept-data"
PATIENCE_S = 30

DRIVER = """
import sys
from flexecutor_energy.storage.admin import ensure_bucket
from flexecutor_energy.storage.server import EmbeddedServer
from flexecutor_energy.storage.store import ObjectStore
from flexecutor_energy.workspace import Workspace

server = EmbeddedServer(Workspace.of(sys.argv[1]))
try:
    store = ObjectStore(server.start())
    ensure_bucket(store, "kept-data")
    print(*server.pids(), server.launched, flush=True)
    sys.stdin.readline()
except KeyboardInterrupt:
    store.put("kept-data", "saved-at-interrupt", b"x")
if sys.argv[2] == "close":
    server.close()
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.of(tmp_path / "a space, and more")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """Run one server for the tests that only look at it."""
    with EmbeddedServer(Workspace.of(tmp_path_factory.mktemp("shared"))) as server:
        ensure_bucket(ObjectStore(server.spec), BUCKET)
        yield server


@pytest.fixture(autouse=True)
def nothing_stays_behind(tmp_path: Path) -> Iterator[None]:
    """Fail any test after which a process of its server lives on."""
    yield
    wait_until(lambda: not processes_of(tmp_path))


class Driver:
    """A Python process that uses a workspace's server."""

    def __init__(self, workspace: Workspace, ending: str = "close") -> None:
        command = [sys.executable, "-c", DRIVER, str(workspace.root), ending]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        *pids, launched = self.process.stdout.readline().split()
        self.pids = tuple(map(int, pids))
        self.launched = launched == "True"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.die(signal.SIGKILL)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()

    def finish(self) -> int:
        """Let the driver come to its end and return its exit code."""
        with contextlib.suppress(BrokenPipeError):
            self.process.communicate("\n", timeout=PATIENCE_S)
        return self.process.returncode

    def die(self, signal_number: signal.Signals) -> None:
        """Send a signal to the driver's whole process group, as a terminal does."""
        os.killpg(self.process.pid, signal_number)
        self.process.communicate(timeout=PATIENCE_S)


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def live(pids: tuple[int, ...]) -> list[int]:
    return [pid for pid in pids if watch.process_token(pid) is not None]


def processes_of(folder: Path) -> list[int]:
    """Return the live servers and watchers that work below a folder."""
    found = []
    for process in psutil.process_iter(["pid"]):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
            words = process.cmdline()
            if any("weed" in word or word.endswith("watch.py") for word in words):
                in_folder = str(folder) in " ".join([process.cwd(), *words])
                found += [process.pid] if in_folder else []
    return found


def state(workspace: Workspace) -> Path:
    return workspace.state / "server"


def test_data_and_credentials_are_kept_over_restarts(workspace: Workspace) -> None:
    specs = []
    for start in range(3):
        if start == 1:  # other ports than before
            identity = watch.load(state(workspace) / "identity.json") or {}
            ports = {name: port - 100 for name, port in identity["ports"].items()}
            watch.save(state(workspace) / "identity.json", identity | {"ports": ports})
        with EmbeddedServer(workspace) as server:
            specs.append(server.spec)
            store = ObjectStore(server.spec)
            ensure_bucket(store, BUCKET)
            kept = [ref.key for ref in store.list(BUCKET, "")]
            assert kept == [f"by-start-{earlier}" for earlier in range(start)]
            assert all(store.get(BUCKET, key) == key.encode() * 100_000 for key in kept)
            key = f"by-start-{start}"
            store.put(BUCKET, key, key.encode() * 100_000)
    assert len({(spec.access_key, spec.secret_key) for spec in specs}) == 1
    assert specs[0].endpoint != specs[1].endpoint == specs[2].endpoint


def test_a_second_process_attaches_and_the_last_one_out_stops_the_server(
    workspace: Workspace,
) -> None:
    with Driver(workspace) as first, Driver(workspace) as second:
        assert first.launched
        assert not second.launched
        assert first.pids == second.pids
        assert first.finish() == 0
        assert live(second.pids) == list(second.pids)
        assert second.finish() == 0
        assert live(second.pids) == []


def test_two_uses_in_one_process_count_apart(running: EmbeddedServer) -> None:
    pids = running.pids()
    with EmbeddedServer(running.workspace) as inner:
        assert inner.pids() == pids
        assert inner.spec == running.spec
        assert not inner.launched
    assert live(pids) == list(pids)
    assert inner.cpu_seconds() is not None


def test_a_driver_that_is_killed_leaves_no_process(workspace: Workspace) -> None:
    with Driver(workspace) as driver:
        assert live(driver.pids) == list(driver.pids)
        driver.die(signal.SIGKILL)
    wait_until(lambda: live(driver.pids) == [])
    assert leftovers(workspace) == []


def test_a_driver_that_never_closes_leaves_no_process(workspace: Workspace) -> None:
    with Driver(workspace, ending="forget") as driver:
        assert driver.finish() == 0
    wait_until(lambda: live(driver.pids) == [])


def test_a_killed_driver_does_not_take_the_server_from_others(workspace: Workspace) -> None:
    with Driver(workspace) as first, EmbeddedServer(workspace) as server:
        first.die(signal.SIGKILL)
        time.sleep(2 * watch.POLL_S)  # the watcher has looked by now
        assert live(server.pids()) == list(first.pids)
        assert not ObjectStore(server.spec).has_bucket("whatever")


def test_the_server_survives_ctrl_c_until_the_driver_has_saved(workspace: Workspace) -> None:
    with Driver(workspace) as driver:
        driver.die(signal.SIGINT)
    assert driver.process.returncode == 0
    assert live(driver.pids) == []
    with EmbeddedServer(workspace) as server:
        assert ObjectStore(server.spec).get(BUCKET, "saved-at-interrupt") == b"x"


def test_a_killed_watcher_takes_its_server_along_and_the_next_start_works(
    workspace: Workspace,
) -> None:
    server = EmbeddedServer(workspace)
    server.start()
    pids = server.pids()
    os.kill(pids[0], signal.SIGKILL)
    wait_until(lambda: live(pids[:1]) == [])
    with EmbeddedServer(workspace) as other:
        assert other.launched
        assert set(other.pids()).isdisjoint(pids)
        wait_until(lambda: live(pids) == [])
    server.close()


def test_a_server_that_dies_is_replaced_at_the_next_start(workspace: Workspace) -> None:
    with EmbeddedServer(workspace) as server:
        pids = server.pids()
        os.kill(pids[1], signal.SIGKILL)
        wait_until(lambda: live(pids) == [])
        with EmbeddedServer(workspace) as other:
            assert other.launched
            assert not ObjectStore(other.spec).has_bucket(BUCKET)


def test_a_workspace_that_is_removed_ends_its_server(workspace: Workspace) -> None:
    import shutil

    with Driver(workspace) as driver:
        sockets = server_sockets(workspace)
        while workspace.root.exists():  # the server may be writing a file at this moment
            shutil.rmtree(workspace.root, ignore_errors=True)
        wait_until(lambda: live(driver.pids) == [])
    assert not [path for path in sockets if path.exists()]


def test_two_workspaces_run_side_by_side_and_do_not_share(
    running: EmbeddedServer, workspace: Workspace
) -> None:
    with EmbeddedServer(workspace) as other:
        assert other.spec.endpoint != running.spec.endpoint
        assert other.spec.secret_key != running.spec.secret_key
        assert ObjectStore(running.spec).has_bucket(BUCKET)
        assert not ObjectStore(other.spec).has_bucket(BUCKET)


def test_the_server_talks_to_this_host_only_and_on_low_ports(running: EmbeddedServer) -> None:
    process = psutil.Process(running.pids()[1])
    words = process.cmdline()
    assert "mini" in words
    assert {"-master.telemetry=false", "-ip.bind=127.0.0.1"} <= set(words)
    assert {"-admin.ui=false", "-webdav=false"} <= set(words)
    wait_until(lambda: len(listening(process)) >= 10)  # five services and their gRPC twins
    assert {address for address, _ in listening(process)} == {"127.0.0.1"}
    assert all(1024 < port < 32_768 for _, port in listening(process))
    peers = {each.raddr.ip for each in process.net_connections("inet") if each.raddr}
    assert peers <= {"127.0.0.1"}


def test_the_inner_ports_give_nothing_away(running: EmbeddedServer) -> None:
    import http.client

    ObjectStore(running.spec).put(BUCKET, "a", b"private")
    identity = watch.load(state(running.workspace) / "identity.json") or {}
    for service, path in (("filer", f"/buckets/{BUCKET}/a"), ("s3", f"/{BUCKET}/a")):
        client = http.client.HTTPConnection("127.0.0.1", identity["ports"][service])
        client.request("GET", path)
        response = client.getresponse()
        assert response.status in {401, 403}
        assert b"private" not in response.read()
        client.close()


def test_credentials_lie_in_private_files_only(running: EmbeddedServer) -> None:
    secret = str(running.spec.secret_key)
    folder = state(running.workspace)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for pid in running.pids():
        process = psutil.Process(pid)
        assert secret not in " ".join([*process.cmdline(), *process.environ().values()])
    holders = [
        path
        for path in folder.rglob("*")
        if path.is_file() and secret.encode() in path.read_bytes()
    ]
    assert {path.name for path in holders} >= {"identity.json", "s3.json"}
    assert not [path for path in holders if path.suffix == ".log"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in holders} == {0o600}


def test_ports_that_are_taken_are_exchanged_for_others(workspace: Workspace) -> None:
    state(workspace).mkdir(parents=True)
    taken = seaweed.renew_identity(state(workspace), keep_ports=True)
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", taken.ports["s3"]))
        stranger.listen()
        with EmbeddedServer(workspace) as server:
            assert server.spec.endpoint != taken.endpoint
            assert server.spec.secret_key == taken.secret_key


def test_ports_that_are_lost_in_a_race_are_exchanged_for_others(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = seaweed._free_ports
    with socket.socket() as stranger:
        first = real()
        stranger.bind(("127.0.0.1", first["filer"]))
        stranger.listen()
        choices = itertools.chain([first], iter(real, None))
        monkeypatch.setattr(seaweed, "_free_ports", lambda: next(choices))
        with EmbeddedServer(workspace) as server:
            assert str(first["s3"]) not in str(server.spec.endpoint)


def test_a_server_that_cannot_start_shows_the_end_of_its_log(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "weed"
    broken.write_text("#!/bin/sh\necho it is broken today >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(seaweed, "find_binary", lambda: broken)
    with pytest.raises(StorageError, match="it is broken today"):
        EmbeddedServer(workspace).start()
    assert leftovers(workspace) == []


def test_a_folder_that_cannot_be_made_is_an_error_of_storage(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError, match="could not prepare"):
        EmbeddedServer(Workspace.of(tmp_path / "file")).start()


def test_a_foreign_identity_file_is_named_and_left_alone(workspace: Workspace) -> None:
    state(workspace).mkdir(parents=True)
    path = state(workspace) / "identity.json"
    path.write_text('{"not": "ours"}')
    with pytest.raises(FormatError, match=r"identity\.json"):
        EmbeddedServer(workspace).start()
    assert path.read_text() == '{"not": "ours"}'
    assert leftovers(workspace) == []


def test_an_embedded_storage_counts_its_cpu_time_and_ends_with_its_owner(
    workspace: Workspace,
) -> None:
    with open_storage("embedded", workspace) as storage:
        server = storage.server
        assert server is not None
        pids, before_s = server.pids(), server.cpu_seconds()
        with open_storage(storage) as lent:
            for number in range(20):
                lent.store.put(lent.bucket, f"{number}", os.urandom(500_000))
        assert live(pids) == list(pids)  # what was lent was not closed
        after_s = server.cpu_seconds()
        assert str(storage.spec.secret_key) not in storage.describe()
    assert live(pids) == []
    final_s = server.cpu_seconds()
    assert before_s is not None
    assert after_s is not None
    assert final_s is not None
    assert 0 < before_s < after_s <= final_s


def test_a_server_that_never_ran_has_no_processes_and_no_cpu_time(workspace: Workspace) -> None:
    server = EmbeddedServer(workspace)
    assert server.cpu_seconds() is None
    assert server.pids() == ()
    server.close()
    with pytest.raises(StorageError, match="call start"):
        _ = server.spec


def test_a_forked_child_does_not_stop_the_server_of_its_parent(
    running: EmbeddedServer,
) -> None:
    script = (
        "import os, sys\n"
        "from flexecutor_energy.storage.server import EmbeddedServer\n"
        "from flexecutor_energy.workspace import Workspace\n"
        "server = EmbeddedServer(Workspace.of(sys.argv[1]))\n"
        "with server:\n"
        "    child = os.fork()\n"
        "    if child:\n"
        "        os.waitpid(child, 0)\n"
        "        print(len(server._registry.live()))\n"
        "    else:\n"
        "        server.close()\n"
        "        os._exit(0)\n"
    )
    command = [sys.executable, "-c", script, str(running.workspace.root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["2"]


def listening(process: psutil.Process) -> set[tuple[str, int]]:
    return {
        (connection.laddr.ip, connection.laddr.port)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }


def leftovers(workspace: Workspace) -> list[Path]:
    """Return what a server that is gone should not have left."""
    folder = state(workspace)
    sockets = [path for path in server_sockets(workspace) if path.exists()]
    return [*sockets, *folder.glob("running.json"), *folder.glob("owners/*")]


def server_sockets(workspace: Workspace) -> list[Path]:
    command = watch.load(state(workspace) / "command.json") or {"leftovers": []}
    return [Path(path) for path in command["leftovers"]]
