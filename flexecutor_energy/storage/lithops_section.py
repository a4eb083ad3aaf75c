"""The object store that a Lithops configuration names, so that one file serves both."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.storage.location import StoreSpec

_S3_SECTIONS = ("minio", "ceph", "aws_s3")


class NamedStore(NamedTuple):
    """A store and, where the configuration says so, its bucket."""

    spec: StoreSpec
    bucket: str | None


def read_lithops_file(path: Path) -> dict[str, Any]:
    """Return the content of a Lithops configuration file.

    Raises
    ------
    ConfigurationError
        There is no such file, or it is not a YAML mapping. The message never quotes it.
    """
    import yaml

    try:
        content = yaml.safe_load(path.expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"could not read the Lithops configuration {path}: {error.strerror}"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ConfigurationError(f"the Lithops configuration {path} is not YAML") from None
    if not isinstance(content, dict):
        raise ConfigurationError(f"the Lithops configuration {path} is not a YAML mapping")
    return content


def store_of_lithops(config: Mapping[str, Any]) -> NamedStore | None:
    """Return the store that a Lithops configuration uses; None if that is this host's disk.

    ``lithops: storage:`` decides where it is given; else the only section of a store does.

    Raises
    ------
    ConfigurationError
        The store is of a kind that is not supported, its section lacks something, or several
        sections could be meant.
    """
    name = (config.get("lithops") or {}).get("storage") or _only_section(config)
    if name in {None, "localhost"}:
        return None
    if name not in _S3_SECTIONS:
        raise ConfigurationError(
            f"Lithops storage {name!r} is not supported here; use one of "
            f"{', '.join(_S3_SECTIONS)} or localhost, or pass a StoreSpec"
        )
    section = _section(config, name)
    endpoint = _text(section, "endpoint")
    if endpoint is None and name != "aws_s3":
        raise ConfigurationError(f"section {name!r} of the Lithops configuration has no endpoint")
    spec = StoreSpec(
        kind="s3",
        endpoint=endpoint,
        region=_text(section, "region") or _text(section, "region_name") or "us-east-1",
        access_key=_text(section, "access_key_id"),
        secret_key=_text(section, "secret_access_key"),
        session_token=_text(section, "session_token"),
        description=f"{name} of the Lithops configuration",
    )
    return NamedStore(spec, _text(section, "storage_bucket"))


def _only_section(config: Mapping[str, Any]) -> str | None:
    named = [name for name in _S3_SECTIONS if name in config]
    if len(named) > 1:
        raise ConfigurationError(
            f"the Lithops configuration describes {' and '.join(named)}; say which one to use "
            "with 'storage' in its section 'lithops'"
        )
    return named[0] if named else None


def _section(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    shared = (config.get("aws") or {}) if name == "aws_s3" else {}
    return {**shared, **(config.get(name) or {})}


def _text(section: Mapping[str, Any], name: str) -> str | None:
    value = section.get(name)
    return None if value is None else str(value)
