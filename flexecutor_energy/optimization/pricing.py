"""What multipliers say that each candidate costs, as arrays."""

from collections.abc import Sequence

import numpy as np

from flexecutor_energy.optimization.certificate import Multipliers
from flexecutor_energy.optimization.problem import FloatArray, IntArray, Problem


def prices(problem: Problem, multipliers: Multipliers) -> list[FloatArray]:
    """Return each candidate's price, its time left out: energy, cost, area and labels.

    Parameters
    ----------
    problem : the problem
    multipliers : prices of its constraints

    Returns
    -------
    list
        One array a stage, in units of the objective.
    """
    weights = multipliers.weights
    priced = [np.zeros(len(times)) for times in problem.times]
    for values, rate in (
        (problem.energies, weights.energy + multipliers.energy_bound),
        (problem.costs, weights.cost + multipliers.cost_bound),
    ):
        if values is not None and rate:
            priced = [price + rate * own for price, own in zip(priced, values, strict=True)]
    if problem.cores is not None and multipliers.area:
        for stage, (cores, times) in enumerate(zip(problem.cores, problem.times, strict=True)):
            priced[stage] = priced[stage] + multipliers.area * cores * times
    for link, pairs in zip(problem.couplings, multipliers.links, strict=False):
        known = dict(pairs)
        for sign, stage, labels in (
            (-1.0, link.parent, link.parent_labels),
            (1.0, link.child, link.child_labels),
        ):
            own = np.array([known.get(label, 0.0) for label in labels])
            priced[stage] = priced[stage] + sign * own
    return priced


def excess(
    problem: Problem, kept: Sequence[IntArray], multipliers: Multipliers
) -> list[FloatArray]:
    """Return what each kept candidate adds at least to the proved bound, non-negative."""
    flow = np.zeros(len(kept))
    for i, _, phi in multipliers.flow:
        flow[i] += phi
    reduced = [
        (price + phi * times)[own]
        for price, phi, times, own in zip(
            prices(problem, multipliers), flow, problem.times, kept, strict=True
        )
    ]
    return [own - own.min() for own in reduced]
