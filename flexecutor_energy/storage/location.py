"""Where objects are kept, as plain values: they travel to workers, so standard library only."""

from dataclasses import dataclass, fields
from typing import Literal, get_args
from urllib.parse import quote, urlsplit

from flexecutor_energy.errors import ConfigurationError

StoreKind = Literal["s3", "gcs", "azure", "file", "memory"]
Reach = Literal["process", "host", "network"]

_SECRET_FIELDS = ("access_key", "secret_key", "session_token")
_LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class StoreSpec:
    """All that a process needs to open an object store.

    Parameters
    ----------
    kind : ``s3`` (AWS and everything that speaks its protocol), ``gcs``, ``azure``, ``file``
        (a directory, one sub-directory a bucket) or ``memory`` (one process only)
    endpoint : URL of the service; None is the provider's own (AWS, Google, Azure)
    region : region that requests are signed for
    access_key, secret_key, session_token : credentials; for ``azure`` the account and its key,
        for ``gcs`` only ``secret_key``, the JSON of a service account
    root : the directory, for kind ``file``
    allow_http : whether to talk without TLS; an endpoint that starts with ``http://`` says so
    description : a few words for people on what this store is

    Raises
    ------
    ConfigurationError
        The parts do not go together, or the endpoint carries credentials.
    """

    kind: StoreKind
    endpoint: str | None = None
    region: str | None = None
    access_key: str | None = None
    secret_key: str | None = None
    session_token: str | None = None
    root: str | None = None
    allow_http: bool = False
    description: str = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(StoreKind):
            known = ", ".join(get_args(StoreKind))
            raise ConfigurationError(f"storage kind {self.kind!r} is unknown; use one of {known}")
        if self.kind == "file" and not (self.root or "").startswith("/"):
            raise ConfigurationError("storage of kind 'file' needs the absolute path of a folder")
        if self.endpoint is not None:
            endpoint = _checked_endpoint(self.endpoint)
            object.__setattr__(self, "endpoint", endpoint)
            if endpoint.startswith("http://"):
                object.__setattr__(self, "allow_http", True)

    def __repr__(self) -> str:
        """Show every part but the credentials, of which only the presence is shown."""
        shown = []
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _SECRET_FIELDS and value is not None:
                shown.append(f"{field.name}=***")
            elif value not in (None, "", False):
                shown.append(f"{field.name}={value!r}")
        return f"StoreSpec({', '.join(shown)})"

    @property
    def place(self) -> str:
        """Where this store is, for messages: its endpoint, folder or provider."""
        if self.kind == "file":
            return f"folder {self.root}"
        if self.kind == "memory":
            return "memory of this process"
        provider = {"s3": "AWS S3", "gcs": "Google Cloud Storage", "azure": "Azure"}[self.kind]
        return self.endpoint or f"{provider}{f' ({self.region})' if self.region else ''}"

    @property
    def reach(self) -> Reach:
        """Who can open this store: this process alone, this host, or other hosts as well."""
        if self.kind == "memory":
            return "process"
        if self.kind == "file" or self.is_loopback:
            return "host"
        return "network"

    @property
    def is_loopback(self) -> bool:
        """Whether the endpoint is on this very host."""
        return self.endpoint is not None and urlsplit(self.endpoint).hostname in _LOOPBACK_HOSTS

    def url(self, bucket: str, key: str = "") -> str:
        """Return the usual way of writing an object's address, such as ``s3://bucket/key``."""
        scheme = {"gcs": "gs", "azure": "az"}.get(self.kind, self.kind)
        return f"{scheme}://{bucket}/{key}" if key else f"{scheme}://{bucket}"

    def redact(self, text: str) -> str:
        """Return ``text`` without this store's credentials, plain or percent-encoded."""
        for name in _SECRET_FIELDS:
            secret = getattr(self, name)
            for form in {secret, quote(secret, safe="")} if secret else ():
                text = text.replace(form, "***")
        return text


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """One stored object: its place, its size and the store's fingerprint of its content.

    ``etag`` is None where a store gives none; it is comparable within one store only.
    """

    bucket: str
    key: str
    size_bytes: int
    etag: str | None = None


def _checked_endpoint(endpoint: str) -> str:
    if "@" in endpoint:
        raise ConfigurationError(
            "the storage endpoint holds credentials; give them apart from it (see the settings "
            "MINIO_ACCESS_KEY and MINIO_SECRET_KEY), so that they appear in no log"
        )
    parts = urlsplit(endpoint)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(
            f"storage endpoint {endpoint!r} must look like http://host:port or https://host"
        )
    return endpoint.rstrip("/")
