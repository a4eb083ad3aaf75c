"""The account that one call gave of itself, as it travels and as the driver reads it."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flexecutor_energy.energy.reading import EnergyReading
from flexecutor_energy.energy.sampler import HostSample
from flexecutor_energy.errors import EnergyFormatError
from flexecutor_energy.hardware.detect import HostFacts

_VERSION = 1
_NOTHING_KNOWN = HostFacts(*[None] * 8)


@dataclass(frozen=True, slots=True)
class Instant:
    """One instant of a call, by the clocks of its host.

    Attributes
    ----------
    monotonic_s, wall_s : the clocks
    cpu_s : CPU seconds of the call's process tree so far
    busy_s : CPU seconds of the whole host so far; None where it does not tell
    """

    monotonic_s: float
    wall_s: float
    cpu_s: float
    busy_s: float | None


@dataclass(frozen=True, slots=True)
class Account:
    """What one call counted around the user's function.

    Attributes
    ----------
    host_id : shared by all calls of one host
    start, end : before and after the function
    rss_mb : largest resident memory of its process, MB
    facts : the host, as the call saw it; nothing known where the driver sees it itself
    machine_key : the machine's name over reboots, "" where it is not known
    samples : counters of the host, where the call read them
    refused : methods that it could not read, each with the reason
    """

    host_id: str
    start: Instant
    end: Instant
    rss_mb: float = 0.0
    facts: HostFacts = _NOTHING_KNOWN
    machine_key: str = ""
    samples: tuple[HostSample, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()

    @property
    def cpu_s(self) -> float:
        """CPU seconds of the function and of all processes that it started."""
        return max(0.0, self.end.cpu_s - self.start.cpu_s)

    @property
    def duration_s(self) -> float:
        """Seconds that the function took."""
        return self.end.monotonic_s - self.start.monotonic_s

    @property
    def host_samples(self) -> tuple[HostSample, ...]:
        """All that this call saw of its host."""
        ends = (HostSample(each.monotonic_s, each.busy_s) for each in (self.start, self.end))
        return (*ends, *self.samples)

    @classmethod
    def parse(cls, text: str) -> "Account":
        """Return the account that a worker has written.

        Raises
        ------
        EnergyFormatError
            It is not one, or says what kept it from being one.
        """
        try:
            data = json.loads(text)
            if data.get("problem"):
                raise EnergyFormatError(f"the worker could not account for it: {data['problem']}")
            if data["version"] != _VERSION:
                raise EnergyFormatError(f"accounts of version {data['version']!r} are not known")
            account = cls(
                host_id=str(data["host"]),
                start=_instant(data["start"]),
                end=_instant(data["end"]),
                rss_mb=(_number(data["rss_kb"]) or 0.0) * 1024 / 1e6,
                facts=HostFacts(**data["facts"]) if data.get("facts") else _NOTHING_KNOWN,
                machine_key=str(data.get("machine_key", "")),
                samples=tuple(_sample(sample) for sample in data.get("samples", ())),
                refused=tuple((str(name), str(why)) for name, why in data.get("refused", ())),
            )
        except EnergyFormatError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise EnergyFormatError(f"this is not an account of a call: {error!r}") from error
        if account.duration_s < 0:
            raise EnergyFormatError("the monotonic clock of its host went back during the call")
        return account


def _instant(values: Sequence[float | None]) -> Instant:
    monotonic_s, wall_s, cpu_s, busy_s = (_number(value) for value in values)
    if monotonic_s is None or wall_s is None or cpu_s is None:
        raise ValueError(f"clocks are missing in {values}")
    return Instant(monotonic_s, wall_s, cpu_s, busy_s)


def _number(value: float | None) -> float | None:
    if value is None:
        return None
    if not 0 <= value < math.inf:
        raise ValueError(f"{value} is not what a clock or a counter shows")
    return float(value)


def sample_to_dict(sample: HostSample) -> dict[str, Any]:
    """Return a sample as plain values."""
    return {
        "monotonic_s": sample.monotonic_s,
        "busy_s": sample.busy_s,
        "memory_used_mb": sample.memory_used_mb,
        "readings": [_reading_to_dict(reading) for reading in sample.readings],
    }


def _reading_to_dict(reading: EnergyReading) -> dict[str, Any]:
    domains = [
        {
            "domain": list(domain),
            "energy_uj": energy_uj,
            "problem": reading.problems.get(domain, ""),
            **({"range_uj": reading.ranges_uj[domain]} if domain in reading.ranges_uj else {}),
        }
        for domain, energy_uj in reading.domains.items()
    ]
    return {
        "t_monotonic_s": reading.t_monotonic_s,
        "t_wall_s": reading.t_wall_s,
        "method": reading.method,
        "origin": reading.origin,
        "domains": domains,
    }


def _sample(data: Mapping[str, Any]) -> HostSample:
    return HostSample(
        float(data["monotonic_s"]),
        _number(data["busy_s"]),
        _number(data["memory_used_mb"]),
        tuple(_reading(reading) for reading in data["readings"]),
    )


def _reading(data: Mapping[str, Any]) -> EnergyReading:
    named = [((int(each["domain"][0]), str(each["domain"][1])), each) for each in data["domains"]]
    return EnergyReading(
        float(data["t_monotonic_s"]),
        float(data["t_wall_s"]),
        {domain: each["energy_uj"] for domain, each in named},
        str(data["method"]),
        {domain: each["range_uj"] for domain, each in named if "range_uj" in each},
        {domain: each["problem"] for domain, each in named if each["problem"]},
        str(data["origin"]),
    )
