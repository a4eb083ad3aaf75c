"""Configurations to try: from options, from the workflow itself, or the general default."""

import math

from flexecutor_energy.cli.workflows import Workflow
from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.workflow.config import ConfigSpace, StageConfig

_CPU = (0.5, 1.0, 2.0)
_MEMORY_MB = (1024,)
_WORKERS = (1, 2, 4)


def chosen_space(
    workflow: Workflow, size: str | None, cpu: str | None, memory: str | None, workers: str | None
) -> ConfigSpace:
    """Return the space to profile.

    An axis given as an option replaces the space that the workflow has of its own (its ``SPACE``
    or ``space(size)``) by the product of the axes; axes not given have their general default.
    """
    if cpu is None and memory is None and workers is None:
        own = workflow.space(size)
        if own is not None:
            return own
    return ConfigSpace(
        cpu=_axis("--cpu", cpu) or _CPU,
        memory=_whole("--memory", memory) or _MEMORY_MB,
        workers=_whole("--workers", workers) or _WORKERS,
    )


def given_space(cpu: str | None, memory: str | None, workers: str | None) -> ConfigSpace | None:
    """Return the space that options name, or None where they name none."""
    if cpu is None and memory is None and workers is None:
        return None
    if cpu is None or workers is None:
        raise ConfigurationError("to choose among other configurations give --cpu and --workers")
    return ConfigSpace(
        cpu=_axis("--cpu", cpu) or (),
        memory=_whole("--memory", memory) or _MEMORY_MB,
        workers=_whole("--workers", workers) or (),
    )


def one_config(cpu: str | None, memory: str | None, workers: str | None) -> StageConfig | None:
    """Return the configuration that options name for all stages, or None where they name none."""
    space = given_space(cpu, memory, workers)
    if space is None:
        return None
    if len(space) != 1:
        raise ConfigurationError(
            "to execute give one value each for --cpu, --memory and --workers, not a list"
        )
    return next(iter(space))


def chosen_axes(
    cpu: str | None, memory: str | None, workers: str | None
) -> tuple[StageConfig, tuple[int, ...]]:
    """Return one cpu and memory for all workers, and the worker counts to go through."""
    cores = _axis("--cpu", cpu) or (1.0,)
    sizes = _whole("--memory", memory) or _MEMORY_MB
    counts = _whole("--workers", workers) or _WORKERS
    if len(cores) != 1 or len(sizes) != 1:
        raise ConfigurationError("to compare give one value each for --cpu and --memory")
    return StageConfig(cpu=cores[0], workers=1, memory=sizes[0]), counts


def _axis(option: str, text: str | None) -> tuple[float, ...] | None:
    """Return the numbers of a list such as ``0.5,1,2``; None where the option was not given."""
    if text is None:
        return None
    numbers = tuple(_number(option, part.strip(), text) for part in text.split(","))
    return tuple(dict.fromkeys(numbers))


def _whole(option: str, text: str | None) -> tuple[int, ...] | None:
    numbers = _axis(option, text)
    if numbers is None:
        return None
    for number in numbers:
        if number != int(number):
            raise ConfigurationError(f"{option} {text}: {number:g} is not a whole number")
    return tuple(int(number) for number in numbers)


def _number(option: str, part: str, text: str) -> float:
    try:
        number = float(part)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ConfigurationError(
            f"{option} {text}: {part!r} is not a number; give numbers with commas between them"
        )
    return number
