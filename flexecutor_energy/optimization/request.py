"""What a plan should achieve, checked before anything is computed."""

from dataclasses import dataclass
from typing import get_args

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.optimization.objective import Objective
from flexecutor_energy.optimization.problem import Metric
from flexecutor_energy.prediction.results import Scope, check_scope
from flexecutor_energy.pricing import Pricing


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What a plan should achieve.

    Attributes
    ----------
    objective : ``energy``, ``time``, ``cost`` or ``edp``
    max_time, max_cost, max_energy : seconds, USD, joules that one run should keep
    confidence : share of runs in which all bounds should hold
    scope : whose joules
    pricing : price list
    capacity : cores that all stages share; None for no limit
    idle_power_w : of the hosts together, for scope ``host``
    gap, time_limit_s : when the solver may stop

    Raises
    ------
    ConfigurationError
        A value is unknown or not positive.
    """

    objective: Objective
    max_time: float | None
    max_cost: float | None
    max_energy: float | None
    confidence: float
    scope: Scope
    pricing: Pricing
    idle_power_w: float | None = None
    capacity: float | None = None
    gap: float = 0.005
    time_limit_s: float = 60.0

    def __post_init__(self) -> None:
        if self.objective not in get_args(Objective):
            raise ConfigurationError(
                f"unknown objective {self.objective!r}; known: {', '.join(get_args(Objective))}"
            )
        check_scope(self.scope)
        if not 0 < self.confidence < 1:
            raise ConfigurationError(
                f"confidence must lie between 0 and 1, got {self.confidence!r}; try 0.95"
            )
        for name in ("max_time", "max_cost", "max_energy", "capacity"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigurationError(f"{name} must be above 0, got {value!r}")

    @property
    def bounds(self) -> dict[Metric, float]:
        """What one run should keep, by metric; metrics without a bound are absent."""
        asked: dict[Metric, float | None] = {
            "time": self.max_time,
            "energy": self.max_energy,
            "cost": self.max_cost,
        }
        return {metric: bound for metric, bound in asked.items() if bound is not None}

    @property
    def bounded(self) -> tuple[Metric, ...]:
        """The metrics that are bounded."""
        return tuple(self.bounds)

    @property
    def needs_energy(self) -> bool:
        """Whether joules must be known."""
        return self.objective in {"energy", "edp"} or self.max_energy is not None
