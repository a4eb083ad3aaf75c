"""Totals of a workflow from the quantities of its stages."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.prediction.makespan import makespan_s
from flexecutor_energy.prediction.results import check_scope, stage_energy_j
from flexecutor_energy.prediction.rows import FloatArray, Rows
from flexecutor_energy.pricing import Pricing

# stage → target → array (runs,)
Values = Mapping[str, Mapping[str, FloatArray]]


@dataclass(frozen=True, slots=True)
class Accounts:
    """How stages add up.

    Attributes
    ----------
    parents : stage → the stages it waits for, parents first
    scope : of energy: ``marginal``, ``provisioned`` or ``host``
    pricing : of cost
    idle_power_w : of all hosts together, for scope ``host``
    requests : stage → (puts, gets) to the object store in one run; absent: not counted

    Raises
    ------
    ConfigurationError
        The scope is not known, or lacks its idle power.
    """

    parents: Mapping[str, tuple[str, ...]]
    scope: str
    pricing: Pricing
    idle_power_w: float | None = None
    requests: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_scope(self.scope)
        if self.scope == "host" and self.idle_power_w is None:
            raise ConfigurationError(
                "scope 'host' charges the idle power of the machines; give idle_power_w"
            )
        if self.idle_power_w is not None and not 0 <= self.idle_power_w < float("inf"):
            raise ConfigurationError(
                f"idle_power_w must be at least 0 watts, got {self.idle_power_w!r}"
            )

    def time_s(self, values: Values) -> FloatArray:
        """Return the makespan: array (runs,)."""
        return makespan_s({stage: values[stage]["time"] for stage in self.parents}, self.parents)

    def energy_j(self, values: Values) -> FloatArray | None:
        """Return the joules of the workflow: array (runs,); None if a stage has none."""
        stages = [stage_energy_j(values[stage], self.scope, stage) for stage in self.parents]
        known = [joules for joules in stages if joules is not None]
        if len(known) < len(stages):
            return None
        total: FloatArray = np.sum(known, axis=0)
        if self.scope == "host":
            total = total + (self.idle_power_w or 0.0) * self.time_s(values)
        return total

    def cost_usd(self, values: Values, rows: Mapping[str, Rows]) -> FloatArray:
        """Return the price of the workflow: array (runs,)."""
        costs = [
            self.stage_cost_usd(stage, values[stage]["worker_seconds"], rows[stage])
            for stage in self.parents
        ]
        total: FloatArray = np.sum(costs, axis=0) + self.pricing.usd_per_s * self.time_s(values)
        return total

    def stage_cost_usd(self, stage: str, worker_seconds: FloatArray, rows: Rows) -> FloatArray:
        """Return the price of a stage by itself: array (runs,).

        Parameters
        ----------
        stage : its id
        worker_seconds : array (runs,), as billed
        rows : one configuration, or one for each run
        """
        put, get = self.requests.get(stage, (0.0, 0.0))
        prices = [
            (
                self.pricing.stage_cost(1.0, self.pricing.billed_memory_mb(cpu, memory), 0),
                self.pricing.stage_cost(0.0, 0.0, int(workers), put, get),
            )
            for cpu, memory, workers in zip(rows.cpu, rows.memory_mb, rows.workers, strict=True)
        ]
        per_second, fixed = np.array(prices).T
        cost: FloatArray = worker_seconds * per_second + fixed
        return cost
