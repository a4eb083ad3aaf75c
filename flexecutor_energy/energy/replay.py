"""A recorded series of readings, for tests and examples."""

from collections.abc import Mapping, Sequence

from flexecutor_energy.energy.domains import counted
from flexecutor_energy.energy.reading import Availability, Domain, EnergyReading
from flexecutor_energy.errors import ConfigurationError


class ReplayCollector:
    """Gives recorded readings one after another; after the last one it knows nothing.

    Parameters
    ----------
    readings : the recording; each is given as a reading of method ``replay``
    """

    def __init__(self, readings: Sequence[EnergyReading]) -> None:
        self._readings = tuple(readings)
        self._next = 0

    @classmethod
    def from_series(
        cls, times_s: Sequence[float], energy_uj: Mapping[Domain, Sequence[int | None]]
    ) -> "ReplayCollector":
        """Return a replay of counters that were read at some times.

        Parameters
        ----------
        times_s : monotonic times of the readings, seconds
        energy_uj : for each domain its counter at these times, microjoules

        Raises
        ------
        ConfigurationError
            A counter has another length than the times.
        """
        for domain, counter in energy_uj.items():
            if len(counter) != len(times_s):
                raise ConfigurationError(
                    f"domain {domain} has {len(counter)} values for {len(times_s)} times"
                )
        return cls(
            [
                EnergyReading(
                    time,
                    time,
                    {domain: values[at] for domain, values in energy_uj.items()},
                    "replay",
                )
                for at, time in enumerate(times_s)
            ]
        )

    @property
    def method(self) -> str:
        """``replay``."""
        return "replay"

    def probe(self) -> Availability:
        """Return whether the recording holds energy that counts."""
        if not self._readings:
            return Availability(False, "the recording is empty")
        names = {name for _, name in self._readings[0].domains}
        if not counted(names):
            return Availability(False, "the recording holds no domain that counts")
        return Availability(True, f"recording of {len(self._readings)} readings")

    def read(self) -> EnergyReading:
        """Return the next reading of the recording."""
        if self._next >= len(self._readings):
            return self._over()
        recorded = self._readings[self._next]
        self._next += 1
        missing = {domain for domain, value in recorded.domains.items() if value is None}
        return EnergyReading(
            recorded.t_monotonic_s,
            recorded.t_wall_s,
            recorded.domains,
            "replay",
            recorded.ranges_uj,
            {
                domain: recorded.problems.get(domain, "missing in the recording")
                for domain in missing
            },
        )

    def _over(self) -> EnergyReading:
        if not self._readings:
            return EnergyReading(
                0.0, 0.0, {(0, "package"): None}, "replay", {}, {(0, "package"): "empty recording"}
            )
        last = self._readings[-1]
        domains = dict.fromkeys(last.domains)
        over = dict.fromkeys(last.domains, "the recording is over")
        return EnergyReading(last.t_monotonic_s, last.t_wall_s, domains, "replay", {}, over)
