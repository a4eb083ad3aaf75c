"""What a sweep may spend, and whether it is spent."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields

from flexecutor_energy.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Budget:
    """What a sweep may spend; None means without limit.

    A run that has begun is finished, so a sweep spends at most one run more than this.

    Attributes
    ----------
    runs : runs of the workflow
    seconds : wall seconds
    joules : joules of the workers, their start included
    usd : USD at the price list of the sweep, for the workers of stages that finished

    Raises
    ------
    ConfigurationError
        A limit is not above 0.
    """

    runs: int | None = None
    seconds: float | None = None
    joules: float | None = None
    usd: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not value > 0:
                raise ConfigurationError(f"the budget's {field.name} must be above 0, got {value}")

    @classmethod
    def of(cls, budget: "Budget | Mapping[str, float] | int | None") -> "Budget":
        """Return a budget: a number means runs, a mapping names its parts."""
        if budget is None:
            return cls()
        if isinstance(budget, Budget):
            return budget
        if isinstance(budget, int):
            return cls(runs=budget)
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(budget) - set(known))
        if unknown:
            raise ConfigurationError(
                f"a budget is counted in {', '.join(known)}, not in {', '.join(unknown)}"
            )
        runs = budget.get("runs")
        if runs is not None and (not math.isfinite(runs) or runs != int(runs)):
            raise ConfigurationError(f"the budget's runs must be a whole number, got {runs}")
        return cls(
            None if runs is None else int(runs),
            budget.get("seconds"),
            budget.get("joules"),
            budget.get("usd"),
        )


@dataclass(frozen=True, slots=True)
class Spent:
    """What a sweep has spent so far.

    Attributes
    ----------
    runs, seconds : as in ``Budget``
    joules, usd : as in ``Budget``; None where a run told none
    """

    runs: int
    seconds: float
    joules: float | None
    usd: float | None

    def reached(self, budget: Budget) -> str:
        """Return the limit that allows no further run, in words; "" while all of them do."""
        if budget.runs is not None and self.runs >= budget.runs:
            return f"{budget.runs} runs"
        if budget.seconds is not None and self.seconds >= budget.seconds:
            return f"{budget.seconds:g} s"
        if budget.joules is not None and self.joules is not None and self.joules >= budget.joules:
            return f"{budget.joules:g} J"
        if budget.usd is not None and self.usd is not None and self.usd >= budget.usd:
            return f"{budget.usd:g} USD"
        return ""


class Stopwatch:
    """Counts wall seconds from its making."""

    def __init__(self) -> None:
        self._started_s = time.monotonic()

    @property
    def seconds(self) -> float:
        """Wall seconds since the start."""
        return time.monotonic() - self._started_s
