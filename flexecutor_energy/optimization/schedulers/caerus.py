"""Caerus: NIMBLE task scheduling for serverless analytics (Zhang et al., NSDI 2021).

Caerus gives each stage tasks in proportion to the data it has to work through, so that a task is
of one size everywhere, and NIMBLE then launches each task as late as the dependencies among the
steps inside stages allow without delaying the job: pipelined steps overlap, and nobody pays for a
task that waits.

What differs here: the candidate table does not hold bytes, so the proportional measure is the
predicted work that a stage shares out, in worker-seconds of the size of worker at hand. The paper
is given the number of tasks; here every total and every size of worker is tried, and the best
plan that keeps the bounds is taken. In this executor a stage reads what its parents have written
once all of them have ended: every edge is what the paper calls a pipeline breaker, so that NIMBLE
launches each stage at the end of its last parent, which is when `optimization.evaluate` starts
it. Those launch times leave nothing to save, and only the proportional parallelism is a choice.
The paper minimises cost and completion time; energy takes the place of cost where it is the
objective.
"""

from dataclasses import dataclass

import numpy as np

from flexecutor_energy.optimization.schedulers.instance import Instance, Proposal
from flexecutor_energy.optimization.schedulers.space import Space
from flexecutor_energy.optimization.schedulers.speedup import (
    Size,
    parallel_rows,
    sizes,
    speed_up,
)


@dataclass(frozen=True, slots=True)
class Caerus:
    """Workers in proportion to the work of each stage, over all totals and sizes."""

    name: str = "caerus"

    def choose(self, instance: Instance) -> Proposal:
        """Return the best proportional plan; the nearest where none keeps the bounds."""
        space = Space(instance)
        rows = [
            parallel_rows(space, proportional_shares(space, size), size) for size in sizes(space)
        ]
        return space.best(np.unique(np.concatenate(rows), axis=0))


def proportional_shares(space: Space, size: Size) -> list[float]:
    """Return each stage's share of the workers, in proportion to its work at one size.

    A stage with nothing to share out has none; it runs the fewest workers that it offers.
    """
    work = [speed_up(space, stage, size).parallel_s for stage in space.problem.stages]
    total = sum(work)
    return [own / total if total > 0 else 1 / len(work) for own in work]
