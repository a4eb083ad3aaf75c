"""From the samples of one host to the joules of everybody who used it, by one method.

Whatever runs (workers of a workflow, futures of plain Lithops, one native process) is given as
traces of CPU time; what it costs is said here, in one place, for all of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flexecutor_energy.energy.attribution import IdlePolicy, attribute
from flexecutor_energy.energy.calibration import Calibration
from flexecutor_energy.energy.domains import boundary, counted, main_kind
from flexecutor_energy.energy.method import EnergyMethod, modelled
from flexecutor_energy.energy.modelling import model_host_trace, modelled_energy
from flexecutor_energy.energy.pooling import counter_trace
from flexecutor_energy.energy.power import PowerCurve
from flexecutor_energy.energy.sampler import HostSample
from flexecutor_energy.energy.traces import Attribution, HostTrace, WorkerTrace

IDLE_UNKNOWN = "idle power not known: all of it counts as dynamic"

TracesBetween = Callable[[float, float], Sequence[WorkerTrace]]
"""Given when a host was first and last seen, who used CPU time when."""


@dataclass(frozen=True, slots=True)
class SeenHost:
    """One host over a while, as it was seen.

    Attributes
    ----------
    samples : its counters, by whoever read them, in any order
    cores : hardware threads
    curve : its power curve, calibrated where it was
    calibration : what was measured without and under load, if that was done
    """

    samples: Sequence[HostSample]
    cores: float
    curve: PowerCurve
    calibration: Calibration | None = None


@dataclass(frozen=True, slots=True)
class HostShares:
    """Energy of one host, shared out.

    Attributes
    ----------
    how : where the figures come from
    idle_power_w : watts without load; None where not known
    attribution : joules of everybody
    """

    how: EnergyMethod
    idle_power_w: float | None
    attribution: Attribution


def share_counted(
    host: SeenHost, method: str, traces: TracesBetween, policy: IdlePolicy = "reserved"
) -> HostShares | None:
    """Share out what a counter of a host measured; None where it was not read twice."""
    trace = counter_trace(host.samples, method, host.cores)
    if trace is None:
        return None
    encloses = boundary(trace.energy_uj)
    idle_w = _idle_watts(host, trace, encloses)
    workers = traces(trace.times_s[0], trace.times_s[-1])
    shares = attribute(trace, workers, policy, idle_w or 0.0)
    domains = ", ".join(name for names in counted(trace.energy_uj).values() for name in names)
    source = f"counters of {domains}" + ("" if idle_w else f"; {IDLE_UNKNOWN}")
    how = EnergyMethod(method, encloses, known=True, source=source, form="counter")
    return HostShares(how, sum(idle_w.values()) if idle_w else None, shares)


def share_modelled(
    host: SeenHost, traces: TracesBetween, policy: IdlePolicy = "reserved"
) -> HostShares | None:
    """Share out what a power curve says of a host's pooled load; None where it was not seen."""
    samples = [(sample.monotonic_s, sample.busy_s) for sample in host.samples]
    seen = sorted(time for time, busy_s in samples if busy_s is not None)
    if not seen or seen[0] == seen[-1]:
        return None
    workers = traces(seen[0], seen[-1])
    trace = model_host_trace(samples, host.curve, cores=host.cores, workers=workers)
    shares = attribute(trace, workers, policy, host.curve.idle_w)
    how = modelled(host.curve, modelled_energy(trace, host.curve))
    return HostShares(how, host.curve.idle_w, shares)


def _idle_watts(host: SeenHost, trace: HostTrace, encloses: str) -> dict[str, float] | None:
    """Return idle watts by kind of domain: measured, or those of a curve of the same domain."""
    if host.calibration is not None:
        measured = host.calibration.idle_watts(encloses)
        if measured is not None:
            return measured
    main = main_kind(trace.energy_uj)
    if main is not None and host.curve.known and host.curve.boundary == main:
        return {main: host.curve.idle_w}
    return None
