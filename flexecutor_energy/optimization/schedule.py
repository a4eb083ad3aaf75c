"""What a choice of candidates means: start times, makespan, energy, cost, slack."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.optimization.capacity import fits, list_starts, tails
from flexecutor_energy.optimization.problem import (
    METRICS,
    TOLERANCE,
    Choice,
    FloatArray,
    IntArray,
    Metric,
    Problem,
)
from flexecutor_energy.optimization.windows import heads


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The exact consequences of a choice.

    Attributes
    ----------
    choice : the candidate index of each stage
    makespan_s, energy_j, cost_usd : totals; energy and cost None where they are not known
    starts_s, durations_s : seconds, one per stage
    slack_s : how much longer each stage could take, by precedence, without a longer makespan
    critical_path : stages that determine the makespan, first to last
    """

    choice: Choice
    makespan_s: float
    energy_j: float | None
    cost_usd: float | None
    starts_s: tuple[float, ...]
    durations_s: tuple[float, ...]
    slack_s: tuple[float, ...]
    critical_path: tuple[int, ...]

    def value(self, metric: Metric) -> float:
        """Return a total.

        Raises
        ------
        ConfigurationError
            The problem does not hold this metric.
        """
        totals = {"time": self.makespan_s, "energy": self.energy_j, "cost": self.cost_usd}
        total = totals[metric]
        if total is None:
            raise ConfigurationError(f"the problem holds no {metric} of its candidates")
        return total


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals of many choices at once: arrays (choices,), zero where a metric is not known."""

    time: FloatArray
    energy: FloatArray
    cost: FloatArray

    def of(self, metric: Metric) -> FloatArray:
        """Return the array of a metric."""
        return {"time": self.time, "energy": self.energy, "cost": self.cost}[metric]


def evaluate(
    problem: Problem, choice: Sequence[int], starts_s: Sequence[float] | None = None
) -> Evaluation:
    """Evaluate one choice exactly.

    Stages start as early as precedence allows. Under a capacity that this would exceed they
    start by list scheduling, so that the makespan is one that can be kept, not the least one.

    Parameters
    ----------
    problem : the problem
    choice : a candidate index for each stage
    starts_s : start times to use instead

    Raises
    ------
    ConfigurationError
        The choice has the wrong length or names a candidate that does not exist.
    """
    picked = _checked(problem, choice)
    durations = [float(problem.times[i][c]) for i, c in enumerate(picked)]
    starts = list(starts_s) if starts_s is not None else _starts(problem, picked, durations)
    makespan = max(start + took for start, took in zip(starts, durations, strict=True))
    tail = tails(problem, durations)
    slack = tuple(max(0.0, makespan - starts[i] - tail[i]) for i in problem.stages)
    return Evaluation(
        choice=picked,
        makespan_s=makespan,
        energy_j=_total(problem, "energy", picked, makespan),
        cost_usd=_total(problem, "cost", picked, makespan),
        starts_s=tuple(starts),
        durations_s=tuple(durations),
        slack_s=slack,
        critical_path=_critical_path(problem, starts, durations),
    )


def evaluate_many(problem: Problem, choices: IntArray) -> Totals:
    """Evaluate many choices by precedence alone.

    Under a capacity the makespan is at least the occupied core-seconds over the cores: a lower
    bound on what any schedule reaches.

    Parameters
    ----------
    problem : the problem
    choices : array (choices, stages) of candidate indices
    """
    taken = [problem.times[i][choices[:, i]] for i in problem.stages]
    count = len(choices)
    finishes: dict[int, FloatArray] = {}
    makespan = np.zeros(count)
    for stage in problem.order:
        start = np.zeros(count)
        for parent in problem.parents[stage]:
            np.maximum(start, finishes[parent], out=start)
        finishes[stage] = start + taken[stage]
        np.maximum(makespan, finishes[stage], out=makespan)
    if problem.capacity is not None and problem.cores is not None:
        area = sum(
            (problem.cores[i][choices[:, i]] * taken[i] for i in problem.stages), np.zeros(count)
        )
        np.maximum(makespan, area / problem.capacity, out=makespan)
    totals = {"time": makespan, "energy": np.zeros(count), "cost": np.zeros(count)}
    for metric in ("energy", "cost"):
        values = problem.values(metric)
        if values is not None:
            summed = np.zeros(count)
            for stage in problem.stages:
                summed += values[stage][choices[:, stage]]
            totals[metric] = summed + problem.per_second(metric) * makespan
    return Totals(**totals)


def violations(problem: Problem, evaluation: Evaluation) -> list[str]:
    """Say what a choice breaks, one line for each broken link, bound or core limit."""
    broken = []
    for number, link in enumerate(problem.couplings):
        above = link.parent_labels[evaluation.choice[link.parent]]
        below = link.child_labels[evaluation.choice[link.child]]
        if above != below:
            broken.append(
                f"link {number}: stage {link.parent} has label {above!r}, "
                f"but stage {link.child} assumes {below!r}"
            )
    for metric in METRICS:
        bound = problem.bound(metric)
        if bound is not None and evaluation.value(metric) > problem.limit(metric):
            broken.append(f"max_{metric}={bound:g} is exceeded by {evaluation.value(metric):g}")
    if problem.capacity is not None and problem.cores is not None:
        used = [float(problem.cores[i][c]) for i, c in enumerate(evaluation.choice)]
        if not fits(evaluation.starts_s, evaluation.durations_s, used, problem.capacity):
            broken.append(f"the stages need more than {problem.capacity:g} cores at once")
    return broken


def _checked(problem: Problem, choice: Sequence[int]) -> Choice:
    picked = tuple(int(c) for c in choice)
    if len(picked) != len(problem.times):
        raise ConfigurationError(
            f"the choice names {len(picked)} candidates for {len(problem.times)} stages"
        )
    for stage, (candidate, size) in enumerate(zip(picked, problem.sizes, strict=True)):
        if not 0 <= candidate < size:
            raise ConfigurationError(
                f"stage {stage} has candidates 0…{size - 1}, and {candidate} was chosen"
            )
    return picked


def _starts(problem: Problem, choice: Choice, durations: list[float]) -> list[float]:
    starts = heads(problem, durations)
    if problem.capacity is None or problem.cores is None:
        return starts
    used = [float(problem.cores[i][c]) for i, c in enumerate(choice)]
    if fits(starts, durations, used, problem.capacity):
        return starts
    if max(used) > problem.capacity * (1 + TOLERANCE):
        return starts  # no schedule exists; `violations` says so
    return list_starts(problem, durations, used, problem.capacity)


def _total(problem: Problem, metric: Metric, choice: Choice, makespan: float) -> float | None:
    values = problem.values(metric)
    if values is None:
        return None
    summed = 0.0  # in the order of `evaluate_many`, so that both give the same number
    for stage, candidate in enumerate(choice):
        summed += float(values[stage][candidate])
    return summed + problem.per_second(metric) * makespan


def _critical_path(
    problem: Problem, starts: list[float], durations: list[float]
) -> tuple[int, ...]:
    ends = [start + took for start, took in zip(starts, durations, strict=True)]
    stage = max(problem.stages, key=lambda i: (ends[i], -i))
    path = [stage]
    while starts[stage] > 0:
        # without a parent that ends right then, the stage waited for cores
        begin = starts[stage] * (1 - TOLERANCE)
        on_time = [i for i in problem.parents[stage] if ends[i] >= begin]
        before = on_time or [
            i for i in problem.stages if begin <= ends[i] <= starts[stage] and i not in path
        ]
        if not before:
            break
        stage = max(before, key=lambda i: (ends[i], -i))
        path.append(stage)
    return tuple(reversed(path))
