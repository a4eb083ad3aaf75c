"""Power of a processor as a function of its utilisation, with the band that the model deserves.

A curve is a few points (utilisation, watts) joined by straight lines. ``curves.py`` makes curves
from published figures; ``calibrated`` makes one from powers measured on the host itself.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from flexecutor_energy.energy import specpower
from flexecutor_energy.errors import ConfigurationError, EnergyFormatError
from flexecutor_energy.quantities import Interval

LEVEL = 0.8
"""Share of machines that the band of a curve should hold."""

STRAIGHT_LINE_MISS = 0.099
"""Average miss of a straight line between true idle and full power.

Taken over SPECpower_ssj2008 results since 2017 (n = 212), at the loads between the ends. The
median shape misses less: 10.6 % where the line misses 13.3 %, on the eleven servers of
``benchmarks/robustness.py``.
"""

MEASURED_ENDS = "between measured ends"
"""Stands in the source of a calibrated curve, and in no other."""

_MISS_TO_80_PERCENT = 1.2816 * math.sqrt(math.pi / 2)
"""An error with a mean size of m, normally distributed, stays within 1.61 m in 80 % of cases."""


@dataclass(frozen=True, slots=True)
class PowerCurve:
    """Watts against utilisation, through measured or published points.

    Attributes
    ----------
    cpu : name of the processor, as the host reports it
    kind : ``tdp``, ``coefficients``, ``default`` or ``calibrated``
    boundary : what the watts enclose: ``package`` or ``wall``
    known : False if this is the default for a processor that the catalogue does not know
    source : the constants used, and whose they are
    loads : utilisations of the points, rising from 0 to 1
    mean_w, low_w, high_w : expected watts at these points, and the ends of an 80 % band
    threads : hardware threads that the curve stands for, None if nobody says
    """

    cpu: str
    kind: str
    boundary: str
    known: bool
    source: str
    loads: tuple[float, ...]
    mean_w: tuple[float, ...]
    low_w: tuple[float, ...]
    high_w: tuple[float, ...]
    threads: float | None = None

    def __post_init__(self) -> None:
        if not (len(self.loads) == len(self.mean_w) == len(self.low_w) == len(self.high_w) >= 2):
            raise ConfigurationError("a power curve needs two points or more, each with its band")
        if self.loads[0] != 0.0 or self.loads[-1] != 1.0 or list(self.loads) != sorted(self.loads):
            raise ConfigurationError(f"loads must rise from 0 to 1, not {self.loads}")
        for low, mean, high in zip(self.low_w, self.mean_w, self.high_w, strict=True):
            if not 0 <= low <= mean <= high < math.inf:
                raise ConfigurationError(f"watts must be 0 <= {low} <= {mean} <= {high}")

    def watts(self, utilisation: float) -> Interval:
        """Return the power at a utilisation, with its 80 % band.

        Parameters
        ----------
        utilisation : busy share of the threads, 0…1; what lies outside is taken as the nearest
            end, because clocks of CPU time and wall time never agree to the last tick

        Raises
        ------
        ConfigurationError
            The utilisation is not a number.
        """
        if math.isnan(utilisation):
            raise ConfigurationError("utilisation must be a number between 0 and 1, not NaN")
        place = min(max(utilisation, 0.0), 1.0)
        return Interval(
            _on_line(place, self.loads, self.mean_w),
            _on_line(place, self.loads, self.low_w),
            _on_line(place, self.loads, self.high_w),
            level=LEVEL,
        )

    @property
    def idle_w(self) -> float:
        """Expected watts without load."""
        return self.mean_w[0]

    @property
    def max_w(self) -> float:
        """Expected watts at full load."""
        return self.mean_w[-1]

    def relative_band(self, utilisation: float = 0.5) -> tuple[float, float]:
        """Return the ends of the band as multiples of the expected power at a utilisation."""
        power = self.watts(utilisation)
        if power.mean == 0:
            return (1.0, 1.0)
        return (power.low / power.mean, power.high / power.mean)

    def scaled(self, factor: float) -> "PowerCurve":
        """Return the curve of ``factor`` such processors, for example of the sockets of a host."""
        if not 0 < factor < math.inf:
            raise ConfigurationError(f"a power curve is scaled by a positive number, not {factor}")
        return replace(
            self,
            mean_w=tuple(watts * factor for watts in self.mean_w),
            low_w=tuple(watts * factor for watts in self.low_w),
            high_w=tuple(watts * factor for watts in self.high_w),
            threads=None if self.threads is None else self.threads * factor,
        )

    def for_threads(self, visible: float, platform: float | None = None) -> "PowerCurve":
        """Return the share of the curve that belongs to some of its hardware threads.

        A virtual machine sees part of a processor, and is charged that part of both its idle and
        its dynamic power (Teads, Cloud Carbon Footprint).

        Parameters
        ----------
        visible : hardware threads (vCPU) that the host sees
        platform : hardware threads that the curve stands for; None takes ``threads``

        Raises
        ------
        ConfigurationError
            A count is not positive, or nobody knows how many threads the curve stands for.
        """
        whole = self.threads if platform is None else platform
        if whole is None:
            raise ConfigurationError(
                f"the number of hardware threads of {self.cpu!r} is not known; give `platform`"
            )
        if not (0 < visible < math.inf and 0 < whole < math.inf):
            raise ConfigurationError(f"thread counts must be positive, not {visible} of {whole}")
        return replace(self.scaled(visible / whole), threads=visible)

    def calibrated(
        self,
        *,
        idle_w: float,
        max_w: float,
        between: Mapping[float, float] | None = None,
        boundary: str | None = None,
        source: str = "idle and full power measured on this host",
    ) -> "PowerCurve":
        """Return the curve through measured powers, with a narrower band.

        Between its ends it has the median shape of servers in SPECpower_ssj2008, which jumps at
        the first load and rises steeply again towards the last, unless powers were measured there
        too. The band is ± 15.9 %: even a straight line between true ends misses by 9.9 % only, and
        an error of that mean size stays within 1.61 times it in 80 % of cases if it is normal.

        Parameters
        ----------
        idle_w, max_w : watts measured without load and at full load
        between : utilisation → watts, measured between these; None: the published shape
        boundary : what the meter enclosed; None keeps the boundary of this curve
        source : where the two figures come from

        Raises
        ------
        ConfigurationError
            The powers are not 0 < idle_w <= max_w, or what lies between them is not between
            them, or falls.
        """
        if not 0 < idle_w <= max_w < math.inf:
            raise ConfigurationError(
                f"calibration needs 0 < idle_w <= max_w, not {idle_w} and {max_w}"
            )
        points = _points_between(float(idle_w), float(max_w), between or {})
        shape = "straight lines" if between else "median shape of SPECpower_ssj2008"
        watts = tuple(points.values())
        miss = STRAIGHT_LINE_MISS * _MISS_TO_80_PERCENT
        return replace(
            self,
            kind="calibrated",
            known=True,
            boundary=self.boundary if boundary is None else boundary,
            source=f"{source}: {idle_w:g}–{max_w:g} W, {shape} {MEASURED_ENDS}; band ±{miss:.1%}",
            loads=tuple(points),
            mean_w=watts,
            low_w=tuple(each * (1 - miss) for each in watts),
            high_w=tuple(each * (1 + miss) for each in watts),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, strings and lists, as profiles store them."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "PowerCurve":
        """Return the curve that ``to_dict`` wrote.

        Raises
        ------
        EnergyFormatError
            A field is missing, too many, or not what it should be.
        """
        try:
            fields: dict[str, Any] = {
                key: tuple(float(each) for each in value) if isinstance(value, list) else value
                for key, value in data.items()
            }
            return cls(**fields)
        except (AttributeError, TypeError, ValueError) as error:
            raise EnergyFormatError(f"this is not a power curve: {error}") from error


def _points_between(
    idle_w: float, max_w: float, measured: Mapping[float, float]
) -> dict[float, float]:
    """Return load → watts, rising: the ends, and what was measured or published in between."""
    if not measured:
        rise = max_w - idle_w
        inner = zip(specpower.LOADS[1:-1], specpower.RISE[1:-1], strict=True)
        return {0.0: idle_w, **{load: idle_w + rise * share for load, share in inner}, 1.0: max_w}
    points = {0.0: idle_w, **dict(sorted(measured.items())), 1.0: max_w}
    watts = list(points.values())
    if not all(0 < load < 1 for load in measured) or watts != sorted(watts):
        raise ConfigurationError(
            f"calibration needs watts that rise from {idle_w:g} to {max_w:g} at loads between 0 "
            f"and 1, not {dict(measured)}"
        )
    return points


def _on_line(place: float, loads: tuple[float, ...], watts: tuple[float, ...]) -> float:
    right = min(bisect_right(loads, place), len(loads) - 1)
    left = right - 1
    share = (place - loads[left]) / (loads[right] - loads[left])
    return watts[left] * (1 - share) + watts[right] * share
