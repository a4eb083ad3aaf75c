"""What predictors see: configurations as columns of numbers, and samples to learn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.workflow.config import StageConfig

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Configurations of one stage, one a row.

    Attributes
    ----------
    cpu : array (rows,), cores of each worker
    memory_mb : array (rows,), MB of each worker; 0 means no limit
    workers : array (rows,), workers of the stage
    fan_in : workers of each parent stage, array (rows,) each
    covariates : other quantities already predicted for these rows, such as ``duration`` and
        ``cpu_time`` (seconds a worker), which an energy predictor builds on
    cores : cores of the hosts that all workers share; None where workers bring their own, as
        cloud functions do, or where it is not known
    """

    cpu: FloatArray
    memory_mb: FloatArray
    workers: FloatArray
    fan_in: Mapping[str, FloatArray] = field(default_factory=dict)
    covariates: Mapping[str, FloatArray] = field(default_factory=dict)
    cores: float | None = None

    @classmethod
    def of(
        cls,
        configs: Sequence[StageConfig],
        fan_ins: Sequence[Mapping[str, int]] = (),
        parents: Sequence[str] = (),
        cores: float | None = None,
    ) -> "Rows":
        """Return the rows of configurations, with the fan-in from the named parents.

        Raises
        ------
        ConfigurationError
            A row does not say how many workers one of ``parents`` runs.
        """
        for parent in parents:
            if any(parent not in fan_in for fan_in in fan_ins) or len(fan_ins) != len(configs):
                raise ConfigurationError(
                    f"the time of this stage depends on how many workers {parent!r} runs; "
                    f"give fan_in={{{parent!r}: …}}"
                )
        return cls(
            cpu=np.array([config.cpu for config in configs], dtype=float),
            memory_mb=np.array([config.memory for config in configs], dtype=float),
            workers=np.array([config.workers for config in configs], dtype=float),
            fan_in={p: np.array([fan_in[p] for fan_in in fan_ins], dtype=float) for p in parents},
            cores=cores,
        )

    def __len__(self) -> int:
        return len(self.cpu)

    def take(self, index: npt.NDArray[Any]) -> "Rows":
        """Return the rows at an index or mask."""
        return Rows(
            self.cpu[index],
            self.memory_mb[index],
            self.workers[index],
            {name: column[index] for name, column in self.fan_in.items()},
            {name: column[index] for name, column in self.covariates.items()},
            self.cores,
        )

    @property
    def overload(self) -> FloatArray:
        """Cores asked for beyond those there are, as a share of these: array (rows,)."""
        if self.cores is None:
            return np.zeros(len(self))
        return np.maximum(self.cpu * self.workers / self.cores - 1.0, 0.0)

    @property
    def spare(self) -> FloatArray:
        """Cores that nobody asks for, as a share of those there are: array (rows,)."""
        if self.cores is None:
            return np.ones(len(self))
        return np.maximum(1.0 - self.cpu * self.workers / self.cores, 0.0)

    def with_held_cpu(self) -> "Rows":
        """Return the rows with the cores that a worker gets where all share those there are."""
        if self.cores is None:
            return self
        return replace(self, cpu=np.minimum(self.cpu, self.cores / self.workers))

    def with_covariates(self, covariates: Mapping[str, FloatArray]) -> "Rows":
        """Return the same rows with these covariates instead of their own."""
        return replace(self, covariates=dict(covariates))


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Rows with what was measured on them.

    Attributes
    ----------
    rows : n configurations
    values : array (n,), above 0
    parts : addends of the values by name, arrays (n,) of values not below 0; empty if unknown
    """

    rows: Rows
    values: FloatArray
    parts: Mapping[str, FloatArray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)

    def take(self, index: npt.NDArray[Any]) -> "Samples":
        """Return the samples at an index or mask."""
        parts = {name: column[index] for name, column in self.parts.items()}
        return Samples(self.rows.take(index), self.values[index], parts)


def telling_parents(rows: Rows) -> tuple[str, ...]:
    """Return the parents whose worker count varies, so that its effect can be seen."""
    return tuple(name for name, column in rows.fan_in.items() if _varies(column))


def memory_tells(rows: Rows) -> bool:
    """Return whether memory varies otherwise than in proportion to cpu.

    On AWS Lambda cpu follows memory; there, memory tells nothing that cpu does not.
    """
    if not _varies(rows.memory_mb):
        return False
    return _varies(rows.memory_mb / rows.cpu, tolerance=0.05)


def _varies(column: FloatArray, tolerance: float = 1e-9) -> bool:
    if len(column) == 0:
        return False
    return bool(np.ptp(column) > tolerance * np.max(np.abs(column)))
