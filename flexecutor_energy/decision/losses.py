"""How bad plans are: what is minimised, and the bounds they exceed."""

from collections.abc import Mapping

import numpy as np

from flexecutor_energy.optimization.request import PlanRequest
from flexecutor_energy.prediction.rows import FloatArray

# A share by which a bound is exceeded weighs as much as so many of the objective when plans are
# chosen, so that no plan pays for joules with a deadline.
_PENALTY = 5.0
MINIMISED: Mapping[str, tuple[str, ...]] = {
    "energy": ("energy",),
    "time": ("time",),
    "cost": ("cost",),
    "edp": ("energy", "time"),
}
"""Objective → the metrics that it is the product of."""


def metrics_of(request: PlanRequest) -> tuple[str, ...]:
    """Return the metrics that are minimised or bounded."""
    return tuple(dict.fromkeys((*MINIMISED[request.objective], *request.bounded)))


def objective_of(request: PlanRequest, totals: Mapping[str, FloatArray]) -> FloatArray:
    """Return what is minimised: array as of the totals."""
    values: FloatArray = np.prod([totals[m] for m in MINIMISED[request.objective]], axis=0)
    return values


def excess_of(request: PlanRequest, totals: Mapping[str, FloatArray]) -> FloatArray:
    """Return the shares by which bounds are exceeded, added up: array as of the totals."""
    excess = np.zeros_like(totals["time"])
    for metric, bound in request.bounds.items():
        excess = excess + np.maximum(totals[metric] / bound - 1, 0.0)
    return excess


def loss_of(request: PlanRequest, totals: Mapping[str, FloatArray]) -> FloatArray:
    """Return what plans are chosen by, in units of a usual objective: array as of the totals."""
    objective = objective_of(request, totals)
    loss: FloatArray = objective / np.median(objective) + _PENALTY * excess_of(request, totals)
    return loss


def regret_of(request: PlanRequest, ours: Mapping[str, float], best: Mapping[str, float]) -> float:
    """Return how much worse a plan is than the best one, as a share.

    Parameters
    ----------
    request : objective and bounds
    ours, best : metric → what the plans take
    """
    mine, theirs = ({m: np.array([v]) for m, v in plan.items()} for plan in (ours, best))
    lost = np.maximum(objective_of(request, mine) / objective_of(request, theirs) - 1, 0.0)
    exceeded = np.maximum(excess_of(request, mine) - excess_of(request, theirs), 0.0)
    return float((lost + exceeded)[0])
