"""Which object store to use: asked for, set in the environment, or the one that comes along."""

import dataclasses
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from flexecutor_energy.errors import ConfigurationError, MissingExtraError
from flexecutor_energy.storage.lithops_section import read_lithops_file, store_of_lithops
from flexecutor_energy.storage.location import StoreSpec
from flexecutor_energy.storage.server import EmbeddedServer
from flexecutor_energy.storage.store import ObjectStore
from flexecutor_energy.workspace import Workspace

if TYPE_CHECKING:
    from flexecutor_energy.settings import Settings

logger = logging.getLogger(__name__)

_FORMS = "embedded, file, file:///folder, memory, s3, s3://bucket or http://host:port"


@dataclass(frozen=True, slots=True)
class Storage:
    """An open store with a default bucket. Close it, or use it in a ``with`` statement.

    Attributes
    ----------
    store : reads and writes its objects
    bucket : the bucket of everything that names none
    source : what made it the choice
    server : the embedded server, where that is the store
    borrowed : whether somebody else closes it
    """

    store: ObjectStore
    bucket: str
    source: str
    server: EmbeddedServer | None = None
    borrowed: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def spec(self) -> StoreSpec:
        """What a worker needs to open the same store."""
        return self.store.spec

    def ensure_bucket(self, bucket: str | None = None) -> bool:
        """Create a bucket (the default one) unless it exists; return whether it was created."""
        from flexecutor_energy.storage.admin import ensure_bucket

        return ensure_bucket(self.store, bucket or self.bucket)

    def describe(self) -> str:
        """Return one line on what this store is and why it was chosen, without a secret."""
        words = f"{self.spec.description or self.spec.kind} at {self.spec.place}"
        return f"{words}, bucket {self.bucket} ({self.source})"

    def close(self) -> None:
        """Give up the store; the last user of an embedded server stops it with that."""
        if self.server is not None and not self.borrowed:
            self.server.close()


def open_storage(
    storage: "str | StoreSpec | Mapping[str, Any] | Storage | None" = None,
    workspace: Workspace | Path | str | None = None,
    settings: "Settings | None" = None,
) -> Storage:
    """Open the object store that is asked for.

    Parameters
    ----------
    storage : ``None`` lets the settings decide (see ``settings``), and without any it is the
        embedded server, or a folder of the workspace where that is not installed; a word or
        address: ``embedded``, ``file``, ``file:///folder``, ``memory``, ``s3``,
        ``s3://bucket?endpoint=http://host:port&region=…``, ``http://host:port`` (credentials come
        from the settings); a ``StoreSpec``; a Lithops configuration; or an open ``Storage``,
        which is lent and not closed with the result
    workspace : whose embedded server or folder; None is that of the settings, or else the
        current folder
    settings : None reads the environment

    Returns
    -------
    Storage
        To be closed. Its default bucket exists if the store is this workspace's own; elsewhere
        ``ensure_bucket`` creates it.

    Raises
    ------
    ConfigurationError
        What was asked for makes no sense.
    MissingExtraError
        The embedded server was asked for by name, and is not installed.
    StorageError
        The embedded server did not start.
    """
    if isinstance(storage, Storage):
        return dataclasses.replace(storage, borrowed=True)
    if settings is None:
        from flexecutor_energy.settings import Settings

        settings = Settings()
    chooser = _Chooser(settings, Workspace.of(workspace or settings.workspace))
    match storage:
        case None:
            return chooser.by_settings()
        case str():
            return chooser.by_name(storage, "as asked for")
        case StoreSpec():
            return chooser.opened(storage, None, "as asked for")
        case Mapping():
            return chooser.by_lithops(storage, "Lithops configuration") or chooser.own()
        case _:
            raise ConfigurationError(
                f"storage must be a word or address ({_FORMS}), a StoreSpec, a Lithops "
                f"configuration or a Storage, not {type(storage).__name__}"
            )


@dataclass(frozen=True, slots=True)
class _Chooser:
    settings: "Settings"
    workspace: Workspace

    def by_settings(self) -> Storage:
        settings = self.settings
        if settings.storage is not None:
            return self.by_name(settings.storage, "FLEXECUTOR_ENERGY_STORAGE")
        if settings.endpoint is not None:
            return self.opened(self._s3(settings.endpoint), None, "endpoint of the environment")
        if settings.chooses_aws:
            return self.opened(self._s3(None), None, "AWS keys and bucket of the environment")
        if settings.lithops_config_file is not None:
            config = read_lithops_file(settings.lithops_config_file)
            return self.by_lithops(config, "LITHOPS_CONFIG_FILE") or self.own()
        return self.own()

    def by_name(self, name: str, source: str) -> Storage:
        parts = urlsplit(name)
        match (name, parts.scheme):
            case ("embedded", _):
                return self._embedded(source)
            case ("file", _):
                return self._folder(self.workspace.state / "objects", source)
            case ("memory", _):
                return self.opened(StoreSpec(kind="memory"), None, source, ensure=True)
            case ("s3", _):
                return self.opened(self._s3(self.settings.endpoint), None, source)
            case (_, "file") if parts.path.startswith("/") and not parts.netloc:
                return self._folder(Path(unquote(parts.path)), source)
            case (_, "s3") if parts.netloc and "@" not in parts.netloc:
                query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
                spec = self._s3(query.get("endpoint", self.settings.endpoint), query.get("region"))
                return self.opened(spec, parts.netloc, source)
            case (_, "http" | "https"):
                return self.opened(self._s3(name), None, source)
        raise ConfigurationError(
            f"storage {_without_credentials(name)!r} is not understood; use {_FORMS}"
        )

    def by_lithops(self, config: Mapping[str, Any], source: str) -> Storage | None:
        named = store_of_lithops(config)
        return named and self.opened(named.spec, named.bucket, source)

    def own(self) -> Storage:
        """Open the embedded server, or a folder where it is not installed."""
        try:
            return self._embedded("the default")
        except MissingExtraError as error:
            logger.warning("objects are kept in a folder: %s", error)
            return self._folder(self.workspace.state / "objects", "no server is installed")

    def opened(
        self,
        spec: StoreSpec,
        bucket: str | None,
        source: str,
        *,
        server: EmbeddedServer | None = None,
        ensure: bool = False,
    ) -> Storage:
        from flexecutor_energy.settings import DEFAULT_BUCKET

        chosen = bucket or self.settings.bucket or DEFAULT_BUCKET
        opened = Storage(ObjectStore(spec), chosen, source, server)
        if ensure:
            opened.ensure_bucket()
        return opened

    def _embedded(self, source: str) -> Storage:
        server = EmbeddedServer(self.workspace)
        spec = server.start()
        try:
            return self.opened(spec, None, source, server=server, ensure=True)
        except BaseException:
            server.close()
            raise

    def _folder(self, folder: Path, source: str) -> Storage:
        spec = StoreSpec(kind="file", root=str(folder), description="folder")
        return self.opened(spec, None, source, ensure=True)

    def _s3(self, endpoint: str | None, region: str | None = None) -> StoreSpec:
        credentials = self.settings.credentials(endpoint)
        token = credentials.session_token if credentials else None
        return StoreSpec(
            kind="s3",
            endpoint=endpoint,
            region=region or self.settings.region,
            access_key=credentials.access_key.get_secret_value() if credentials else None,
            secret_key=credentials.secret_key.get_secret_value() if credentials else None,
            session_token=token.get_secret_value() if token else None,
            description="S3" if endpoint else "AWS S3",
        )


def _without_credentials(address: str) -> str:
    head, at, tail = address.rpartition("@")
    return f"{head.partition('//')[0]}//***@{tail}" if at else address
