"""What predictions look like."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from flexecutor_energy.errors import ConfigurationError, MissingEnergyError
from flexecutor_energy.prediction.rows import FloatArray
from flexecutor_energy.quantities import Interval
from flexecutor_energy.workflow.config import StageConfig

Scope = Literal["marginal", "provisioned", "host"]


def check_scope(scope: str) -> None:
    """Raise ConfigurationError if an energy scope does not exist."""
    if scope not in get_args(Scope):
        raise ConfigurationError(
            f"scope {scope!r} is not known; known are: {', '.join(get_args(Scope))}"
        )


def stage_energy_j(values: Mapping[str, FloatArray], scope: str, stage: str) -> FloatArray | None:
    """Return the joules of a stage under a scope; None where profiles hold none.

    ``marginal`` is dynamic energy alone; ``provisioned`` adds the idle share and the start of
    the workers, where that was measured. ``host`` leaves the idle share out: the idle power of
    the machines is charged to the workflow for its makespan, not to stages.

    Raises
    ------
    MissingEnergyError
        The scope needs dynamic energy by itself, and only the total was measured.
    """
    joules = values.get("energy_dynamic")
    if scope == "provisioned":
        idle = values.get("energy_idle")
        joules = values.get("energy") if joules is None or idle is None else joules + idle
    if joules is not None:
        startup = None if scope == "marginal" else values.get("energy_startup")
        return joules if startup is None else joules + startup
    if "energy" in values:
        raise MissingEnergyError(
            [stage],
            {stage: f"only the total is known, and scope {scope!r} needs the dynamic part"},
        )
    return None


@dataclass(frozen=True, slots=True)
class StagePrediction:
    """What one run of a stage is expected to take.

    Attributes
    ----------
    stage, config, fan_in : what was predicted; fan_in as far as it was given
    time : seconds, of the slowest worker
    worker_seconds : seconds summed over workers, as they are billed
    cpu_time : CPU seconds summed over workers; None where unmeasured
    energy : joules under the scope asked for; None where unmeasured
    energy_dynamic, energy_idle : joules of the functions: of their work, and their share of
        idle power; None where unmeasured
    energy_startup : joules of starting the workers; None where unmeasured
    cost : USD, without a machine paid by the hour
    extrapolated : whether this leaves what was measured
    """

    stage: str
    config: StageConfig
    fan_in: Mapping[str, int]
    time: Interval
    worker_seconds: Interval
    cpu_time: Interval | None
    energy: Interval | None
    energy_dynamic: Interval | None
    energy_idle: Interval | None
    energy_startup: Interval | None
    cost: Interval
    extrapolated: bool


@dataclass(frozen=True, slots=True)
class WorkflowPrediction:
    """What one run of a workflow is expected to take.

    Attributes
    ----------
    time : seconds from the start of the first stage to the end of the last
    energy : joules under ``scope``; None where a stage was profiled without energy
    cost : USD
    stages : by id
    scope : of the energy
    pricing : name of the price list
    hypothetical : why the cost is hypothetical, or ""
    notes : what a reader should know: few runs, extrapolation, memory billed
    """

    time: Interval
    energy: Interval | None
    cost: Interval
    stages: Mapping[str, StagePrediction]
    scope: str
    pricing: str
    hypothetical: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class StageTable:
    """Expected values of a stage over many configurations.

    Attributes
    ----------
    stage : its id
    time_s : array (configs,), seconds of the slowest worker
    worker_seconds : array (configs,), seconds summed over workers
    cpu_time_s, energy_dynamic_j, energy_idle_j, energy_startup_j : arrays (configs,), or None
        where unmeasured
    energy_total_j : array (configs,), under scope ``provisioned``; there wherever joules are
    extrapolated : array (configs,), which ones leave what was measured
    """

    stage: str
    time_s: FloatArray
    worker_seconds: FloatArray
    cpu_time_s: FloatArray | None
    energy_dynamic_j: FloatArray | None
    energy_idle_j: FloatArray | None
    energy_startup_j: FloatArray | None
    energy_total_j: FloatArray | None
    extrapolated: npt.NDArray[np.bool_]

    def energy_j(self, scope: str = "provisioned") -> FloatArray | None:
        """Return joules under a scope: array (configs,), or None where unmeasured.

        Raises
        ------
        ConfigurationError
            The scope is not known.
        MissingEnergyError
            The scope needs dynamic energy by itself, and only the total was measured.
        """
        check_scope(scope)
        if scope == "provisioned":
            return self.energy_total_j
        values = {
            "energy_dynamic": self.energy_dynamic_j,
            "energy_startup": self.energy_startup_j,
            "energy": self.energy_total_j,
        }
        known = {name: value for name, value in values.items() if value is not None}
        return stage_energy_j(known, scope, self.stage)
