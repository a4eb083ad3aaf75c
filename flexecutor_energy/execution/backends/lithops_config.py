"""The Lithops configuration that a backend uses: where it is looked for, and what we set in it."""

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lithops.config import get_default_config_filename, load_config

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.execution.backends.lithops_defaults import with_defaults

CONTENT_VARIABLE = "LITHOPS_CONFIG"
"""A configuration as JSON in the environment; Lithops takes it before any file."""

SEARCHED = "LITHOPS_CONFIG_FILE, ./.lithops_config, ~/.lithops/config, /etc/lithops/config"
"""Where Lithops looks for a file; the first one counts."""


def configuration(config: Mapping[str, Any] | str | Path | None) -> dict[str, Any]:
    """Return a full Lithops configuration, tuned where it runs on localhost.

    Parameters
    ----------
    config : its content, or its file; None lets Lithops look for one and means localhost where
        there is none

    Raises
    ------
    ConfigurationError
        There is no such file, or it holds no sections.
    """
    if isinstance(config, Mapping):
        found = copy.deepcopy(dict(config))
    else:
        try:
            found = load_config(config_file=str(config) if config is not None else None)
        except Exception as error:  # Lithops raises plain ones, and those of the YAML parser
            raise ConfigurationError(
                f"Lithops configuration {str(config)!r}: {one_line(error)}"
            ) from error
        if not isinstance(found, dict):
            raise ConfigurationError(f"Lithops configuration {str(config)!r} holds no sections")
    return with_defaults(found)


def configuration_place() -> str | Path | None:
    """Return where Lithops has its configuration from, if it is given none.

    The name of a variable that holds all of it, or a file, which may be missing where a variable
    names it; None where there is nothing, and Lithops means localhost.
    """
    if CONTENT_VARIABLE in os.environ:
        return CONTENT_VARIABLE
    found = get_default_config_filename()
    return Path(found).expanduser() if found else None


def one_line(error: Exception) -> str:
    """Return an error of Lithops, which has none of its own kinds, on one line."""
    return f"{type(error).__name__}: {error}".replace("\n", " ")
