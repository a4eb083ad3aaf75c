"""What people do without a scheduler: the plans that any method should beat."""

from dataclasses import dataclass

import numpy as np

from flexecutor_energy.optimization.problem import Metric
from flexecutor_energy.optimization.schedule import evaluate, violations
from flexecutor_energy.optimization.schedulers.instance import Instance, Proposal
from flexecutor_energy.optimization.schedulers.space import Space
from flexecutor_energy.workflow.config import StageConfig


@dataclass(frozen=True, slots=True)
class Default:
    """The configurations that are set already, whatever they take."""

    name: str = "default"

    def choose(self, instance: Instance) -> Proposal:
        """Return the default of the instance; no plan where none is set."""
        if instance.default is None:
            return Proposal(None, False, 0)
        plan = evaluate(instance.problem, instance.default)
        return Proposal(plan.choice, not violations(instance.problem, plan), 1)


@dataclass(frozen=True, slots=True)
class Greedy:
    """For each stage by itself the candidate with the least of one metric, parents first.

    By time this is the fastest plan where no links restrain it: no stage off the critical path
    is slowed down to save anything.

    Attributes
    ----------
    name : how tables call it
    metric : ``time``, ``energy`` or ``cost``; ties fall to the shorter time
    """

    name: str
    metric: Metric

    def choose(self, instance: Instance) -> Proposal:
        """Return the greedy plan; none where the metric is not known or links exclude it."""
        problem, space = instance.problem, Space(instance)
        values = problem.values(self.metric)
        if values is None:
            return Proposal(None, False, 0)
        chosen = np.full((1, len(problem.times)), -1, dtype=np.intp)
        for stage in problem.order:
            offered = space.offered(stage, chosen)[0]
            left = offered[offered >= 0]
            if not len(left):
                return Proposal(None, False, 1)
            order = np.lexsort([problem.times[stage][left], values[stage][left]])
            chosen[0, stage] = left[order[0]]
        plan = evaluate(problem, chosen[0].tolist())
        return Proposal(plan.choice, not violations(problem, plan), 1)


@dataclass(frozen=True, slots=True)
class BestUniform:
    """The best plan that runs every stage in the same configuration.

    A stage that cannot be parallelised (one worker count is offered) keeps its count.
    """

    name: str = "uniform"

    def choose(self, instance: Instance) -> Proposal:
        """Return the best uniform plan; the nearest where none keeps the bounds."""
        space = Space(instance)
        rows = []
        for wanted in sorted({config for own in space.configs for config in own}):
            row = [_index(own, wanted) for own in space.configs]
            if None not in row:
                rows.append(row)
        return space.best(np.array(rows, dtype=np.intp).reshape(-1, len(space.configs)))


@dataclass(frozen=True, slots=True)
class Random:
    """The best of some plans drawn at random, the same ones for the same seed.

    Attributes
    ----------
    plans : how many are drawn
    seed : of the generator
    """

    plans: int = 100
    seed: int = 0
    name: str = "random"

    def choose(self, instance: Instance) -> Proposal:
        """Return the best plan drawn; the nearest where none keeps the bounds."""
        space = Space(instance)
        generator = np.random.default_rng(self.seed)
        columns = [generator.integers(len(own), size=self.plans) for own in space.configs]
        return space.best(np.column_stack(columns).astype(np.intp))


def _index(own: list[StageConfig], wanted: StageConfig) -> int | None:
    """Return the number of the wanted configuration, or None where it is not offered."""
    fixed = len({config.workers for config in own}) == 1
    workers = own[0].workers if fixed else wanted.workers
    same = StageConfig(wanted.cpu, workers, wanted.memory)
    return own.index(same) if same in own else None
