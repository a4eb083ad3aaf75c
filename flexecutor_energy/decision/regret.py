"""The plan that would be chosen now, what it may lose, and which measurement could change it."""

import numpy as np

from flexecutor_energy.decision.losses import (
    MINIMISED,
    excess_of,
    loss_of,
    objective_of,
)
from flexecutor_energy.decision.options import IntArray
from flexecutor_energy.decision.worlds import Worlds
from flexecutor_energy.optimization.request import PlanRequest
from flexecutor_energy.prediction.rows import FloatArray
from flexecutor_energy.profiling.guide import Advice, EstimatedRegret
from flexecutor_energy.workflow.config import StageConfig

# Regret is told as a mean and as what it stays below with this probability.
LEVEL = 0.9
# what a run tells
_TOLD = ("time", "energy")
# a regression over n worlds explains about 1/n of the variance by chance, by value and plan
_BY_CHANCE = 3.0


def advice(worlds: Worlds) -> Advice:
    """Return the plan of the least expected loss over all worlds, and what could change it."""
    request = worlds.request
    plans = worlds.plans()
    totals = worlds.totals(plans)
    objective, excess = objective_of(request, totals), excess_of(request, totals)
    loss = loss_of(request, totals)
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
        usd=amounts.get("cost"),
    )
    worth = _worth(worlds, plans, loss, chosen)
    return Advice(regret, worlds.configs(plans[chosen].tolist()), worth)


def _amount(
    request: PlanRequest, metric: str, ours: FloatArray, theirs: FloatArray
) -> float | None:
    """Return the mean of what is lost of a metric: as the objective, or beyond its bound."""
    if metric not in MINIMISED[request.objective]:
        bound = dict[str, float](request.bounds.items()).get(metric)
        if bound is None:
            return None
        ours, theirs = np.maximum(ours, bound), np.maximum(theirs, bound)
    return float(np.mean(np.maximum(ours - theirs, 0.0)))


def _worth(
    worlds: Worlds, plans: IntArray, loss: FloatArray, chosen: int
) -> dict[str, dict[StageConfig, float]]:
    """Return how much a measurement of each configuration should lower the loss, a second.

    The knowledge gradient (Frazier, Powell and Dayanik, INFORMS J. Computing 2009): what is
    expected of the plan that would be chosen after one run, against the one chosen now. How a
    measurement moves the expected loss of each plan is the regression of losses on measured
    values over the worlds; what chance alone would show counts for nothing.

    Parameters
    ----------
    worlds : the worlds
    plans : array (plans, stages)
    loss : array (worlds, plans)
    chosen : number of the plan
    """
    rivals = np.unique([chosen, *np.argmin(loss, axis=1)])
    mean = np.mean(loss[:, rivals], axis=0)
    off = loss[:, rivals] - mean
    plan = plans[chosen]
    at = [
        slice(int(own.fan_in_of(plan[None], worlds.options)[0]), None, len(own.fan_ins))
        for own in worlds.options
    ]
    seconds = [own.expected["time"][where] for own, where in zip(worlds.beliefs, at, strict=True)]
    planned = sum(float(own[config]) for own, config in zip(seconds, plan, strict=True))
    chance = np.random.default_rng(len(off)).normal(size=(len(_TOLD), len(off)))
    worth: dict[str, dict[StageConfig, float]] = {}
    for i, (options, own) in enumerate(zip(worlds.options, worlds.beliefs, strict=True)):
        told = [np.log(worlds.drawn[m][i][:, at[i]]) for m in _TOLD if m in worlds.drawn]
        gains = np.zeros(len(options.configs))
        for c in range(len(options.configs)):
            seen = np.stack([values[:, c] for values in told]) + own.noise * chance[: len(told)]
            seen = seen - np.mean(seen, axis=1, keepdims=True)
            gains[c] = np.min(mean) - np.mean(np.min(mean + _explained(seen, off), axis=1))
        gains = np.maximum(gains, 0.0) / (seconds[i] + planned - seconds[i][plan[i]])
        worth[options.stage_id] = dict(zip(options.configs, gains.tolist(), strict=True))
    return worth


def _explained(seen: FloatArray, off: FloatArray) -> FloatArray:
    """Return what measured values say of losses: array (worlds, plans).

    Parameters
    ----------
    seen : array (values, worlds), each about its mean
    off : array (worlds, plans), losses about their means
    """
    inside = seen @ seen.T + 1e-12 * np.eye(len(seen))
    told: FloatArray = seen.T @ np.linalg.solve(inside, seen @ off)
    share = np.sum(told**2, axis=0) / np.maximum(np.sum(off**2, axis=0), 1e-300)
    by_chance = _BY_CHANCE * len(seen) / len(off)
    kept: FloatArray = told * np.sqrt(np.maximum(share - by_chance, 0) / np.maximum(share, 1e-300))
    return kept
