"""The plan that would be chosen now, what it may lose, and which measurement could change it."""

from collections.abc import Mapping

import numpy as np

from flexecutor_energy.decision.worlds import IntArray, Worlds
from flexecutor_energy.optimization.request import PlanRequest
from flexecutor_energy.prediction.rows import FloatArray
from flexecutor_energy.profiling.guide import Advice, EstimatedRegret
from flexecutor_energy.workflow.config import StageConfig

# Regret is told as a mean and as what it stays below with this probability.
LEVEL = 0.9
# A share by which a bound is exceeded weighs as much as so many of the objective when plans are
# chosen, so that no plan pays for joules with a deadline.
_PENALTY = 5.0
_MINIMISED: Mapping[str, tuple[str, ...]] = {
    "energy": ("energy",),
    "time": ("time",),
    "cost": ("cost",),
    "edp": ("energy", "time"),
}


def advice(worlds: Worlds) -> Advice:
    """Return the plan of the least expected loss over all worlds, and what could change it."""
    request = worlds.request
    plans = worlds.plans()
    totals = worlds.totals(plans)
    objective, excess = _objective(request, totals), _excess(request, totals)
    loss = objective / np.median(objective) + _PENALTY * excess
    chosen, best = int(np.argmin(np.mean(loss, axis=0))), np.argmin(loss, axis=1)
    theirs = (np.arange(len(best)), best)
    lost = np.maximum(objective[:, chosen] / objective[theirs] - 1, 0.0)
    lost = lost + np.maximum(excess[:, chosen] - excess[theirs], 0.0)
    amounts = {
        metric: _amount(request, metric, totals[metric][:, chosen], totals[metric][theirs])
        for metric in totals
    }
    regret = EstimatedRegret(
        share=float(np.mean(lost)),
        upper=float(np.quantile(lost, LEVEL)),
        level=LEVEL,
        joules=amounts.get("energy"),
        seconds=amounts["time"],
        usd=amounts["cost"],
    )
    mean = {metric: float(np.mean(values[:, chosen])) for metric, values in totals.items()}
    worth = _worth(worlds, plans[chosen], plans[best], lost, mean)
    return Advice(regret, worlds.configs(plans[chosen].tolist()), worth)


def regret_of(request: PlanRequest, ours: Mapping[str, float], best: Mapping[str, float]) -> float:
    """Return how much worse a plan is than the best one, as a share.

    Parameters
    ----------
    request : objective and bounds
    ours, best : metric → what the plans take
    """
    mine, theirs = ({m: np.array([v]) for m, v in plan.items()} for plan in (ours, best))
    lost = np.maximum(_objective(request, mine) / _objective(request, theirs) - 1, 0.0)
    return float((lost + np.maximum(_excess(request, mine) - _excess(request, theirs), 0.0))[0])


def _bounds(request: PlanRequest) -> dict[str, float]:
    asked = {"time": request.max_time, "energy": request.max_energy, "cost": request.max_cost}
    return {metric: bound for metric, bound in asked.items() if bound is not None}


def _objective(request: PlanRequest, totals: Mapping[str, FloatArray]) -> FloatArray:
    values: FloatArray = np.prod([totals[m] for m in _MINIMISED[request.objective]], axis=0)
    return values


def _excess(request: PlanRequest, totals: Mapping[str, FloatArray]) -> FloatArray:
    """Return the shares by which bounds are exceeded, added up."""
    excess = np.zeros_like(totals["time"])
    for metric, bound in _bounds(request).items():
        excess = excess + np.maximum(totals[metric] / bound - 1, 0.0)
    return excess


def _amount(
    request: PlanRequest, metric: str, ours: FloatArray, theirs: FloatArray
) -> float | None:
    """Return the mean of what is lost of a metric: as the objective, or beyond its bound."""
    if metric not in _MINIMISED[request.objective]:
        bound = _bounds(request).get(metric)
        if bound is None:
            return None
        ours, theirs = np.maximum(ours, bound), np.maximum(theirs, bound)
    return float(np.mean(np.maximum(ours - theirs, 0.0)))


def _worth(
    worlds: Worlds,
    chosen: IntArray,
    best: IntArray,
    lost: FloatArray,
    mean: Mapping[str, float],
) -> dict[str, dict[StageConfig, float]]:
    """Return how much a measurement of each configuration should tell, for each second.

    A world in which another plan is better counts by what is lost there, towards both
    configurations of every stage in which the two plans differ: by the part of the variance of
    the log time that one run would take away, and the share of the totals that the stage has.

    Parameters
    ----------
    worlds : the worlds
    chosen : array (stages,), the plan
    best : array (worlds, stages), the best plan of each world
    lost : array (worlds,), regret in each
    mean : metric → what the plan takes
    """
    concerned = (*_MINIMISED[worlds.request.objective], *_bounds(worlds.request))
    seconds = [float(b.expected["time"][c]) for b, c in zip(worlds.beliefs, chosen, strict=True)]
    worth: dict[str, dict[StageConfig, float]] = {}
    for i, (options, own) in enumerate(zip(worlds.table, worlds.beliefs, strict=True)):
        differ = best[:, i] != chosen[i]
        weight = np.bincount(best[differ, i], lost[differ], minlength=len(options.candidates))
        weight[chosen[i]] += np.sum(lost[differ])
        variance = own.doubt**2
        told = variance**2 / (variance + own.noise**2)
        size = sum(np.mean(worlds.drawn[metric][i], axis=0) / mean[metric] for metric in concerned)
        rest = sum(seconds) - seconds[i]
        gain = weight * told * size**2 / (own.expected["time"] + rest)
        table: dict[StageConfig, float] = {}
        for candidate, value in zip(options.candidates, gain.tolist(), strict=True):
            table[candidate.config] = table.get(candidate.config, 0.0) + value
        worth[options.stage_id] = table
    return worth
