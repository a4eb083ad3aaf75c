"""Packing stage functions so that another interpreter can run them."""

import functools
import importlib.util
import inspect
import pickle
import site
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.workflow.stage import Stage


def pack_function(stage: Stage) -> bytes:
    """Return the pickle of a stage's function and parameters.

    Code of modules that are not installed (a script, a notebook, ``dags/``) travels by value.

    Raises
    ------
    ConfigurationError
        The function or a parameter cannot be pickled; the message says which.
    """
    modules = own_modules(stage.func, with_siblings=True)
    registered = [module for module in modules if _register(module)]
    try:
        packed: bytes = cloudpickle.dumps((stage.func, stage.params), pickle.HIGHEST_PROTOCOL)
        return packed
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigurationError(
            f"stage {stage.stage_id!r} cannot be sent to a worker: {error}; open files, locks and "
            "clients inside the function instead of capturing them"
        ) from error
    finally:
        for module in registered:
            cloudpickle.unregister_pickle_by_value(module)


def import_paths() -> list[str]:
    """Return where this process finds modules, for others on this host that should find them too.

    Code that a stage function imports when it runs cannot travel with it.
    """
    return [str(Path(entry).absolute()) for entry in sys.path]


def own_modules(function: Callable[..., Any], *, with_siblings: bool = False) -> list[ModuleType]:
    """Return the loaded modules behind a function that workers cannot import.

    These are its module and what that names, directly or through others; on request also the
    modules of its package that happen to be loaded, to which objects may belong that are passed
    as parameters.
    """
    start = sys.modules.get(getattr(bare_function(function), "__module__", None) or "")
    if start is None:
        return []
    pending = list(_named_modules(start)) if start.__name__ == "__main__" else [start]
    if with_siblings:
        pending += _siblings(start)
    found: dict[str, ModuleType] = {}
    while pending:
        module = pending.pop(0)
        if module.__name__ in found or module.__name__ == "__main__" or _is_installed(module):
            continue
        found[module.__name__] = module
        pending.extend(_named_modules(module))
    return list(found.values())


def _siblings(module: ModuleType) -> Iterator[ModuleType]:
    """Yield the loaded modules of the same package."""
    package = module.__package__
    for name, other in sorted(sys.modules.items()):
        if package and name.rpartition(".")[0] == package and other is not module:
            yield other


def _named_modules(module: ModuleType) -> Iterator[ModuleType]:
    """Yield the modules that a module has imported, whole or something of them."""
    for value in list(vars(module).values()):
        if isinstance(value, ModuleType):
            yield value
            continue
        named = inspect.isfunction(value) or inspect.isclass(value)
        owner = value.__module__ if named else type(value).__module__
        other = sys.modules.get(owner or "")
        if other is not None:
            yield other


def _register(module: ModuleType) -> bool:
    if module.__name__ in cloudpickle.list_registry_pickle_by_value():
        return False
    cloudpickle.register_pickle_by_value(module)
    return True


def bare_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function below decorators and bound arguments."""
    while isinstance(function, functools.partial):
        function = function.func
    unwrapped: Callable[..., Any] = inspect.unwrap(function)
    return unwrapped


def _is_installed(module: ModuleType) -> bool:
    """Tell whether another interpreter of the same environment can import the module."""
    top = module.__name__.partition(".")[0]
    if top in sys.stdlib_module_names or top == "flexecutor_energy":
        return True
    spec = module.__spec__ or importlib.util.find_spec(top)
    origin = getattr(module, "__file__", None) or (spec.origin if spec else None)
    if origin is None:  # built in, or a namespace package
        return spec is not None and spec.origin in {"built-in", "frozen"}
    path = Path(origin).resolve()
    return any(path.is_relative_to(folder) for folder in _installation_folders())


@functools.cache
def _installation_folders() -> tuple[Path, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = [sysconfig.get_paths()[name] for name in names]
    folders += [*site.getsitepackages(), site.getusersitepackages()]
    return tuple(Path(folder).resolve() for folder in folders)
