"""Choosing a backend by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.execution.backends.protocol import Backend

BackendChoice = Backend | str | Mapping[str, Any] | Path


def open_backend(
    backend: Any = "lithops", config: Mapping[str, Any] | str | Path | None = None
) -> Backend:
    """Return a backend that is ready to run tasks; the caller closes it.

    Parameters
    ----------
    backend : ``"lithops"``, ``"local"``, a Lithops configuration (dict or path of a YAML file),
        or a backend object
    config : Lithops configuration for ``"lithops"``

    Raises
    ------
    ConfigurationError
        The name is unknown.
    RuntimeMismatchError
        The Lithops runtime cannot run our workers.
    """
    chosen = _create(backend, config)
    chosen.open()
    return chosen


def _create(backend: Any, config: Mapping[str, Any] | str | Path | None) -> Backend:
    if backend == "local":
        from flexecutor_energy.execution.backends.local import LocalBackend

        return LocalBackend()
    if isinstance(backend, Mapping | Path) or (
        isinstance(backend, str) and backend.endswith((".yaml", ".yml"))
    ):
        backend, config = "lithops", backend
    if backend == "lithops":
        from flexecutor_energy.execution.backends.lithops import LithopsBackend

        return LithopsBackend(config)
    if isinstance(backend, str):
        raise ConfigurationError(
            f"unknown backend {backend!r}; known: 'lithops', 'local', or a Lithops configuration"
        )
    opened: Backend = backend
    return opened
