"""matplotlib figures without pyplot: made, and written to files."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from flexecutor_energy.errors import ConfigurationError, MissingExtraError, StorageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")

_DPI = 200.0
_MOST_PIXELS = 30_000.0
"""Of one side of a PNG; a picture of very many stages gets a lower resolution."""


def figure_class(purpose: str) -> "type[Figure]":
    """Return matplotlib's figure.

    Parameters
    ----------
    purpose : what needs it, for the message

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "reports", purpose) from error
    return Figure


def save_figure(figure: "Figure", path: Path, kind: str) -> None:
    """Write a figure; the same figure gives the same file.

    Parameters
    ----------
    figure, path : what and where
    kind : one of ``FORMATS``

    Raises
    ------
    ConfigurationError
        There is no such format.
    StorageError
        The file cannot be written.
    """
    if kind not in FORMATS:
        raise ConfigurationError(f"unknown format {kind!r}; known: {', '.join(FORMATS)}")
    from matplotlib import rc_context

    dated = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    dpi = min(_DPI, _MOST_PIXELS / max(figure.get_size_inches()))
    content = io.BytesIO()
    with rc_context({"svg.hashsalt": "flexecutor-energy", "pdf.fonttype": 42}):
        figure.savefig(content, format=kind, dpi=dpi, metadata=dated[kind])
    write_bytes(path, content.getvalue())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file that the user asked for; missing folders are made."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise StorageError(f"could not write {path}: {error.strerror or error}") from error
