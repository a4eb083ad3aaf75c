"""``flexecutor-energy storage``: the object store that comes along, one a workspace."""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from flexecutor_energy.cli import options as opt
from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.failures import reported
from flexecutor_energy.cli.tables import shown_path
from flexecutor_energy.cli.workflows import workspace_of
from flexecutor_energy.errors import StorageError
from flexecutor_energy.storage import seaweed, watch
from flexecutor_energy.storage.location import StoreSpec
from flexecutor_energy.storage.server import EmbeddedServer
from flexecutor_energy.workspace import Workspace

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 60.0
_POLL_S = 0.1

app = typer.Typer(
    help="The embedded object store of a workspace: run, start, status, env, stop.",
    no_args_is_help=True,
)

ShowSecret = Annotated[bool, typer.Option("--show-secret", help="Print the keys as well.")]


@app.command(epilog=opt.example("storage run"))
@reported
def run(show: Show, workspace: opt.Workspace = None, show_secret: ShowSecret = False) -> None:
    """Keep the server running in the foreground until Ctrl-C."""
    with EmbeddedServer(workspace_of(workspace)) as server:
        _connection(show, server.spec, show_secret=show_secret)
        try:
            show.note("it runs until Ctrl-C, and for as long as another process uses it")
            threading.Event().wait()
        except KeyboardInterrupt:
            show.note("stopping")


@app.command(epilog=opt.example("storage start"))
@reported
def start(show: Show, workspace: opt.Workspace = None, show_secret: ShowSecret = False) -> None:
    """Start the server in the background; 'storage stop' ends it."""
    place = workspace_of(workspace)
    if _keeper(place) is None:
        _spawn_keeper(place)
    with EmbeddedServer(place) as server:  # attaches
        _connection(show, server.spec, show_secret=show_secret)


@app.command(epilog=opt.example("storage status"))
@reported
def status(show: Show, workspace: opt.Workspace = None) -> None:
    """Say whether the server of this workspace runs, where, and for whom; starts nothing."""
    place = workspace_of(workspace)
    state = _state(place)
    if state["running"]:
        show.say(
            f"running at {state['endpoint']}, for {state['users']} use(s)",
            f"processes: {', '.join(str(pid) for pid in state['pids'])}",
        )
    else:
        show.say("not running; a command that needs it starts it, and 'storage start' keeps it")
    show.say(f"data: {shown_path(place.state / 'server' / 'data')}")
    show.document(state)


@app.command(epilog=opt.example("storage env --show-secret > minio.env"))
@reported
def env(show: Show, workspace: opt.Workspace = None, show_secret: ShowSecret = False) -> None:
    """Print the variables by which other programs reach the running server."""
    place = workspace_of(workspace)
    if not _state(place)["running"]:
        raise StorageError("the server of this workspace is not running; run: storage start")
    with EmbeddedServer(place) as server:
        variables = _variables(server.spec, show_secret=show_secret)
    show.say(*(f"{name}={value}" for name, value in variables.items()))
    if not show_secret:
        show.note("the keys are left out; --show-secret prints them")
    show.document(variables)


@app.command(epilog=opt.example("storage stop"))
@reported
def stop(show: Show, workspace: opt.Workspace = None) -> None:
    """End what 'storage start' began; a server that others use stays until they end."""
    place = workspace_of(workspace)
    keeper = _keeper(place)
    if keeper is not None:
        os.kill(int(keeper.partition("-")[0]), signal.SIGTERM)
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        while watch.is_alive(keeper):
            if time.monotonic() > deadline:
                raise StorageError("the server does not stop; see 'storage status'")
            time.sleep(_POLL_S)
    state = _state(place)
    words = "still used by another process" if state["running"] else "not running"
    show.say(f"the server of this workspace is {words}")
    show.document(state)


def _connection(show: Show, spec: StoreSpec, *, show_secret: bool) -> None:
    variables = _variables(spec, show_secret=show_secret)
    show.say(f"{spec.description} at {spec.endpoint}")
    show.say(*(f"{name}={value}" for name, value in variables.items()))
    if not show_secret:
        show.note("the keys are left out; --show-secret prints them")
    show.document({"description": spec.description, **variables})


def _variables(spec: StoreSpec, *, show_secret: bool) -> dict[str, str]:
    keys = {"MINIO_ACCESS_KEY": spec.access_key, "MINIO_SECRET_KEY": spec.secret_key}
    shown = {name: value for name, value in keys.items() if show_secret and value}
    return {"S3_ENDPOINT": spec.endpoint or "", **shown}


def _state(place: Workspace) -> dict[str, Any]:
    folder = place.state / "server"
    registry = watch.Registry(folder)
    running = registry.running()
    identity = seaweed.load_identity(folder)
    tokens = [running["watcher"], running["server"]] if running else []
    return {
        "running": running is not None,
        "endpoint": identity.endpoint if identity is not None and running else None,
        "users": len(registry.live()),
        "pids": [int(token.partition("-")[0]) for token in tokens],
        "kept_by_start": _keeper(place) is not None,
        "data": str(folder / "data"),
    }


def _keeper_file(place: Workspace) -> Path:
    return place.state / "server" / "keeper.json"


def _keeper(place: Workspace) -> str | None:
    """Return the process that 'storage start' left, if it lives."""
    try:
        saved = watch.load(_keeper_file(place)) or {}
    except json.JSONDecodeError:
        return None
    token = str(saved.get("process", ""))
    return token if watch.is_alive(token) else None


def _spawn_keeper(place: Workspace) -> None:
    """Start a process in a session of its own that uses the server, and wait until it runs."""
    folder = place.state / "server"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "keeper.log"
    command = [sys.executable, "-m", "flexecutor_energy.cli", "storage", "run"]
    keeper = os.posix_spawn(
        sys.executable,
        [*command, "--workspace", str(place.root)],
        os.environ,  # handed on whole; nothing is read
        setsid=True,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
    )
    watch.save(_keeper_file(place), {"process": watch.process_token(keeper)})
    deadline = time.monotonic() + _START_TIMEOUT_S
    while watch.Registry(folder).running() is None:
        if watch.process_token(keeper) is None or time.monotonic() > deadline:
            said = log.read_text(encoding="utf-8", errors="replace").strip()
            raise StorageError(f"the server did not start: {said or 'no answer'}")
        time.sleep(_POLL_S)
