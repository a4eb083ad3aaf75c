"""What a sweep may spend, and whether it is spent."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from flexecutor_energy.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Budget:
    """What a sweep may spend; None means without limit.

    Attributes
    ----------
    runs : runs of the workflow
    seconds : wall seconds; a run that has begun is finished
    """

    runs: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("runs", self.runs), ("seconds", self.seconds)):
            if value is not None and not value > 0:
                raise ConfigurationError(f"the budget's {name} must be above 0, got {value}")

    @classmethod
    def of(cls, budget: "Budget | Mapping[str, float] | int | None") -> "Budget":
        """Return a budget: a number means runs, a mapping names its parts."""
        if budget is None:
            return cls()
        if isinstance(budget, Budget):
            return budget
        if isinstance(budget, int):
            return cls(runs=budget)
        unknown = set(budget) - {"runs", "seconds"}
        if unknown:
            raise ConfigurationError(
                f"a budget is counted in 'runs' and 'seconds', not {', '.join(sorted(unknown))}"
            )
        runs = budget.get("runs")
        return cls(None if runs is None else int(runs), budget.get("seconds"))


class Stopwatch:
    """Tells whether a budget is spent."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._started_s = time.monotonic()

    @property
    def seconds(self) -> float:
        """Wall seconds since the start."""
        return time.monotonic() - self._started_s

    def spent(self, runs: int) -> bool:
        """Whether the budget allows no further run."""
        budget = self._budget
        return (budget.runs is not None and runs >= budget.runs) or (
            budget.seconds is not None and self.seconds >= budget.seconds
        )
