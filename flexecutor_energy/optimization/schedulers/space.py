"""Choices as configurations: what methods that know nothing of links move in.

A row of configuration numbers, one per stage, stands for a plan. The links then say which
candidate of each stage it means, since candidates of one configuration differ in the fan-in that
they assume.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexecutor_energy.optimization.objective import bounded
from flexecutor_energy.optimization.problem import FloatArray, IntArray, Label, Problem
from flexecutor_energy.optimization.schedule import evaluate, evaluate_many, violations
from flexecutor_energy.optimization.schedulers.instance import Instance, Proposal
from flexecutor_energy.workflow.config import StageConfig

Rows = npt.NDArray[np.intp]
"""Array (plans, stages): numbers of configurations, as `Space.configs` counts them."""

_CELLS = 1 << 21  # seconds held at once for each stage: 16 MB


@dataclass(frozen=True, slots=True)
class Judged:
    """Many plans, judged.

    Attributes
    ----------
    choices : array (plans, stages) of candidate indices; -1 where links or the offer exclude it
    objective : array (plans,), in the mean; infinite where excluded
    excess : array (plans,), how far the worst bound is exceeded, relative to it; at most 0 where
        all are kept, -1 without bounds, infinite where excluded
    makespan_s : array (plans,), in the mean; infinite where excluded
    """

    choices: IntArray
    objective: FloatArray
    excess: FloatArray
    makespan_s: FloatArray

    @property
    def order(self) -> Rows:
        """Plans from best to worst: kept before broken, then less objective (or excess)."""
        kept = self.excess <= 0
        worth = np.where(kept, self.objective, self.excess)
        return np.lexsort([self.objective, worth, ~kept])


class Space:
    """The distinct configurations of each stage, and what plans made of them take.

    Attributes
    ----------
    instance : what is scheduled
    configs : for each stage its configurations, in order of cpu, memory and workers
    """

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.configs: list[list[StageConfig]] = [
            sorted(set(own), key=_by_size) for own in instance.configs
        ]
        self._links = [self._earlier(stage) for stage in instance.problem.stages]
        self._tables = [self._table(stage) for stage in instance.problem.stages]

    @property
    def problem(self) -> Problem:
        """What is scheduled."""
        return self.instance.problem

    def choices(self, rows: Rows) -> IntArray:
        """Return the candidates that plans mean: array (plans, stages), -1 rows where none."""
        chosen = np.full(rows.shape, -1, dtype=np.intp)
        for stage in self.problem.order:
            chosen[:, stage] = self.offered(stage, chosen)[np.arange(len(rows)), rows[:, stage]]
        chosen[np.any(chosen < 0, axis=1)] = -1
        return chosen

    def offered(self, stage: int, chosen: IntArray) -> IntArray:
        """Return the candidate for each configuration of a stage: array (plans, configs).

        Parameters
        ----------
        stage : the stage
        chosen : array (plans, stages), the candidates of the stages before it in order

        Returns
        -------
        array
            -1 where the configuration is not offered for the labels of those stages.
        """
        at = []
        for number, other in self._links[stage]:
            labels = self._labels(number, other)[chosen[:, other]]
            at.append(np.where(chosen[:, other] < 0, 0, labels)[:, None])
        configs = np.arange(len(self.configs[stage]))[None, :]
        found = self._tables[stage][(configs, *at)]
        return np.broadcast_to(found, (len(chosen), configs.size))

    def judge(self, rows: Rows, *, drawn: bool = False) -> Judged:
        """Return what plans take, and how far they are from keeping the bounds.

        Parameters
        ----------
        rows : the plans
        drawn : whether ``max_time`` must hold in the share of draws asked for, instead of in
            the mean
        """
        choices = self.choices(rows)
        found = np.flatnonzero(choices[:, 0] >= 0)
        totals = evaluate_many(self.problem, choices[found])
        objective, excess, makespan = (np.full(len(rows), np.inf) for _ in range(3))
        name = self.instance.objective
        objective[found] = totals.energy * totals.time if name == "edp" else totals.of(name)
        makespan[found] = totals.time
        excess[found] = -1.0
        for metric in bounded(self.problem):
            values = totals.of(metric)
            if metric == "time" and drawn:
                values = self._at_confidence(choices[found])
            over = values / self.problem.limit(metric) - 1
            excess[found] = np.maximum(excess[found], over)
        return Judged(choices, objective, excess, makespan)

    def best(self, rows: Rows, *, drawn: bool = False, tried: int | None = None) -> Proposal:
        """Return the best of some plans; where none keeps the bounds, the nearest.

        Parameters
        ----------
        rows, drawn : as for `judge`
        tried : how many plans were looked at, where it is more than these
        """
        tried = len(rows) if tried is None else tried
        if not len(rows):
            return Proposal(None, False, tried)
        judged = self.judge(rows, drawn=drawn)
        first = judged.order[0]
        if not np.isfinite(judged.excess[first]):
            return Proposal(None, False, tried)
        choice = tuple(int(candidate) for candidate in judged.choices[first])
        kept = bool(judged.excess[first] <= 0)
        if self.problem.capacity is not None:  # `judge` knows cores by area only
            kept = kept and not violations(self.problem, evaluate(self.problem, choice))
        return Proposal(choice, kept, tried)

    def _at_confidence(self, choices: IntArray) -> FloatArray:
        """Return the makespan that the share of draws asked for stays below: (plans,)."""
        seconds = self.instance.seconds()
        draws = len(seconds[0])
        rank = int(np.ceil(self.instance.confidence * draws - 1e-9)) - 1
        quantiles = np.empty(len(choices))
        step = max(1, _CELLS // draws)
        for begin in range(0, len(choices), step):
            part = choices[begin : begin + step]
            taken = [own[:, part[:, stage]] for stage, own in enumerate(seconds)]
            spans = makespans(self.problem, taken)
            quantiles[begin : begin + step] = np.partition(spans, rank, axis=0)[rank]
        return quantiles

    def _earlier(self, stage: int) -> list[tuple[int, int]]:
        """Return the links of a stage to stages before it in order: (link, other stage)."""
        before = set(self.problem.order[: self.problem.order.index(stage)])
        ends = ((n, {link.parent, link.child}) for n, link in enumerate(self.problem.couplings))
        return [(n, (both - {stage}).pop()) for n, both in ends if stage in both and both & before]

    def _known(self, number: int) -> dict[Label, int]:
        link = self.problem.couplings[number]
        labels = (*link.parent_labels, *link.child_labels)
        return {label: place for place, label in enumerate(dict.fromkeys(labels))}

    def _labels(self, number: int, stage: int) -> IntArray:
        """Return the number of the label that each candidate of a stage carries in a link."""
        link, known = self.problem.couplings[number], self._known(number)
        own = link.parent_labels if stage == link.parent else link.child_labels
        return np.array([known[label] for label in own])

    def _table(self, stage: int) -> IntArray:
        """Return the candidate for a configuration and the labels of links to earlier stages."""
        links = self._links[stage]
        shape = [len(self.configs[stage]), *(len(self._known(number)) for number, _ in links)]
        table = np.full(shape, -1, dtype=np.intp)
        place = {config: at for at, config in enumerate(self.configs[stage])}
        labels = [self._labels(number, stage) for number, _ in links]
        for candidate, config in enumerate(self.instance.configs[stage]):
            cell = (place[config], *(int(own[candidate]) for own in labels))
            if table[cell] < 0:
                table[cell] = candidate
        return table


def makespans(problem: Problem, seconds: Sequence[FloatArray]) -> FloatArray:
    """Return when the last stage ends, for stage durations of any one shape."""
    ends: dict[int, FloatArray] = {}
    for stage in problem.order:
        starts = [ends[parent] for parent in problem.parents[stage]]
        begin = np.maximum.reduce(starts) if starts else np.zeros(())
        ends[stage] = begin + seconds[stage]
    longest: FloatArray = np.maximum.reduce(list(ends.values()))
    return longest


def _by_size(config: StageConfig) -> tuple[float, int, int]:
    return config.cpu, config.memory, config.workers
