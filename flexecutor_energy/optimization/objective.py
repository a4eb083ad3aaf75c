"""Objectives, the order in which ties are broken, and their linear form."""

from typing import Literal, NamedTuple, Protocol, get_args

from flexecutor_energy.errors import ConfigurationError, MissingEnergyError
from flexecutor_energy.optimization.problem import METRICS, Metric, Problem

Objective = Literal["energy", "time", "cost", "edp"]

_TIE_BREAKS: dict[Objective, tuple[Metric, ...]] = {
    "energy": ("energy", "time", "cost"),
    "time": ("time", "energy", "cost"),
    "cost": ("cost", "energy", "time"),
    "edp": ("energy", "time", "cost"),
}


class Totalled(Protocol):
    """What has totals, such as an `Evaluation`."""

    def value(self, metric: Metric) -> float:
        """Return a total."""


class Weights(NamedTuple):
    """The linear objective ``energy · E + cost · K + time · M``; all weights non-negative."""

    energy: float = 0.0
    cost: float = 0.0
    time: float = 0.0

    @classmethod
    def of(cls, metric: Metric) -> "Weights":
        """Return the weights under which the objective is the metric itself."""
        return cls(**{metric: 1.0})

    def value(self, plan: Totalled) -> float:
        """Return the objective of a plan."""
        terms: tuple[tuple[float, Metric], ...] = (
            (self.energy, "energy"),
            (self.cost, "cost"),
            (self.time, "time"),
        )
        return sum(weight * plan.value(metric) for weight, metric in terms if weight)

    def per_second(self, problem: Problem) -> float:
        """Return what a second of makespan adds to the objective."""
        return (
            self.energy * problem.idle_power_w + self.cost * problem.host_price_usd_s + self.time
        )


def tie_breaks(problem: Problem, objective: Objective) -> tuple[Metric, ...]:
    """Return the linear metrics in which plans are compared, the most important first.

    For ``edp`` these are the metrics after the product itself. Metrics that are not known for
    the problem are left out.

    Raises
    ------
    ConfigurationError
        The objective is unknown, or it (or a bound) needs costs that are not there.
    MissingEnergyError
        The objective or a bound needs energy that was not measured.
    """
    if objective not in get_args(Objective):
        raise ConfigurationError(
            f"objective {objective!r} is not one of {', '.join(get_args(Objective))}"
        )
    if problem.energies is None and (
        objective in ("energy", "edp") or problem.max_energy is not None
    ):
        raise MissingEnergyError([f"stage {stage}" for stage in problem.stages])
    if problem.costs is None and (objective == "cost" or problem.max_cost is not None):
        raise ConfigurationError(
            "the problem has no costs; give costs=[…] for objective='cost' or max_cost"
        )
    return tuple(m for m in _TIE_BREAKS[objective] if problem.values(m) is not None)


def bounded(problem: Problem) -> tuple[Metric, ...]:
    """Return the metrics on which the problem has a bound, time first."""
    return tuple(metric for metric in METRICS if problem.bound(metric) is not None)
