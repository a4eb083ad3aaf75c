"""Start times when the stages share a limited number of cores.

The resource-constrained schedule is NP-hard, so plans use list scheduling (Graham 1966): at
each event, ready stages start in order of their longest path to the end, if their cores are
free. `shortest_starts` is exact and meant for small workflows.
"""

import heapq
from collections.abc import Iterator, Sequence

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.optimization.problem import TOLERANCE, Problem

EXACT_STAGES = 7
"""`shortest_starts` tries every order of the stages; beyond this many that takes too long."""


def fits(
    starts: Sequence[float], durations: Sequence[float], cores: Sequence[float], capacity: float
) -> bool:
    """Tell whether the stages never occupy more cores together than there are.

    Parameters
    ----------
    starts, durations : seconds, one per stage
    cores : what each stage occupies while it runs
    capacity : cores there are
    """
    if any(used > capacity * (1 + TOLERANCE) for used in cores):
        return False
    events = []
    for start, duration, used in zip(starts, durations, cores, strict=True):
        if duration > 0:
            events += [(start, used), (start + duration, -used)]
    occupied = 0.0
    for _, change in sorted(events):  # at equal times cores are freed first
        occupied += change
        if occupied > capacity * (1 + TOLERANCE):
            return False
    return True


def list_starts(
    problem: Problem, durations: Sequence[float], cores: Sequence[float], capacity: float
) -> list[float]:
    """Return feasible start times by list scheduling, the longest tail first.

    Raises
    ------
    ConfigurationError
        A stage alone occupies more cores than there are.
    """
    _check_each(cores, capacity)
    tail = tails(problem, durations)
    waiting = [len(above) for above in problem.parents]
    ready = sorted((-tail[i], i) for i in problem.stages if waiting[i] == 0)
    running: list[tuple[float, int]] = []
    starts = [0.0] * len(durations)
    free, now = capacity * (1 + TOLERANCE), 0.0
    while ready or running:
        held = []
        for entry in ready:
            stage = entry[1]
            if cores[stage] <= free:
                free -= cores[stage]
                starts[stage] = now
                heapq.heappush(running, (now + durations[stage], stage))
            else:
                held.append(entry)
        ready = held
        now = running[0][0]
        while running and running[0][0] <= now:
            _, done = heapq.heappop(running)
            free += cores[done]
            for child in problem.children[done]:
                waiting[child] -= 1
                if waiting[child] == 0:
                    ready.append((-tail[child], child))
        ready.sort()
    return starts


def shortest_starts(
    problem: Problem, durations: Sequence[float], cores: Sequence[float], capacity: float
) -> list[float]:
    """Return start times of the least makespan, by trying every order of the stages.

    Serial generation over all orders reaches every active schedule, and one of those is optimal
    (Sprecher, Kolisch and Drexl 1995).

    Raises
    ------
    ConfigurationError
        There are more than `EXACT_STAGES` stages, or one does not fit alone.
    """
    _check_each(cores, capacity)
    if len(durations) > EXACT_STAGES:
        raise ConfigurationError(
            f"exact schedules under a capacity are limited to {EXACT_STAGES} stages, "
            f"not {len(durations)}; leave capacity out or use solve()"
        )

    def place(starts: dict[int, float], stage: int) -> float:
        release = max((starts[p] + durations[p] for p in problem.parents[stage]), default=0.0)
        ends = (starts[i] + durations[i] for i in starts)
        for moment in sorted({release, *(end for end in ends if end > release)}):
            trial = {**starts, stage: moment}
            placed = list(trial)
            if fits(
                list(trial.values()),
                [durations[i] for i in placed],
                [cores[i] for i in placed],
                capacity,
            ):
                return moment
        raise AssertionError("a stage that fits alone fits after the last one")

    def complete(starts: dict[int, float]) -> Iterator[dict[int, float]]:
        if len(starts) == len(durations):
            yield starts
        for stage in problem.stages:
            if stage not in starts and all(p in starts for p in problem.parents[stage]):
                yield from complete({**starts, stage: place(starts, stage)})

    best = min(complete({}), key=lambda starts: max(starts[i] + durations[i] for i in starts))
    return [best[i] for i in problem.stages]


def tails(problem: Problem, durations: Sequence[float]) -> list[float]:
    """Return each stage's longest path to the end of the workflow, itself included, seconds."""
    tail = [0.0] * len(durations)
    for stage in reversed(problem.order):
        below = max((tail[child] for child in problem.children[stage]), default=0.0)
        tail[stage] = durations[stage] + below
    return tail


def _check_each(cores: Sequence[float], capacity: float) -> None:
    for stage, used in enumerate(cores):
        if used > capacity * (1 + TOLERANCE):
            raise ConfigurationError(
                f"the candidate of stage {stage} needs {used:g} cores, "
                f"more than the capacity of {capacity:g}"
            )
