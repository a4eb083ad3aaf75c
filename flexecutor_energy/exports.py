"""Names of a package that are loaded when they are first used (PEP 562)."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def exporting(package: str, names: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """Return what a package calls ``__getattr__``: it loads an exported name from its module.

    Parameters
    ----------
    package : the package's ``__name__``
    names : what each module exports; modules as in ``from .module import name``, or in full

    Examples
    --------
    >>> load = exporting("flexecutor_energy", {".quantities": ("Interval",)})
    >>> load("Interval").__name__
    'Interval'
    """
    home_of = {name: module for module, exported in names.items() for name in exported}

    def load(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(home_of[name], package), name)

    return load
