"""Packing stage functions so that another interpreter can run them."""

import functools
import hashlib
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
    registered = [module for module in _own_modules(stage.func) if _register(module)]
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


def code_hash(stage: Stage) -> str:
    """Return a hash that changes when the code or the parameters of a stage change.

    It covers the source of the function, of the modules of its package that are not installed,
    and the parameters; where there is no source, the byte code.
    """
    digest = hashlib.sha256()
    function = _unwrapped(stage.func)
    modules = list(_own_modules(stage.func))
    sources = [_source(module) for module in modules]
    if not modules or not all(sources):
        digest.update(_own_code(function))
    for source in sources:
        digest.update(source)
    digest.update(getattr(function, "__qualname__", repr(type(function))).encode())
    digest.update(repr(sorted(stage.params.items(), key=lambda item: item[0])).encode())
    return digest.hexdigest()[:16]


def _own_modules(function: Callable[..., Any]) -> Iterator[ModuleType]:
    """Yield the loaded modules of the function's package that workers cannot import."""
    name = getattr(_unwrapped(function), "__module__", None)
    module = sys.modules.get(name or "")
    if module is None or name == "__main__" or _is_installed(module):
        return
    yield module
    folder = Path(module.__file__).parent if module.__file__ else None
    for other_name, other in sorted(sys.modules.items()):
        source = getattr(other, "__file__", None)
        if other is not module and source and folder and "." in other_name:
            same_package = other_name.rpartition(".")[0] == (module.__package__ or "")
            if same_package and Path(source).parent == folder:
                yield other
    yield from _imported_own_modules(module)


def _imported_own_modules(module: ModuleType) -> Iterator[ModuleType]:
    """Yield modules outside the package whose objects the module names, not installed either."""
    seen = {module.__name__}
    for value in vars(module).values():
        owner = value.__name__ if isinstance(value, ModuleType) else _owner(value)
        other = sys.modules.get(owner or "")
        if other is None or owner in seen or owner == "__main__":
            continue
        seen.add(other.__name__)
        same_package = (module.__package__ or "") == other.__name__.rpartition(".")[0]
        if not same_package and not _is_installed(other):
            yield other


def _owner(value: Any) -> str | None:
    if inspect.isfunction(value) or inspect.isclass(value):
        return value.__module__
    return None


def _register(module: ModuleType) -> bool:
    if module.__name__ in cloudpickle.list_registry_pickle_by_value():
        return False
    cloudpickle.register_pickle_by_value(module)
    return True


def _unwrapped(function: Callable[..., Any]) -> Callable[..., Any]:
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


def _source(module: ModuleType) -> bytes:
    if not module.__file__:
        return b""
    try:
        return Path(module.__file__).read_bytes()
    except OSError:
        return b""


def _own_code(function: Callable[..., Any]) -> bytes:
    try:
        return inspect.getsource(function).encode()
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        return code.co_code + repr(code.co_consts).encode() if code else repr(function).encode()
