"""Orion: sizing for serverless DAGs (Mahgoub et al., OSDI 2022).

Orion predicts the distribution of a workflow's latency from those of its stages, and looks for
worker sizes with which a percentile of it meets the target: a best-first search that begins with
the smallest size everywhere, enlarges one stage at a time, goes on from the state nearest to the
target, and stops at the first state that meets it.

What differs here: latencies are draws of whole runs, so that sums and maxima over the graph keep
how stages go together, where the paper combines distributions of correlated stages. Orion does
not choose how many workers a stage has. As in the comparison that the Jolteon paper makes, they
are shared out in proportion to the work of each stage; that is done for several totals, each is
searched, and the best plan is taken. Bounds on energy and cost, unknown to Orion, must hold too
before the search stops. It has no objective beside the target, so energy is saved only by
starting small. Where there is no deadline to stop at, states are ranked by the objective and the
search ends when its budget is spent. Bundling and pre-warming, the paper's other two parts, change
how a stage runs, not which of the candidates is chosen.
"""

import heapq
from dataclasses import dataclass

import numpy as np

from flexecutor_energy.optimization.problem import IntArray
from flexecutor_energy.optimization.schedulers.caerus import proportional_shares
from flexecutor_energy.optimization.schedulers.instance import Instance, Proposal
from flexecutor_energy.optimization.schedulers.space import Rows, Space
from flexecutor_energy.optimization.schedulers.speedup import parallel_rows, sizes

State = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Orion:
    """Best-first search over worker sizes for a percentile of the makespan.

    Attributes
    ----------
    starts : totals of workers that are searched, spread over all there are
    states : plans that each search looks at before it gives up
    """

    starts: int = 8
    states: int = 1000
    name: str = "orion"

    def choose(self, instance: Instance) -> Proposal:
        """Return the best plan that a search stopped at; the nearest where none met its target."""
        space = Space(instance)
        smallest = sizes(space)[0]
        rows = parallel_rows(space, proportional_shares(space, smallest), smallest)
        rows = rows[np.argsort(_workers(space, rows), kind="stable")]
        picked = np.unique(np.linspace(0, len(rows) - 1, self.starts).round().astype(int))
        found = [self._search(space, tuple(int(c) for c in row)) for row in rows[picked]]
        tried = sum(looked for _, looked in found)
        ends = np.array(sorted({end for end, _ in found}), dtype=np.intp)
        return space.best(ends, drawn=True, tried=tried)

    def _search(self, space: Space, start: State) -> tuple[State, int]:
        """Return the state at which a search ends, and how many it looked at."""
        target = _has_target(space.instance)
        queue = [(*_rank(space, [start])[0], start)]
        seen, best = {start}, queue[0]
        while queue and len(seen) < self.states:
            excess, _, state = heapq.heappop(queue)
            if target and excess <= 0:
                return state, len(seen)
            larger = [s for s in _enlarged(space, state) if s not in seen]
            if not larger:
                continue
            seen.update(larger)
            for rank, other in zip(_rank(space, larger), larger, strict=True):
                heapq.heappush(queue, (*rank, other))
                best = min(best, (*rank, other))
        return best[2], len(seen)


def _has_target(instance: Instance) -> bool:
    """Tell whether there is a bound at which a search can stop: any, unless time is minimised."""
    problem = instance.problem
    others = problem.max_energy is not None or problem.max_cost is not None
    return problem.max_time is not None or (others and instance.objective != "time")


def _rank(space: Space, states: list[State]) -> list[tuple[float, float]]:
    """Return what states are ordered by: distance to the target, then the objective."""
    judged = space.judge(np.array(states, dtype=np.intp), drawn=True)
    excess = np.maximum(judged.excess, 0.0)
    return list(zip(excess.tolist(), judged.objective.tolist(), strict=True))


def _enlarged(space: Space, state: State) -> list[State]:
    """Return the states with the next larger size in one stage and as many workers."""
    found = []
    for stage, number in enumerate(state):
        own = space.configs[stage]
        now = own[number]
        for larger in range(number + 1, len(own)):
            if own[larger].workers == now.workers:
                found.append((*state[:stage], larger, *state[stage + 1 :]))
                break
    return found


def _workers(space: Space, rows: Rows) -> IntArray:
    """Return the workers of all stages together: array (plans,)."""
    counts = [np.array([c.workers for c in own]) for own in space.configs]
    total = np.zeros(len(rows), dtype=np.intp)
    for stage, own in enumerate(counts):
        total += own[rows[:, stage]]
    return total
