"""What every scheduler is given, and what it hands back.

All schedulers, ours included, choose from the same candidate table with the same predictions, so
that a difference between their plans is a difference between methods and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.optimization.objective import Objective, tie_breaks
from flexecutor_energy.optimization.problem import Choice, FloatArray, Problem
from flexecutor_energy.optimization.schedule import evaluate, violations
from flexecutor_energy.optimization.table import Table
from flexecutor_energy.workflow.config import StageConfig


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """A workflow to be scheduled.

    Attributes
    ----------
    problem : candidates with their predicted means, precedence, links and bounds
    objective : what is minimised in the mean: ``energy``, ``time``, ``cost`` or ``edp``
    configs : for each stage the configuration of each candidate; candidates with equal ones
        differ in the fan-in that they assume
    draws : for each stage an array (draws, candidates) of seconds, row d of all stages being one
        imagined run; None: the means are all that is known
    confidence : share of draws in which methods that look at draws keep ``max_time``; bounds on
        energy and cost are on means
    default : what would run without a scheduler; None where nothing is set

    Raises
    ------
    ConfigurationError
        Shapes disagree, confidence is not in 0…1, or a metric that is needed is not known.
    MissingEnergyError
        The objective or a bound needs energy that was not measured.
    """

    problem: Problem
    objective: Objective
    configs: Sequence[Sequence[StageConfig]]
    draws: Sequence[FloatArray] | None = None
    confidence: float = 0.95
    default: Choice | None = None

    def __post_init__(self) -> None:
        tie_breaks(self.problem, self.objective)
        sizes = self.problem.sizes
        if tuple(map(len, self.configs)) != sizes:
            raise ConfigurationError(
                f"configs have {[len(own) for own in self.configs]} entries per stage, "
                f"but the problem has {list(sizes)} candidates; give one for each"
            )
        if not 0 < self.confidence < 1:
            raise ConfigurationError(
                f"confidence={self.confidence!r} must lie between 0 and 1, such as 0.95"
            )
        if self.draws is not None:
            object.__setattr__(self, "draws", _checked(self.draws, sizes))

    @classmethod
    def of_table(
        cls,
        table: Table,
        problem: Problem,
        objective: Objective,
        *,
        draws: Sequence[FloatArray] | None = None,
        confidence: float = 0.95,
    ) -> "Instance":
        """Return the instance of a candidate table and the problem that was made of it."""
        configs = [[candidate.config for candidate in options.candidates] for options in table]
        return cls(problem, objective, configs, draws, confidence)

    def seconds(self) -> Sequence[FloatArray]:
        """Return the draws, or the means as the only draw: (draws, candidates) per stage."""
        if self.draws is not None:
            return self.draws
        return [times[None, :] for times in self.problem.times]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A scheduler's answer.

    Attributes
    ----------
    choice : the candidate index of each stage; None where the method cannot even form a plan
        (nothing of the wanted shape is offered, or the links exclude it)
    kept : whether the plan keeps every bound, as the method understands bounds: in the mean, or
        in the share of draws asked for; where not, the plan is the nearest one it saw
    tried : plans that were looked at
    """

    choice: Choice | None
    kept: bool
    tried: int


class Scheduler(Protocol):
    """A way of choosing one candidate per stage; deterministic for equal instances."""

    @property
    def name(self) -> str:
        """How tables call it."""
        ...

    def choose(self, instance: Instance) -> Proposal:
        """Return a plan, or the nearest one where none that was found keeps the bounds."""
        ...


def breaks(instance: Instance, proposal: Proposal) -> list[str]:
    """Return what a proposal breaks in the mean, in words: the same judge for every method.

    Empty for a plan that keeps all bounds, links and cores.
    """
    if proposal.choice is None:
        return ["no plan was formed"]
    return violations(instance.problem, evaluate(instance.problem, proposal.choice))


def _checked(draws: Sequence[FloatArray], sizes: tuple[int, ...]) -> tuple[FloatArray, ...]:
    arrays = tuple(np.asarray(own, dtype=np.float64) for own in draws)
    counts = {len(own) for own in arrays}
    if len(arrays) != len(sizes) or len(counts) != 1 or 0 in counts:
        raise ConfigurationError(
            f"draws must be one array (draws, candidates) for each of {len(sizes)} stages, all "
            f"with equally many draws; their lengths are {[len(own) for own in arrays]}"
        )
    for stage, (own, size) in enumerate(zip(arrays, sizes, strict=True)):
        if own.ndim != 2 or own.shape[1] != size or not np.all(np.isfinite(own) & (own >= 0)):
            raise ConfigurationError(
                f"draws of stage {stage} must be finite non-negative seconds for each of its "
                f"{size} candidates; their shape is {own.shape}"
            )
    return arrays
