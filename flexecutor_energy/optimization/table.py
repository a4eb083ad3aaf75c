"""The candidate table of a plan: what each stage could run as, with predicted time and energy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.optimization.fingerprint import fingerprint
from flexecutor_energy.optimization.problem import (
    METRICS,
    Choice,
    FloatArray,
    Link,
    Metric,
    Problem,
)
from flexecutor_energy.optimization.schedule import evaluate
from flexecutor_energy.quantities import Interval
from flexecutor_energy.workflow.config import ConfigKey, StageConfig


@dataclass(frozen=True, slots=True)
class Candidate:
    """One configuration of a stage and what a run of the stage in it takes.

    Attributes
    ----------
    cpu : cores of each worker
    memory : MB of each worker; 0 for no limit
    workers : how many workers share the stage
    time : seconds
    energy : joules above idle; None where no energy was measured
    cost : USD; None where no price is known
    fan_in : workers of each parent that these values assume, by stage id; None where the parents
        make no difference
    extrapolated : whether this configuration was never run
    dynamic_j : joules of ``energy`` that its CPU time takes; the rest is its share of idle power;
        None where that is not known
    memory_gb_s : GB of memory that it reserves, times seconds; 0 without a limit
    """

    cpu: float
    memory: int
    workers: int
    time: Interval
    energy: Interval | None = None
    cost: Interval | None = None
    fan_in: Mapping[str, int] | None = None
    extrapolated: bool = False
    dynamic_j: float | None = None
    memory_gb_s: float = 0.0

    def __post_init__(self) -> None:
        checked = StageConfig(cpu=self.cpu, workers=self.workers, memory=self.memory)
        object.__setattr__(self, "cpu", checked.cpu)
        object.__setattr__(self, "memory", checked.memory)
        object.__setattr__(self, "workers", checked.workers)
        if self.fan_in is not None:
            fan_in = {str(stage): int(workers) for stage, workers in self.fan_in.items()}
            object.__setattr__(self, "fan_in", fan_in)

    @property
    def config(self) -> StageConfig:
        """The configuration, without what it costs."""
        return StageConfig(cpu=self.cpu, workers=self.workers, memory=self.memory)

    @property
    def key(self) -> ConfigKey:
        """The configuration as profiles name it: ``(cpu, memory, workers)``."""
        return self.config.key


@dataclass(frozen=True, slots=True)
class StageOptions:
    """The candidates of one stage."""

    stage_id: str
    candidates: tuple[Candidate, ...]


Table = tuple[StageOptions, ...]


def table_hash(table: Table) -> str:
    """Return the SHA-256 of a table, the same in every process."""
    return fingerprint([_plain(options) for options in table])


def means(table: Table, metric: str) -> list[FloatArray] | None:
    """Return the mean ``time``, ``energy`` or ``cost`` of all candidates.

    None if it is unknown for any candidate.
    """
    arrays = []
    for options in table:
        intervals = [getattr(candidate, metric) for candidate in options.candidates]
        if any(interval is None for interval in intervals):
            return None
        arrays.append(np.array([interval.mean for interval in intervals]))
    return arrays


def cores(table: Table, capacity: float) -> list[FloatArray]:
    """Return the cores each candidate occupies: all of its workers', at most what there is."""
    return [
        np.array([min(c.cpu * c.workers, capacity) for c in options.candidates])
        for options in table
    ]


def links(table: Table) -> list[Link]:
    """Return the links that the candidates' fan-in demands.

    Raises
    ------
    ConfigurationError
        A fan-in names a stage that is not in the table, or only some candidates of a stage
        assume one.
    """
    ids = [options.stage_id for options in table]
    found = []
    for child, options in enumerate(table):
        parents = {parent for c in options.candidates for parent in c.fan_in or ()}
        for parent in sorted(parents):
            assumed = [(c.fan_in or {}).get(parent) for c in options.candidates]
            labels = tuple(label for label in assumed if label is not None)
            if parent not in ids or parent == options.stage_id:
                raise ConfigurationError(
                    f"candidates of stage {options.stage_id!r} assume workers of {parent!r}, "
                    f"which is none of the other stages: {', '.join(ids)}"
                )
            if len(labels) < len(assumed):
                raise ConfigurationError(
                    f"only some candidates of stage {options.stage_id!r} say how many workers of "
                    f"{parent!r} they assume; all must, or none"
                )
            above = ids.index(parent)
            offered = tuple(c.workers for c in table[above].candidates)
            found.append(Link(above, child, offered, labels))
    return found


def positions(stage_ids: Sequence[str], edges: Sequence[tuple[str, str]]) -> list[tuple[int, int]]:
    """Return edges between stage ids as edges between positions.

    Raises
    ------
    ConfigurationError
        An edge names a stage that is not there.
    """
    index = {stage_id: position for position, stage_id in enumerate(stage_ids)}
    for edge in edges:
        for end in edge:
            if end not in index:
                raise ConfigurationError(
                    f"edge {edge[0]} >> {edge[1]} names {end!r}, "
                    f"which is none of the stages: {', '.join(stage_ids)}"
                )
    return [(index[above], index[below]) for above, below in edges]


def spread(problem: Problem, table: Table, choice: Choice) -> dict[Metric, Interval]:
    """Return the totals of a choice with all of its stages at the low, or at the high, end.

    That is as if the stages of one run were slow or fast together. Metrics that are not known
    are left out.
    """
    chosen = [options.candidates[c] for options, c in zip(table, choice, strict=True)]
    middle = evaluate(problem, choice)
    low, high = (evaluate(_at_end(problem, chosen, end), [0] * len(chosen)) for end in _ENDS)
    known = [metric for metric in METRICS if problem.values(metric) is not None]
    return {
        metric: Interval(
            middle.value(metric),
            min(low.value(metric), middle.value(metric)),
            max(high.value(metric), middle.value(metric)),
            chosen[0].time.level,
        )
        for metric in known
    }


_ENDS = ("low", "high")


def _at_end(problem: Problem, chosen: Sequence[Candidate], end: str) -> Problem:
    """Return the problem of the chosen candidates alone, at one end of their intervals."""

    def column(metric: str) -> list[FloatArray]:
        return [np.array([max(0.0, getattr(getattr(c, metric), end))]) for c in chosen]

    return Problem(
        times=column("time"),
        energies=None if problem.energies is None else column("energy"),
        costs=None if problem.costs is None else column("cost"),
        edges=problem.edges,
        idle_power_w=problem.idle_power_w,
        host_price_usd_s=problem.host_price_usd_s,
    )


def _plain(options: StageOptions) -> list[object]:
    """Return what a hash covers, numbers as floats whatever they were given as."""

    def ends(interval: Interval | None) -> list[float] | None:
        return None if interval is None else [float(x) for x in interval.to_dict().values()]

    def parts(candidate: Candidate) -> list[float]:
        """Return what plans of format 1 did not hold; nothing where it is not known."""
        if candidate.dynamic_j is None:
            return []
        return [float(candidate.dynamic_j), float(candidate.memory_gb_s)]

    rows = [
        [*c.key, ends(c.time), ends(c.energy), ends(c.cost), c.fan_in, c.extrapolated, *parts(c)]
        for c in options.candidates
    ]
    return [options.stage_id, rows]
