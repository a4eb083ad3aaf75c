"""Numbers with their uncertainty, and the units they are shown in.

SI inside (seconds, joules, watts), USD for money, MB (10^6 bytes) for memory.
Standard library only: workers import this module.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the band that should hold one observation at a given level.

    Attributes
    ----------
    mean : the expected value
    low, high : the ends of the band, ``low <= mean <= high`` is not required of skewed bands
    level : the share of observations that the band should hold, 0…1
    """

    mean: float
    low: float
    high: float
    level: float = 0.95

    def __post_init__(self) -> None:
        if math.isnan(self.mean) or math.isnan(self.low) or math.isnan(self.high):
            raise ValueError(f"an interval cannot hold NaN: {self.mean}, {self.low}, {self.high}")
        if self.low > self.high:
            raise ValueError(f"interval ends are swapped: low {self.low} > high {self.high}")
        if not 0 < self.level < 1:
            raise ValueError(f"level must lie between 0 and 1, not {self.level}")

    @classmethod
    def exact(cls, value: float, level: float = 0.95) -> "Interval":
        """Return an interval without width."""
        return cls(value, value, value, level)

    def scaled(self, factor: float) -> "Interval":
        """Return the interval times a non-negative factor."""
        if factor < 0:
            raise ValueError(f"factor must not be negative, got {factor}")
        return Interval(self.mean * factor, self.low * factor, self.high * factor, self.level)

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def to_dict(self) -> dict[str, float]:
        """Return the fields as plain numbers, for JSON."""
        return {"mean": self.mean, "low": self.low, "high": self.high, "level": self.level}


_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"))


def format_quantity(value: float | None, unit: str) -> str:
    """Return a value with three significant digits and an SI prefix, such as ``1.23 kJ``.

    ``None`` becomes ``unmeasured``; USD is written without a prefix.
    """
    if value is None:
        return "unmeasured"
    if unit == "USD":
        return f"{value:.3g} USD"
    if unit == "s" and abs(value) >= 120:
        minutes, seconds = divmod(value, 60)
        return f"{int(minutes)} min {seconds:.0f} s"
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}"
    for scale, prefix in _PREFIXES:
        if abs(value) >= scale:
            return f"{value / scale:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}"
