"""What a plan was asked for, and the problem that this makes of a candidate table."""

from dataclasses import dataclass, replace

from flexecutor_energy.optimization import table
from flexecutor_energy.optimization.objective import Objective
from flexecutor_energy.optimization.problem import METRICS, Metric, Problem
from flexecutor_energy.optimization.table import Table


@dataclass(frozen=True, slots=True)
class Terms:
    """What was asked for, and how the hosts are accounted.

    Attributes
    ----------
    objective : what is minimised, in the mean
    max_time, max_energy, max_cost : what one run should keep: seconds, joules, USD
    confidence : share of runs in which all bounds should hold
    mean_max_time, mean_max_energy, mean_max_cost : the tighter bounds on the means that stand
        for that; None where the mean itself is bounded
    scope : whose joules are counted: ``marginal``, ``provisioned`` or ``host``
    idle_power_w : watts of the hosts that the plan is charged for while it runs
    host_price_usd_s : USD per second of makespan
    capacity : cores of the hosts together; None for no limit
    """

    objective: Objective = "energy"
    max_time: float | None = None
    max_energy: float | None = None
    max_cost: float | None = None
    confidence: float = 0.95
    mean_max_time: float | None = None
    mean_max_energy: float | None = None
    mean_max_cost: float | None = None
    scope: str = "provisioned"
    idle_power_w: float = 0.0
    host_price_usd_s: float = 0.0
    capacity: float | None = None

    def asked(self, metric: Metric) -> float | None:
        """Return the bound that one run should keep."""
        return {"time": self.max_time, "energy": self.max_energy, "cost": self.max_cost}[metric]

    def on_mean(self, metric: Metric) -> float | None:
        """Return the bound that the solver keeps in the mean."""
        tightened = {
            "time": self.mean_max_time,
            "energy": self.mean_max_energy,
            "cost": self.mean_max_cost,
        }[metric]
        return self.asked(metric) if tightened is None else tightened

    def attaining(self, metric: Metric) -> "Terms":
        """Return the terms of the plan that takes the least of a metric, without its own bound."""
        free = replace(self, objective=metric)
        if metric == "time":
            return replace(free, max_time=None, mean_max_time=None)
        if metric == "energy":
            return replace(free, max_energy=None, mean_max_energy=None)
        return replace(free, max_cost=None, mean_max_cost=None)

    def margin(self, metric: Metric) -> float:
        """Return what a run may take relative to its mean before it breaks the bound asked for."""
        asked, kept = self.asked(metric), self.on_mean(metric)
        return asked / kept if asked and kept else 1.0


def problem_of(terms: Terms, candidates: Table, edges: tuple[tuple[str, str], ...]) -> Problem:
    """Return the problem whose solutions are plans.

    Parameters
    ----------
    terms : what is asked
    candidates : the candidate table
    edges : pairs of stage ids, parent first

    Raises
    ------
    ConfigurationError
        The table, the edges or the bounds make no sense.
    """
    times = table.means(candidates, "time")
    bounds = {metric: terms.on_mean(metric) for metric in METRICS}
    capacity = terms.capacity
    return Problem(
        times=times if times is not None else (),
        energies=table.means(candidates, "energy"),
        costs=table.means(candidates, "cost"),
        edges=table.positions([options.stage_id for options in candidates], edges),
        idle_power_w=terms.idle_power_w,
        max_time=bounds["time"],
        max_energy=bounds["energy"],
        max_cost=bounds["cost"],
        host_price_usd_s=terms.host_price_usd_s,
        cores=None if capacity is None else table.cores(candidates, capacity),
        capacity=capacity,
        links=table.links(candidates),
    )
