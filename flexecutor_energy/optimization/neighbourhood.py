"""Improve a plan by choosing anew for a few neighbouring stages at a time, all others fixed.

Each window of stages is a small problem of its own: what lies around it becomes stages with one
candidate that say how early a stage can start and how long the rest takes. Branch-and-bound
solves it exactly (large neighbourhood search; Shaw 1998).
"""

from collections.abc import Container, Iterator, Sequence
from itertools import chain

import numpy as np

from flexecutor_energy.optimization.capacity import tails
from flexecutor_energy.optimization.deadline import Deadline
from flexecutor_energy.optimization.model import LinearProgram
from flexecutor_energy.optimization.objective import Weights
from flexecutor_energy.optimization.problem import (
    FloatArray,
    IntArray,
    Link,
    Metric,
    Problem,
)
from flexecutor_energy.optimization.schedule import Evaluation, evaluate, violations
from flexecutor_energy.optimization.windows import admissible

SMALLEST, LARGEST = 16, 80
"""Stages of a window; its size follows the time that windows take."""

QUICK_S, SLOW_S = 0.15, 0.6
"""Windows that take less are enlarged, windows that take more are reduced."""

CORE = 4
"""One window in so many holds the stages that lose most, and those closest to indifferent."""

NARROW = 12
"""Candidates of each of those stages, the ones of least excess."""

PRECISION = 1e-7
"""What a window is solved to where no gap was asked for."""


def improvements(
    problem: Problem,
    kept: Sequence[IntArray],
    weights: Weights,
    plan: Evaluation,
    deadline: Deadline,
    excess: Sequence[FloatArray],
    precision: float = PRECISION,
) -> Iterator[Evaluation]:
    """Yield the best plan after each window, until nothing near any stage gets better.

    Parameters
    ----------
    problem : the problem, without a capacity
    kept : the candidates to choose from
    weights : the objective
    plan : a plan that keeps all bounds and links
    deadline : when to stop
    excess : what each of these candidates adds at least to the bound: stages that may change at
        little loss are tried together, wherever they are
    precision : what a window is solved to, relative to the whole objective
    """
    generator = np.random.default_rng(0)
    near = _neighbours(problem)
    visits = np.zeros(len(near), dtype=np.intp)
    indifferent = np.argsort([np.sort(own)[1] if len(own) > 1 else np.inf for own in excess])
    few = [
        own[np.sort(np.argsort(extra)[:NARROW])] for own, extra in zip(kept, excess, strict=True)
    ]
    size, fruitless, number = SMALLEST, 0, 0
    while not deadline.passed() and fruitless * size < 4 * len(near):
        if number % CORE == 0:
            lossy = np.argsort([-loss for loss in _losses(kept, plan, excess)])[: size // 2]
            among = indifferent[: size * (1 + number // CORE % 4)]
            among = among[np.isin(among, lossy, invert=True)]
            rest = generator.choice(among, min(size - len(lossy), len(among)), replace=False)
            window = [int(stage) for stage in (*lossy, *rest)]
            options = [np.union1d(own, plan.choice[i]) for i, own in enumerate(few)]
        else:
            window = _window(near, visits, min(size, len(near)), generator)
            visits[list(window)] += 1
            options = list(kept)
        number += 1
        left = deadline.left()
        seconds = min(left, 2 * SLOW_S)
        better = _solved(problem, options, weights, plan, window, seconds, precision)
        took = left - deadline.left()
        size = max(SMALLEST, size * 4 // 5) if took > SLOW_S else size
        size = min(LARGEST, size * 5 // 4) if took < QUICK_S else size
        fruitless = 0 if better is not None else fruitless + 1
        plan = better or plan
        yield plan
        if len(window) == len(near):
            return


def _losses(
    kept: Sequence[IntArray], plan: Evaluation, excess: Sequence[FloatArray]
) -> list[float]:
    """Return what each stage of a plan adds to the bound; infinity where that is not known."""
    found = []
    for own, extra, candidate in zip(kept, excess, plan.choice, strict=True):
        at = int(np.searchsorted(own, candidate))
        known = at < len(own) and own[at] == candidate
        found.append(float(extra[at]) if known else np.inf)
    return found


def _solved(
    problem: Problem,
    kept: Sequence[IntArray],
    weights: Weights,
    plan: Evaluation,
    window: Sequence[int],
    seconds: float,
    precision: float,
) -> Evaluation | None:
    """Return the plan with the best choice within the window; None where that is no better."""
    part, options = _excerpt(problem, kept, plan, window)
    value = weights.value(plan)
    answer = LinearProgram(part, options).minimise(
        weights, gap=precision, time_limit_s=seconds, typical=value, known=value
    )
    if answer is None or answer.choice is None:
        return None
    choice = list(plan.choice)
    for stage, candidate in zip(window, answer.choice, strict=False):
        choice[stage] = candidate
    trial = evaluate(problem, choice)
    better = weights.value(trial) < value * (1 - PRECISION) and not violations(problem, trial)
    return trial if better else None


def _excerpt(
    problem: Problem, kept: Sequence[IntArray], plan: Evaluation, window: Sequence[int]
) -> tuple[Problem, list[IntArray]]:
    """Return the problem of a window, its stages first, and the candidates to choose from."""
    durations = plan.durations_s
    inside = [*window, *_between(problem, set(window))]
    place = {stage: number for number, stage in enumerate(inside)}
    edges = [(place[i], place[j]) for j in inside for i in problem.parents[j] if i in place]
    begins = [
        max(
            (plan.starts_s[i] + durations[i] for i in problem.parents[j] if i not in place),
            default=0.0,
        )
        for j in inside
    ]
    tail = tails(problem, durations)
    ends = [
        max((tail[j] for j in problem.children[i] if j not in place), default=0.0) for i in inside
    ]
    fixed = [
        *(durations[i] for i in inside[len(window) :]),
        *(begin for begin in begins if begin),
        *(end for end in ends if end),
        _span_without(problem, durations, place.keys()),
    ]
    number = len(inside)
    for stage, begin in enumerate(begins):
        if begin:
            edges.append((number, stage))
            number += 1
    for stage, end in enumerate(ends):
        if end:
            edges.append((stage, number))
            number += 1

    def column(metric: Metric) -> list[FloatArray] | None:
        values = problem.values(metric)
        if values is None:
            return None
        rest = sum(float(own[c]) for own, c in zip(values, plan.choice, strict=True))
        rest -= sum(float(values[i][plan.choice[i]]) for i in window)
        zeros = [np.zeros(1)] * (len(fixed) - 1)
        return [*(values[i] for i in window), *zeros, np.array([max(rest, 0.0)])]

    options, links = _linked(problem, kept, plan, window)
    part = Problem(
        times=[*(problem.times[i] for i in window), *(np.array([t]) for t in fixed)],
        energies=column("energy"),
        costs=column("cost"),
        edges=edges,
        idle_power_w=problem.idle_power_w,
        max_time=problem.max_time,
        max_energy=problem.max_energy,
        max_cost=problem.max_cost,
        host_price_usd_s=problem.host_price_usd_s,
        links=links,
    )
    fits = admissible(part)
    options = [
        own[fit[own]] if fit[own].any() else own for own, fit in zip(options, fits, strict=False)
    ]
    return part, [*options, *([np.zeros(1, dtype=np.intp)] * len(fixed))]


def _linked(
    problem: Problem, kept: Sequence[IntArray], plan: Evaluation, window: Sequence[int]
) -> tuple[list[IntArray], list[Link]]:
    """Return the candidates that agree with the stages around, and the links within the window."""
    place = {stage: number for number, stage in enumerate(window)}
    options, links = [kept[stage] for stage in window], []
    for link in problem.couplings:
        if link.parent in place and link.child in place:
            links.append(link._replace(parent=place[link.parent], child=place[link.child]))
            continue
        for stage, own, other, labels in (
            (link.parent, link.parent_labels, link.child, link.child_labels),
            (link.child, link.child_labels, link.parent, link.parent_labels),
        ):
            if stage in place:
                label = labels[plan.choice[other]]
                before = options[place[stage]]
                agreeing = [c for c in before.tolist() if own[c] == label]
                options[place[stage]] = np.array(agreeing, dtype=np.intp)
    return options, links


def _between(problem: Problem, window: set[int]) -> list[int]:
    """Return the stages that follow one stage of the window and precede another."""
    below, above = set(window), set(window)
    for stage in problem.order:
        if not below.isdisjoint(problem.parents[stage]):
            below.add(stage)
    for stage in reversed(problem.order):
        if not above.isdisjoint(problem.children[stage]):
            above.add(stage)
    return sorted((below & above) - window)


def _span_without(problem: Problem, durations: Sequence[float], inside: Container[int]) -> float:
    """Return the longest path through none of the stages inside."""
    longest = [0.0] * len(durations)
    for stage in problem.order:
        if stage not in inside:
            begin = max((longest[i] for i in problem.parents[stage]), default=0.0)
            longest[stage] = begin + durations[stage]
    return max(longest)


def _neighbours(problem: Problem) -> list[list[int]]:
    near = [set(chain(problem.parents[i], problem.children[i])) for i in problem.stages]
    for link in problem.couplings:
        near[link.parent].add(link.child)
        near[link.child].add(link.parent)
    return [sorted(stages) for stages in near]


def _window(
    near: Sequence[Sequence[int]], visits: IntArray, size: int, generator: np.random.Generator
) -> list[int]:
    """Return a stage seen least often, and those around it."""
    ties = np.flatnonzero(visits == visits.min())
    window = [int(generator.choice(ties))]
    for stage in window:  # grows while it is walked
        new = [i for i in near[stage] if i not in window]
        generator.shuffle(new)
        window += new[: size - len(window)]
    rest = np.flatnonzero(np.isin(np.arange(len(near)), window, invert=True))
    lacking = size - len(window)  # the stages of this component are all there
    more = generator.choice(rest, min(lacking, len(rest)), replace=False)
    return [*window, *(int(stage) for stage in more)]
