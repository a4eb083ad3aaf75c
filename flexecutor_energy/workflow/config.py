"""Configurations of a stage, and the space of those worth trying."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from flexecutor_energy.errors import ConfigurationError, UnknownStageError

ConfigKey = tuple[float, int, int]


@dataclass(frozen=True, slots=True, order=True)
class StageConfig:
    """Resources of one stage.

    Attributes
    ----------
    cpu : cores of each worker; fractions are allowed
    workers : how many invocations share the work
    memory : MB that each worker may use beyond its bare start-up size; 0 means no limit

    Raises
    ------
    ConfigurationError
        A value is not a positive number (memory: not a non-negative one).
    """

    cpu: float
    workers: int
    memory: int = 0

    def __post_init__(self) -> None:
        cpu = _number("cpu", self.cpu)
        if not cpu > 0:
            raise ConfigurationError(f"cpu must be above 0 cores, got {self.cpu!r}")
        workers = _whole("workers", self.workers)
        if workers < 1:
            raise ConfigurationError(f"workers must be at least 1, got {self.workers!r}")
        memory = _whole("memory", self.memory)
        if memory < 0:
            raise ConfigurationError(
                f"memory must be at least 0 MB (0: no limit), got {self.memory!r}"
            )
        object.__setattr__(self, "cpu", cpu)
        object.__setattr__(self, "workers", workers)
        object.__setattr__(self, "memory", memory)

    @property
    def key(self) -> ConfigKey:
        """The configuration as profiles name it: ``(cpu, memory, workers)``."""
        return (self.cpu, self.memory, self.workers)

    @classmethod
    def from_key(cls, key: Sequence[float]) -> "StageConfig":
        """Return the configuration of a profile key ``(cpu, memory, workers)``."""
        cpu, memory, workers = key
        return cls(cpu=cpu, memory=_whole("memory", memory), workers=_whole("workers", workers))

    def __str__(self) -> str:
        memory = f"{self.memory} MB" if self.memory else "no memory limit"
        plural = "" if self.workers == 1 else "s"
        return f"{self.workers} worker{plural} × {self.cpu:g} cpu × {memory}"


def _number(name: str, value: Any) -> float:
    plain = value.item() if callable(getattr(value, "item", None)) else value  # NumPy scalars
    if isinstance(plain, bool) or not isinstance(plain, int | float) or not math.isfinite(plain):
        raise ConfigurationError(f"{name} must be a finite number, got {value!r}")
    return float(plain)


def _whole(name: str, value: Any) -> int:
    number = _number(name, value)
    if number != int(number):
        raise ConfigurationError(f"{name} must be a whole number, got {value!r}")
    return int(number)


@dataclass(frozen=True, slots=True)
class ConfigSpace:
    """Configurations to try, as a product of axes or as an explicit list.

    Attributes
    ----------
    cpu, memory, workers : the values of each axis; the space is their product
    configs : an explicit list instead of the axes
    stages : spaces of single stages that replace this one for them

    Examples
    --------
    >>> space = ConfigSpace(cpu=[0.5, 1], memory=[512], workers=[1, 2],
    ...                     stages={"reduce": ConfigSpace(cpu=[1], memory=[512], workers=[1])})
    >>> len(space.for_stage("map")), len(space.for_stage("reduce"))
    (4, 1)
    """

    cpu: Sequence[float] = ()
    memory: Sequence[int] = (0,)
    workers: Sequence[int] = ()
    stages: Mapping[str, "ConfigSpace"] = field(default_factory=dict)
    configs: Sequence[StageConfig] = ()

    def __post_init__(self) -> None:
        for axis in ("cpu", "memory", "workers"):
            object.__setattr__(self, axis, _axis(axis, getattr(self, axis)))
        object.__setattr__(self, "configs", tuple(self.configs))
        object.__setattr__(self, "stages", dict(self.stages))
        if self.configs and (self.cpu or self.workers):
            raise ConfigurationError(
                "give either configs or the axes cpu/memory/workers, not both"
            )
        if not self.configs and bool(self.cpu) != bool(self.workers):
            missing = "workers" if self.cpu else "cpu"
            raise ConfigurationError(f"the axis {missing!r} of the space is empty; give it values")
        if not (self.configs or self.cpu or self.stages):
            raise ConfigurationError(
                "the space is empty; give cpu=[…], workers=[…] or configs=[…]"
            )
        for config in self.configs:
            if not isinstance(config, StageConfig):
                raise ConfigurationError(f"configs are StageConfig, got {config!r}")
        for stage_id, own in self.stages.items():
            if not isinstance(own, ConfigSpace):
                raise ConfigurationError(f"the space of stage {stage_id!r} is not a ConfigSpace")
        tuple(self)  # each value is checked now, not in the middle of a sweep

    @classmethod
    def of(cls, configs: Iterable[StageConfig]) -> "ConfigSpace":
        """Return the space of exactly these configurations."""
        return cls(configs=tuple(configs))

    def __iter__(self) -> Iterator[StageConfig]:
        if self.configs:
            yield from dict.fromkeys(self.configs)
            return
        for cpu, memory, workers in product(self.cpu, self.memory, self.workers):
            yield StageConfig(cpu=cpu, memory=memory, workers=workers)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def for_stage(self, stage_id: str) -> tuple[StageConfig, ...]:
        """Return the configurations of one stage, without repeats, in the order of the axes.

        Raises
        ------
        ConfigurationError
            The space has configurations for some stages only, and not for this one.
        """
        configs = tuple(self.stages.get(stage_id, self))
        if not configs:
            raise ConfigurationError(
                f"the space has no configuration for stage {stage_id!r}; "
                "give general axes or an entry under stages"
            )
        return configs

    def check_stages(self, known: Sequence[str]) -> None:
        """Raise UnknownStageError if the space names a stage that is not known."""
        for stage_id in self.stages:
            if stage_id not in known:
                raise UnknownStageError(stage_id, known, "the configuration space")


def _axis(name: str, values: Any) -> tuple[Any, ...]:
    if isinstance(values, int | float):
        values = (values,)
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ConfigurationError(f"the axis {name!r} must be a list of numbers, got {values!r}")
    return tuple(dict.fromkeys(values))
