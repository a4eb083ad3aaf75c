"""The one clock of this package: how much of the solver's time is left."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment some seconds after construction.

    Attributes
    ----------
    seconds : the time limit
    clock : monotonic seconds
    """

    seconds: float
    clock: Callable[[], float] = time.monotonic
    _end: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_end", self.clock() + self.seconds)

    def left(self) -> float:
        """Return the seconds that remain, at least 0."""
        return max(0.0, self._end - self.clock())

    def passed(self) -> bool:
        """Tell whether the time is up."""
        return self.left() == 0.0
