"""A stage: one function, run by several workers over its inputs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from flexecutor_energy.errors import ConfigurationError, WorkflowError
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workflow.context import StageContext
from flexecutor_energy.workflow.data import FlexData
from flexecutor_energy.workspace import file_name

StageFunction = Callable[[StageContext], Any]


class Stage:
    """One step of a workflow.

    Parameters
    ----------
    stage_id : its name, unique in the workflow; also the name of its profile file
    func : what each worker runs: a function of a :class:`StageContext`
    inputs, outputs : the data it reads and writes
    params : values the function gets from ``context.get_param``
    max_concurrency : the most workers that may run at once; larger counts are clamped to it

    ``a >> b`` makes b wait for a; lists work on either side: ``a >> [b, c] >> d``.
    """

    def __init__(
        self,
        stage_id: str,
        func: StageFunction,
        inputs: Sequence[FlexData] = (),
        outputs: Sequence[FlexData] = (),
        params: Mapping[str, Any] | None = None,
        max_concurrency: int = 1024,
    ) -> None:
        if not isinstance(stage_id, str) or not stage_id.strip():
            raise ConfigurationError(f"a stage id is a non-empty text, got {stage_id!r}")
        file_name(stage_id)  # its profile will be a file of this name
        if not callable(func):
            raise ConfigurationError(f"the func of stage {stage_id!r} cannot be called: {func!r}")
        if max_concurrency < 1:
            raise ConfigurationError(
                f"max_concurrency of stage {stage_id!r} must be at least 1, got {max_concurrency}"
            )
        self.stage_id = stage_id
        self.func = func
        self.inputs = _checked_data(stage_id, "inputs", inputs)
        self.outputs = _checked_data(stage_id, "outputs", outputs)
        self.params: dict[str, Any] = dict(params or {})
        self.max_concurrency = max_concurrency
        self.parents: list[Stage] = []
        self.children: list[Stage] = []
        self.resource_config: StageConfig | None = None

    def clamped(self, config: StageConfig) -> StageConfig:
        """Return a configuration with at most as many workers as may run at once."""
        return StageConfig(config.cpu, min(config.workers, self.max_concurrency), config.memory)

    def add_child(self, child: "Stage") -> None:
        """Make ``child`` wait for this stage; doing it twice changes nothing."""
        if child is self:
            raise WorkflowError(f"stage {self.stage_id!r} cannot wait for itself")
        if child not in self.children:
            self.children.append(child)
            child.parents.append(self)

    def add_parent(self, parent: "Stage") -> None:
        """Make this stage wait for ``parent``."""
        parent.add_child(self)

    def __rshift__(self, other: "Stage | Iterable[Stage]") -> "Stage | list[Stage]":
        return _link([self], other, forward=True)

    def __lshift__(self, other: "Stage | Iterable[Stage]") -> "Stage | list[Stage]":
        return _link([self], other, forward=False)

    def __rrshift__(self, other: Iterable["Stage"]) -> "Stage":
        _link(other, self, forward=True)
        return self

    def __rlshift__(self, other: Iterable["Stage"]) -> "Stage":
        _link(other, self, forward=False)
        return self

    def __repr__(self) -> str:
        return f"Stage({self.stage_id!r})"


def _link(
    left: Iterable[Stage], right: "Stage | Iterable[Stage]", *, forward: bool
) -> "Stage | list[Stage]":
    sources = list(left)
    targets = [right] if isinstance(right, Stage) else list(right)
    for item in (*sources, *targets):  # all of them first, so that an error changes nothing
        if not isinstance(item, Stage):
            raise WorkflowError(f">> and << join stages, not {item!r}")
    for source in sources:
        for target in targets:
            first, second = (source, target) if forward else (target, source)
            first.add_child(second)
    return right if isinstance(right, Stage) else targets


def _checked_data(stage_id: str, role: str, data: Sequence[FlexData]) -> tuple[FlexData, ...]:
    seen: set[str] = set()
    for item in data:
        if not isinstance(item, FlexData):
            raise ConfigurationError(f"{role} of stage {stage_id!r} are FlexData, got {item!r}")
        if item.data_id in seen:
            raise WorkflowError(f"{role} of stage {stage_id!r} name {item.data_id!r} twice")
        seen.add(item.data_id)
    return tuple(data)
