"""A hash of a stage's code: the same in every process, and another when the code changes."""

import functools
import hashlib
import inspect
import pickle
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from flexecutor_energy.execution.shipping import bare_function, own_modules
from flexecutor_energy.workflow.stage import Stage

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def code_hash(stage: Stage) -> str:
    """Return a hash that changes when the code or the parameters of a stage change.

    It covers the source of the function's package and of all that its module imports, as far as
    these are not installed, what the function captured, and the parameters; where there is no
    source, the byte code.
    """
    digest = hashlib.sha256()
    function = bare_function(stage.func)
    modules = own_modules(stage.func)
    files = _sources(modules, getattr(function, "__module__", None))
    for path in files:
        digest.update(f"{path.name}\0".encode())
        digest.update(_content(path))
    if not any(module.__name__ == getattr(function, "__module__", None) for module in modules):
        digest.update(_own_code(function))
    digest.update(getattr(function, "__qualname__", repr(type(function))).encode())
    digest.update(_stable(_captured(stage.func)).encode())
    digest.update(_stable(stage.params).encode())
    return digest.hexdigest()[:16]


def _sources(modules: Iterable[ModuleType], home: str | None) -> list[Path]:
    """Return the source files of modules, and all files of the package that is at home."""
    found: set[Path] = set()
    for module in modules:
        file = getattr(module, "__file__", None)
        if file is None:
            continue
        found.add(Path(file))
        if module.__name__ == home and module.__package__:
            found.update(Path(file).parent.glob("*.py"))  # loaded or not: it may be later
    return sorted(found, key=lambda path: (path.name, str(path)))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _own_code(function: Callable[..., Any]) -> bytes:
    try:
        return inspect.getsource(function).encode()
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        return code.co_code + _stable(code.co_consts).encode() if code else b""


def _captured(function: Callable[..., Any]) -> list[Any]:
    """Return the values that a function carries with it, beside its code."""
    values: list[Any] = []
    while isinstance(function, functools.partial):
        values += [function.args, function.keywords]
        function = function.func
    for cell in getattr(inspect.unwrap(function), "__closure__", None) or ():
        try:
            values.append(cell.cell_contents)
        except ValueError:  # not filled yet
            values.append(None)
    return values


def _stable(value: Any) -> str:
    """Return a text that is the same in every process for equal values, as far as can be."""
    if isinstance(value, Mapping):
        pairs = sorted((_stable(key), _stable(item)) for key, item in value.items())
        return f"{{{pairs}}}"
    if isinstance(value, set | frozenset):
        return f"{{{sorted(map(_stable, value))}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_stable, value))}]"
    text = _ADDRESS.sub("", repr(value))
    if value is None or isinstance(value, str | bytes | int | float) or callable(value):
        return text
    try:  # what a long array holds does not show in its text
        return f"{text} {hashlib.sha256(pickle.dumps(value, protocol=5)).hexdigest()}"
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError):
        return text
