"""The object store that comes along: one a workspace, shared by its processes."""

import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from flexecutor_energy.errors import StorageError
from flexecutor_energy.storage import seaweed, watch
from flexecutor_energy.storage.location import StoreSpec
from flexecutor_energy.storage.store import ObjectStore
from flexecutor_energy.workspace import Workspace

logger = logging.getLogger(__name__)

_LAUNCH_ATTEMPTS = 4
_READY_TIMEOUT_S = 30.0
_POLL_S = 0.02
_LOG_LINES = 15


class EmbeddedServer:
    """An S3 server on this host for one workspace.

    The first process of a workspace to start it launches it, others attach, and the last one to
    close it stops it. It also stops, within about two seconds, when all of its users have died
    without closing it, and it does not see the terminal's Ctrl-C. Data and credentials stay in
    ``<workspace>/.flexecutor/server`` from one start to the next.

    Parameters
    ----------
    workspace : whose server this is
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._folder = workspace.state / "server"
        self._registry = watch.Registry(self._folder)
        self._owner: Path | None = None
        self._owner_pid = 0
        self._watcher = ""
        self._server = ""
        self._spec: StoreSpec | None = None
        self._cpu_s: float | None = None
        self.launched = False

    def __repr__(self) -> str:
        return f"EmbeddedServer({str(self.workspace.root)!r})"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> StoreSpec:
        """Launch the server or attach to the one that runs, and wait until it answers.

        Returns
        -------
        StoreSpec
            How to reach it. ``launched`` then says whether this call launched it.

        Raises
        ------
        MissingExtraError
            The server is not installed (extra ``server``).
        StorageError
            It did not come up; the message shows the end of its log.
        """
        if self._spec is not None:
            return self._spec
        binary = seaweed.find_binary()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            self._spec = self._start(binary)
        except StorageError:
            raise
        except OSError as error:  # disk full, not writable, or its lock held by a hung process
            raise StorageError(
                f"could not prepare the embedded object store in {self._folder}: {error}"
            ) from error
        return self._spec

    def close(self) -> None:
        """End this use of the server; the last one to do so stops it and waits for its end."""
        if self._owner is None or self._owner_pid != os.getpid():
            return
        self._cpu_s = self.cpu_seconds()
        self._owner.unlink(missing_ok=True)
        self._owner = None
        self._spec = None
        self._await_end()

    @property
    def spec(self) -> StoreSpec:
        """How to reach the server; an error while it is not started."""
        if self._spec is None:
            raise StorageError("the embedded object store is not running; call start() first")
        return self._spec

    def pids(self) -> tuple[int, ...]:
        """Return the processes that live: the server and the one that watches over it."""
        tokens = (token for token in (self._watcher, self._server) if watch.is_alive(token))
        return tuple(int(token.partition("-")[0]) for token in tokens)

    def cpu_seconds(self) -> float | None:
        """Return the CPU seconds of the server's processes since the server was launched.

        Before ``start`` it is None. After ``close`` it is the final figure if that stopped the
        server, else the figure at that moment. Resolution: 0.01 s.
        """
        watcher = watch.process_cpu_s(self._watcher)
        server = watch.process_cpu_s(self._server)
        if watcher is None or server is None:
            return self._cpu_s
        return watcher + server

    def log_tail(self, lines: int = _LOG_LINES) -> str:
        """Return the last lines that the server wrote, without this workspace's credentials."""
        try:
            text = self._log.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return "(no log)"
        tail = "\n".join(text.splitlines()[-lines:])
        identity = seaweed.load_identity(self._folder)
        return self._spec_of(identity).redact(tail) if identity else tail

    @property
    def _log(self) -> Path:
        return self._folder / "server.log"

    def _start(self, binary: Path) -> StoreSpec:
        for attempt in range(_LAUNCH_ATTEMPTS):
            spec = self._attach_or_launch(binary, keep_ports=attempt == 0)
            if spec is not None:
                return spec
            self._await_end()
            logger.info("the embedded object store did not start; trying again on other ports")
        raise StorageError(
            f"the embedded object store in {self._folder} did not start; the end of its log:\n"
            f"{self.log_tail()}"
        )

    def _attach_or_launch(self, binary: Path, *, keep_ports: bool) -> StoreSpec | None:
        """Return the spec of a server that answers, or None if a launch failed."""
        with self._registry.lock():
            owner = self._registry.add(os.getpid())
            try:
                self.launched = self._registry.running() is None
                if self.launched:
                    self._launch(binary, keep_ports=keep_ports)
                spec = self._await_answer()
                if spec is None and self._registry.running() is not None:
                    raise StorageError(
                        f"the embedded object store in {self._folder} runs but does not answer; "
                        f"the end of its log:\n{self.log_tail()}"
                    )
            except BaseException:
                owner.unlink(missing_ok=True)
                raise
            if spec is None:
                owner.unlink(missing_ok=True)
            else:
                self._owner, self._owner_pid = owner, os.getpid()
            return spec

    def _launch(self, binary: Path, *, keep_ports: bool) -> None:
        """Start a watcher, and wait until it has started the server or given up."""
        self._end_orphan()
        before = watch.load(self._folder / "command.json") or {"leftovers": []}
        watch.remove_files(before["leftovers"])
        identity = seaweed.renew_identity(self._folder, keep_ports=keep_ports)
        seaweed.prepare(self._folder, identity, binary)
        self._watcher = watch.process_token(self._spawn_watcher()) or ""
        record = self._folder / "running.json"
        while watch.is_alive(self._watcher):
            if (watch.load(record) or {}).get("watcher") == self._watcher:
                break
            time.sleep(_POLL_S)

    def _end_orphan(self) -> None:
        """Wait for a server whose watcher was killed: it is stopping, and holds the data."""
        server = (watch.load(self._folder / "running.json") or {}).get("server", "")
        deadline = time.monotonic() + watch.STOP_TIMEOUT_S
        while watch.is_alive(server):
            late = time.monotonic() > deadline
            watch.send(server, signal.SIGKILL if late else signal.SIGTERM)
            time.sleep(_POLL_S)

    def _spawn_watcher(self) -> int:
        """Start the watcher in a session of its own, so that Ctrl-C here does not reach it."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", watch.__file__, str(self._folder)],
            os.environ,  # handed on whole for the interpreter's own needs; nothing is read
            setsid=True,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(self._log), flags, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
        )

    def _await_answer(self) -> StoreSpec | None:
        running = self._registry.running()
        identity = seaweed.load_identity(self._folder)
        if running is None or identity is None:
            return None
        self._watcher, self._server = running["watcher"], running["server"]
        spec = self._spec_of(identity)
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while time.monotonic() < deadline and self._registry.running() is not None:
            if _listens(identity.ports["s3"]) and _answers(spec):
                return spec
            time.sleep(_POLL_S)
        return None

    def _spec_of(self, identity: seaweed.ServerIdentity) -> StoreSpec:
        return StoreSpec(
            kind="s3",
            endpoint=identity.endpoint,
            region="us-east-1",
            access_key=identity.access_key,
            secret_key=identity.secret_key,
            description=f"embedded SeaweedFS {seaweed.version()}",
        )

    def _await_end(self) -> None:
        """Wait until the watcher has ended, unless somebody else uses the server."""
        if not self._registry.live():
            watch.send(self._watcher, signal.SIGTERM)  # means: look now
        deadline = time.monotonic() + watch.STOP_TIMEOUT_S + _READY_TIMEOUT_S
        while watch.is_alive(self._watcher) and not self._registry.live():
            time.sleep(_POLL_S)
            if time.monotonic() > deadline:
                raise StorageError(f"the embedded object store in {self._folder} does not stop")
        self._reap()
        stopped = watch.load(self._folder / "stopped.json") or {}
        if self._watcher and stopped.get("watcher") == self._watcher:
            self._cpu_s = stopped["cpu_s"]

    def _reap(self) -> None:
        pid = int(self._watcher.partition("-")[0] or 0)
        if pid and self.launched:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                logger.debug("the watcher %d is no child of this process any more", pid)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _answers(spec: StoreSpec) -> bool:
    """Return whether a server that knows our credentials answers."""
    try:
        ObjectStore(spec).has_bucket("flexecutor")
    except StorageError:
        return False
    return True
