"""Finding a workflow by name: a package under ``./dags``, or ``package.module:function``."""

import importlib
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from flexecutor_energy.errors import ConfigurationError, FlexecutorEnergyError
from flexecutor_energy.workspace import Workspace

if TYPE_CHECKING:
    from flexecutor_energy.dag import DAG
    from flexecutor_energy.execution.run import DAGRun
    from flexecutor_energy.workflow.config import ConfigSpace

Size = str | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow that was found, with what its module offers.

    The module of a workflow may have, beside the function that builds it, ``prepare(size,
    workspace, storage)`` for its inputs, ``SPACE`` or ``space(size)`` for the configurations to
    profile, and ``answer(run)`` with ``check(answer, size)`` for what a run must yield. Each
    function takes those of these arguments that it names.

    Attributes
    ----------
    name : as it was asked for, and as commands name it
    module : where it was found
    factory : returns the DAG, or the DAG itself
    """

    name: str
    module: ModuleType
    factory: Any

    def build(self, size: str | None, workspace: str | None) -> "DAG":
        """Return the DAG, in the workspace asked for.

        Raises
        ------
        ConfigurationError
            What was found returns something else, or does not take a size.
        """
        from flexecutor_energy.dag import DAG

        place = _named_workspace(workspace)
        dag = self.factory
        if not isinstance(dag, DAG):
            dag = self._call(self.factory, size=parse_size(size), workspace=place)
            if size is not None and not _takes(self.factory, "size"):
                raise ConfigurationError(f"{self.name} takes no size; leave --size out")
        if not isinstance(dag, DAG):
            raise ConfigurationError(
                f"{self.name} gives a {type(dag).__name__}, not a flexecutor_energy.DAG"
            )
        if place is not None:
            dag.workspace = Workspace.of(place)
        return dag

    def prepare(self, size: str | None, workspace: str | None, storage: Any = None) -> None:
        """Put the workflow's inputs in place, where it has a ``prepare``."""
        function = getattr(self.module, "prepare", None)
        if function is not None:
            self._call(function, size=parse_size(size), workspace=workspace, storage=storage)

    def space(self, size: str | None) -> "ConfigSpace | None":
        """Return the configurations that the workflow itself wants to be tried, if any."""
        from flexecutor_energy.workflow.config import ConfigSpace

        own = getattr(self.module, "SPACE", None)
        function = getattr(self.module, "space", None)
        if own is None and callable(function):
            own = self._call(function, size=parse_size(size))
        if own is not None and not isinstance(own, ConfigSpace):
            raise ConfigurationError(f"the space of {self.name} is not a ConfigSpace")
        return own

    def problem_with(self, run: "DAGRun", size: str | None) -> str | None:
        """Return what is wrong with a run's answer, "" if nothing is; None without an oracle."""
        answer = getattr(self.module, "answer", None)
        check = getattr(self.module, "check", None)
        if answer is None or check is None:
            return None
        try:
            takes_size = len(inspect.signature(check).parameters) > 1
            check(answer(run), *([parse_size(size) or "small"] if takes_size else []))
        except AssertionError as wrong:
            return str(wrong) or "the check failed"
        return ""

    def _call(self, function: Callable[..., Any], **given: Any) -> Any:
        """Call a function of the user with those arguments that it names."""
        parameters = inspect.signature(function).parameters
        fitting = {
            name: value
            for name, value in given.items()
            if value is not None and _takes(function, name)
        }
        place = f"{self.module.__name__}.{getattr(function, '__name__', 'function')}"
        needed = [
            p.name
            for p in parameters.values()
            if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        ]
        missing = [name for name in needed if name not in fitting]
        if missing:
            raise ConfigurationError(
                f"{place} needs {', '.join(missing)}; it may take {', '.join(given)}, and must "
                "have defaults for all else"
            )
        return function(**fitting)


def find_workflow(name: str | None) -> Workflow:
    """Return the workflow of that name.

    Parameters
    ----------
    name : a package under ``./dags``, or ``package.module:function``; None takes the only one
        there is

    Raises
    ------
    ConfigurationError
        There is no such workflow, or it cannot be imported; the message lists what there is.
    """
    _see_current_folder()
    if name is None:
        there = list_workflows()
        if len(there) != 1:
            raise ConfigurationError(f"which workflow? Give --dag; {_what_is_there()}")
        name = there[0]
    if ":" in name:
        return _of_function(name)
    if name not in list_workflows():
        raise ConfigurationError(f"there is no workflow {name!r}; {_what_is_there()}")
    module = _import(f"dags.{name}")
    found = Path(module.__file__ or "").resolve()
    if not found.is_relative_to(_dags_folder().resolve()):
        raise ConfigurationError(
            f"'dags.{name}' is taken by {found}, not by ./dags; give it as module:function"
        )
    if not callable(getattr(module, "build", None)):
        raise ConfigurationError(f"dags/{name} has no function build(size, workspace)")
    return Workflow(name, module, module.build)


def workspace_of(folder: str | None) -> Workspace:
    """Return the workspace asked for; None takes that of the settings, or the current folder."""
    return Workspace.of(_named_workspace(folder))


def list_workflows() -> list[str]:
    """Return the names of the packages under ``./dags``, in order of the alphabet."""
    return sorted(init.parent.name for init in _dags_folder().glob("*/__init__.py"))


def parse_size(text: str | None) -> Size | None:
    """Return a size: the name of a preset, or knobs given as ``knob=value,…`` or as JSON."""
    if text is None or not ("=" in text or text.lstrip().startswith("{")):
        return text
    if not text.lstrip().startswith("{"):
        pairs = (part.partition("=") for part in text.split(","))
        return {knob.strip(): _value(value.strip()) for knob, _, value in pairs}
    try:
        knobs = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"--size {text}: not JSON ({error})") from error
    return dict(knobs)


def _takes(function: Callable[..., Any], argument: str) -> bool:
    parameters = inspect.signature(function).parameters
    return argument in parameters or any(
        parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()
    )


def _named_workspace(folder: str | None) -> Path | str | None:
    from flexecutor_energy.settings import Settings

    return folder or Settings().workspace


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _dags_folder() -> Path:
    return Path.cwd() / "dags"


def _see_current_folder() -> None:
    """Let imports find ``dags`` and the user's own modules, as ``python -m`` does."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)


def _what_is_there() -> str:
    there = ", ".join(list_workflows())
    own = "your own is found as --dag package.module:function"
    return f"./dags holds: {there}; {own}" if there else f"./dags holds none; {own}"


def _of_function(name: str) -> Workflow:
    module_name, _, attribute = name.partition(":")
    module = _import(module_name)
    factory = getattr(module, attribute, None)
    if factory is None:
        raise ConfigurationError(f"module {module_name} has no {attribute!r}")
    return Workflow(name, module, factory)


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except FlexecutorEnergyError:
        raise
    except Exception as error:
        raise ConfigurationError(
            f"could not import {name}: {type(error).__name__}: {error}"
        ) from error
