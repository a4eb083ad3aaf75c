"""Ditto: elastic parallelism for serverless analytics (Jin et al., ACM SIGCOMM 2023).

Ditto models a stage's time as ``T(d) = α / d + β`` for d workers and shares out a fixed number
of workers in ratios that make a job fastest or cheapest:

- two stages in a row, ``d_1 : d_2 = √α_1 : √α_2``, and act as one with ``α = (√α_1 + √α_2)²``;
- two stages side by side, ``d_1 : d_2 = α_1 : α_2``, so that they end together, and act as one
  with ``α = α_1 + α_2``; merging from the sources to the sink gives all ratios for time;
- for cost, ``d_i : d_j = √(ρ_i α_i) : √(ρ_j α_j)`` for any two stages, ρ being the price of a
  second of the stage.

What differs here: α and β are fitted to the common predictions instead of to the paper's
profiles. The paper is given the number of workers; here every total and every size of worker
is tried, by both rules, and the best plan that keeps the bounds is taken. For energy ρ is joules
per second of the stage in place of memory. A stage that several stages read goes with the one
that is furthest from the end, and several last stages are merged as if side by side, since the
rules are for trees. Grouping stages on one server, the paper's other half, changes nothing here:
each candidate was valued with its data going through the object store.
"""

import math
from dataclasses import dataclass

import numpy as np

from flexecutor_energy.optimization.problem import Problem
from flexecutor_energy.optimization.schedulers.instance import Instance, Proposal
from flexecutor_energy.optimization.schedulers.space import Space
from flexecutor_energy.optimization.schedulers.speedup import parallel_rows, sizes, speed_up


@dataclass(frozen=True, slots=True)
class Ditto:
    """Workers in the ratios of Ditto's rules, over all totals and sizes."""

    name: str = "ditto"

    def choose(self, instance: Instance) -> Proposal:
        """Return the best plan in Ditto's ratios; the nearest where none keeps the bounds."""
        space = Space(instance)
        rows = []
        for size in sizes(space):
            laws = [speed_up(space, stage, size) for stage in instance.problem.stages]
            for shares in (
                shares_for_time(instance.problem, [law.parallel_s for law in laws]),
                shares_for_cost([law.parallel_s * law.rate for law in laws]),
            ):
                rows.append(parallel_rows(space, shares, size))
        return space.best(np.unique(np.concatenate(rows), axis=0))


def shares_for_cost(weighted_s: list[float]) -> list[float]:
    """Return each stage's share of the workers that makes the sum of ``ρ·α/d`` least.

    Parameters
    ----------
    weighted_s : ρ·α of each stage
    """
    return _normalised([math.sqrt(value) for value in weighted_s])


def shares_for_time(problem: Problem, parallel_s: list[float]) -> list[float]:
    """Return each stage's share of the workers by Ditto's rules for job completion time.

    Parameters
    ----------
    problem : for its precedence
    parallel_s : α of each stage, worker-seconds
    """
    before, last = _tree(problem)
    merged = [0.0] * len(parallel_s)  # α of a stage with all that goes before it
    for stage in problem.order:
        beside = sum(merged[other] for other in before[stage])
        merged[stage] = (math.sqrt(parallel_s[stage]) + math.sqrt(beside)) ** 2
    subtree = dict(zip(last, _normalised([merged[stage] for stage in last]), strict=True))
    shares = [0.0] * len(parallel_s)
    for stage in reversed(problem.order):
        above = [merged[other] for other in before[stage]]
        own, rest = 1.0, 0.0
        if above:
            own, rest = _normalised([math.sqrt(parallel_s[stage]), math.sqrt(sum(above))])
        shares[stage] = subtree[stage] * own
        for other, part in zip(before[stage], _normalised(above), strict=True):
            subtree[other] = subtree[stage] * rest * part
    return shares


def _tree(problem: Problem) -> tuple[list[list[int]], list[int]]:
    """Return for each stage the ones merged before it, and the stages that come last.

    Of several children a stage keeps the one that is furthest from the end.
    """
    depth = [0] * len(problem.times)
    before: list[list[int]] = [[] for _ in problem.times]
    for stage in reversed(problem.order):
        children = problem.children[stage]
        if children:
            next_one = max(children, key=lambda child: (depth[child], -child))
            depth[stage] = depth[next_one] + 1
            before[next_one].append(stage)
    return before, [stage for stage in problem.stages if not problem.children[stage]]


def _normalised(weights: list[float]) -> list[float]:
    """Return weights that sum to one; equal ones where all are zero."""
    total = sum(weights)
    if total > 0:
        return [weight / total for weight in weights]
    return [1 / len(weights) for _ in weights]
