"""Parents' workers that were hardly varied apart from the stage's own.

Where a sweep gave all stages of a run the same number of workers, nothing measured says whether
a stage was slow for the sake of its own workers or of its parents': models that attribute it to
either explain the measurements as well, and differ where the two numbers do. The part of a
parent's count that the stage's own does not explain is therefore taken half-way, unless it was
varied enough to tell, and the other half is a doubt.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from flexecutor_energy.prediction.rows import FloatArray, Rows

# Standard deviations of logarithms, before anything is seen: of the power by which time goes with
# a parent's workers, and of what else makes conditions differ.
_POWER, _ELSE = 0.5, 0.1
_UNTOLD = 0.5


@dataclass(frozen=True, slots=True)
class Line:
    """How the workers of a parent went with the stage's own, in logarithms.

    Attributes
    ----------
    offset, slope : log of the parent's workers = offset + slope · log of the own
    told : share of an effect beyond this line that the measurements tell, 0…1
    """

    offset: float
    slope: float
    told: float

    @classmethod
    def of(cls, own: FloatArray, parent: FloatArray) -> "Line | None":
        """Fit the line through n conditions; None where the own workers were never varied.

        What is told is the weight of the measurements against what is assumed before them, as
        in the regression of a prior of mean 0 (ridge).
        """
        x, y = np.log(own), np.log(parent)
        if np.ptp(x) < 1e-9:
            return None
        slope = float(np.cov(x, y, bias=True)[0, 1] / np.var(x))
        offset = float(np.mean(y) - slope * np.mean(x))
        beyond = float(np.sum((y - offset - slope * x) ** 2)) * _POWER**2
        return cls(offset, slope, beyond / (beyond + _ELSE**2))

    def at(self, own: FloatArray) -> FloatArray:
        """Return the parent's workers on the line: array like ``own``."""
        expected: FloatArray = np.exp(self.offset + self.slope * np.log(own))
        return expected

    def believed(self, own: FloatArray, parent: FloatArray) -> FloatArray:
        """Return the parent's workers, drawn to the line by half of what is not told."""
        share = 1 - _UNTOLD * (1 - self.told)
        line = self.at(own)
        drawn: FloatArray = line * (parent / line) ** share
        return drawn


def lines_of(rows: Rows) -> dict[str, Line]:
    """Return parent → line, for the parents of n conditions whose workers varied."""
    found = {}
    for parent, column in rows.fan_in.items():
        line = Line.of(rows.workers, column) if np.ptp(column) > 0 else None
        if line is not None:
            found[parent] = line
    return found


def believed(rows: Rows, lines: Mapping[str, Line]) -> Rows:
    """Return rows with the fan-in that predictions should assume."""
    return _moved(
        rows, {p: line.believed(rows.workers, rows.fan_in[p]) for p, line in lines.items()}
    )


def on_lines(rows: Rows, lines: Mapping[str, Line]) -> Rows:
    """Return rows with the fan-in that the sweep would have given them."""
    return _moved(rows, {parent: line.at(rows.workers) for parent, line in lines.items()})


def _moved(rows: Rows, columns: Mapping[str, FloatArray]) -> Rows:
    return replace(rows, fan_in={**rows.fan_in, **columns}) if columns else rows
