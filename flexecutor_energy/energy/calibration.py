"""Power of one machine without load and under full load, measured or given, as it is stored.

True ends with the usual shape between them are better than any published curve (see
``PowerCurve.calibrated``), and idle power is what divides a counter's joules into idle and
dynamic ones.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from flexecutor_energy.energy.domains import counted
from flexecutor_energy.energy.power import PowerCurve
from flexecutor_energy.energy.reading import EnergyDelta
from flexecutor_energy.errors import ConfigurationError, EnergyFormatError

QUANTILES = (0.1, 0.9)
"""Ends of a spread: as many windows lie between them as a curve's band should hold machines."""

FOREIGN_LIMIT = 0.10
"""Share of the CPUs that others may use while a machine should be idle."""

_VERSION = 1


@dataclass(frozen=True, slots=True)
class MeasuredPower:
    """Power of a machine in one state.

    Attributes
    ----------
    mean_w : joules over seconds, watts
    low_w, high_w : 10th and 90th percentile of the power in the windows, watts; None where a
        figure was given without its spread
    seconds, windows : how long was measured, in how many windows of a second or more; None where
        a figure was given
    kinds_w : what the mean is made of, by kind of domain, such as ``package`` and ``dram``; empty
        where nobody says
    """

    mean_w: float
    low_w: float | None = None
    high_w: float | None = None
    seconds: float | None = None
    windows: int | None = None
    kinds_w: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for watts in (self.mean_w, self.low_w, self.high_w, *self.kinds_w.values()):
            if watts is not None and not 0 <= watts < math.inf:
                raise ConfigurationError(f"a power is 0 W or more, not {watts}")
        if (self.low_w is None) != (self.high_w is None):
            raise ConfigurationError("a spread has two ends")
        if self.low_w is not None and self.high_w is not None and self.low_w > self.high_w:
            raise ConfigurationError(f"a spread rises, not {self.low_w} … {self.high_w} W")

    @classmethod
    def of_windows(cls, windows: Iterable[EnergyDelta]) -> "MeasuredPower | None":
        """Return the power in windows whose energy is known; None where none is.

        Parameters
        ----------
        windows : energy between two readings each; those without a total count for nothing
        """
        known = [w for w in windows if w.total_j is not None and w.duration_s > 0]
        if not known:
            return None
        seconds = sum(window.duration_s for window in known)
        joules = sum(window.total_j or 0.0 for window in known)
        watts = sorted((window.total_j or 0.0) / window.duration_s for window in known)
        low, high = (_quantile(watts, share) for share in QUANTILES)
        return cls(
            mean_w=joules / seconds,
            low_w=low,
            high_w=high,
            seconds=seconds,
            windows=len(known),
            kinds_w={name: part / seconds for name, part in _by_kind(known, joules).items()},
        )

    def describe(self) -> str:
        """Return one line for people, such as ``38.2 W (37.9 … 38.8)``."""
        if self.low_w is None or self.high_w is None:
            return f"{self.mean_w:.3g} W"
        return f"{self.mean_w:.3g} W ({self.low_w:.3g} … {self.high_w:.3g})"


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a machine draws at both ends, and how that is known.

    Attributes
    ----------
    machine_key : the machine, see ``hardware.detect.machine_key``; the same after a reboot
    cpu : name of its processor
    method : the meter (``rapl``, ``perf`` …), or ``given`` for figures from elsewhere
    boundary : what the watts enclose: ``package``, ``package+dram``, ``wall`` …
    idle : power without load
    loaded : power with every CPU busy; None where only idle power is known
    time : when it was measured or given, ISO 8601
    source : counters or meter that the figures come from
    foreign_share : share of the CPUs that others used while the machine should have been idle;
        None where a figure was given
    """

    machine_key: str
    cpu: str
    method: str
    boundary: str
    idle: MeasuredPower
    loaded: MeasuredPower | None
    time: str
    source: str
    foreign_share: float | None = None

    def __post_init__(self) -> None:
        if self.loaded is not None and not 0 < self.idle.mean_w <= self.loaded.mean_w:
            raise ConfigurationError(
                f"calibration needs 0 < idle <= loaded, not {self.idle.mean_w:g} and "
                f"{self.loaded.mean_w:g} W"
            )

    def apply(self, curve: PowerCurve) -> PowerCurve:
        """Return the curve through the measured ends, for the threads of ``curve``.

        Its band is that of ``PowerCurve.calibrated``, made wider at an end where the windows
        themselves were spread wider. Without loaded power the curve is returned as it is.
        """
        if self.loaded is None:
            return curve
        measured = curve.calibrated(
            idle_w=self.idle.mean_w,
            max_w=self.loaded.mean_w,
            boundary=self.boundary,
            source=f"ends {self.describe_origin()}",
        )
        low_w, high_w = list(measured.low_w), list(measured.high_w)
        for at, end in ((0, self.idle), (-1, self.loaded)):
            if end.low_w is not None and end.high_w is not None:
                low_w[at], high_w[at] = min(low_w[at], end.low_w), max(high_w[at], end.high_w)
        return replace(measured, low_w=tuple(low_w), high_w=tuple(high_w))

    def idle_watts(self, boundary: str) -> dict[str, float] | None:
        """Return idle watts by kind of domain, as ``attribute`` takes them.

        Parameters
        ----------
        boundary : what the joules to be shared out enclose (``domains.boundary``)

        Returns
        -------
        dict or None
            None where this calibration encloses something else: idle power at the wall says
            nothing about joules of a package.
        """
        known = self.idle.kinds_w or {self.boundary: self.idle.mean_w}
        wanted = [boundary] if boundary in known else boundary.split("+")
        return {name: known[name] for name in wanted} if set(wanted) <= set(known) else None

    @property
    def disturbed(self) -> bool:
        """Whether others used more of the CPUs than they should while the machine was idle."""
        return (self.foreign_share or 0.0) > FOREIGN_LIMIT

    def describe(self) -> str:
        """Return both powers, what they enclose and who measured them, in one line for people."""
        busy = f", busy {self.loaded.describe()}" if self.loaded is not None else ""
        return f"idle {self.idle.describe()}{busy}, {self.boundary}; {self.describe_origin()}"

    def describe_origin(self) -> str:
        """Return who measured what and when, in one line for people."""
        how = "given" if self.method == "given" else f"measured with {self.method}"
        return f"{how} at {self.time} ({self.source})"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as workspaces store them."""
        return {"version": _VERSION, **asdict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Calibration":
        """Return the calibration that ``to_dict`` wrote.

        Raises
        ------
        EnergyFormatError
            A field is missing, too many, or not what it should be.
        """
        try:
            given = dict(data)
            version = given.pop("version")
            if version != _VERSION:
                raise EnergyFormatError(f"calibrations of version {version!r} cannot be read")
            texts = ("machine_key", "cpu", "method", "boundary", "time", "source")
            for name in texts:
                if not isinstance(given[name], str):
                    raise TypeError(f"{name} is {given[name]!r}, not a text")
            loaded = given["loaded"]
            given["idle"] = _power(given["idle"])
            given["loaded"] = None if loaded is None else _power(loaded)
            return cls(**given)
        except (AttributeError, KeyError, TypeError, ConfigurationError) as error:
            raise EnergyFormatError(f"this is not a calibration: {error!r}") from error


def _power(data: Mapping[str, Any]) -> MeasuredPower:
    known = {each.name for each in fields(MeasuredPower)}
    numbers = {key: value for key, value in data.items() if key != "kinds_w"}
    for key, value in [*numbers.items(), *data["kinds_w"].items()]:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number and not (value is None and key in known):
            raise TypeError(f"{key} is {value!r}, not a number")
    return MeasuredPower(**{**data, "kinds_w": dict(data["kinds_w"])})


def _quantile(ordered: list[float], share: float) -> float:
    """Return a quantile of sorted values, on the line between its neighbours."""
    place = share * (len(ordered) - 1)
    left = math.floor(place)
    right = min(left + 1, len(ordered) - 1)
    return ordered[left] + (place - left) * (ordered[right] - ordered[left])


def _by_kind(windows: list[EnergyDelta], joules: float) -> dict[str, float]:
    """Return the joules of each kind of domain that counts; they sum up to ``joules``.

    The first kind is what the others leave of the total, which knows of dies that only mirror
    another one.
    """
    groups = counted(windows[0].domains_j)
    main, *others = groups
    parts = {
        name: sum(w.domains_j.get(label) or 0.0 for w in windows for label in groups[name])
        for name in others
    }
    return {main: joules - sum(parts.values()), **parts}
